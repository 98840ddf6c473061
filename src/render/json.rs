//! The envelope itself, as JSON and as YAML.

use std::io::Write;

use serde::Serialize;
use serde_json::Value;

use super::RenderError;

/// The report as plain data. Every form for programs starts from this one value, so that they cannot differ.
pub(super) fn envelope(report: &impl Serialize) -> Result<Value, RenderError> {
    serde_json::to_value(report).map_err(|error| RenderError::Form { format: "json", why: error.to_string() })
}

/// Two spaces of indentation, with a line break at the end.
pub(super) fn write_json(report: &impl Serialize, out: &mut impl Write) -> Result<(), RenderError> {
    // Made whole before it is written: half a document must never reach a pipe because of its other half.
    let mut text = serde_json::to_string_pretty(report)
        .map_err(|error| RenderError::Form { format: "json", why: error.to_string() })?;
    text.push('\n');
    Ok(out.write_all(text.as_bytes())?)
}

/// The same value as YAML.
pub(super) fn write_yaml(report: &impl Serialize, out: &mut impl Write) -> Result<(), RenderError> {
    let text = serde_saphyr::to_string(&envelope(report)?)
        .map_err(|error| RenderError::Form { format: "yaml", why: error.to_string() })?;
    Ok(out.write_all(text.as_bytes())?)
}
