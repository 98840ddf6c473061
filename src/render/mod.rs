//! The forms of a report: table, wide, json, yaml, name, jsonpath, markdown, sarif, junit.
//!
//! [`render()`] is the one entrance: a finished [`Report`] goes in, bytes come out. Nothing here decides anything about
//! a cluster, and nothing here looks at the terminal: what a stream can show comes in as a [`RenderContext`].
//!
//! The forms for people (table, wide, markdown) show the report's [`Document`](crate::report::Document) between a
//! header that says what it is about and a part that names what was not evaluated. The forms for programs show the
//! envelope, or are made from its findings and checks.

mod args;
mod clusters;
mod error;
mod format;
mod json;
mod jsonpath;
mod junit;
mod layout;
mod markdown;
mod names;
mod safe;
#[cfg(test)]
mod sample;
mod sarif;
#[cfg(test)]
mod tests;
mod text;

use std::io::Write;

pub use args::{CommonFormats, FormatParser, OutputArgs, OwnFormats};
pub use clusters::render_clusters;
pub use error::RenderError;
pub use format::{Format, FormatError};
pub use jsonpath::{JsonPath, JsonPathError};
pub use layout::{check_items, findings_document, findings_table};
pub use safe::printable;
pub use text::{RenderContext, write_document};

use crate::report::Report;

/// Writes a report in the form that was asked for.
///
/// # Errors
/// [`RenderError::Write`] where the output cannot be written, the others where the form cannot show this report.
pub fn render(
    report: &Report,
    format: &Format,
    context: &RenderContext,
    out: &mut impl Write,
) -> Result<(), RenderError> {
    match format {
        Format::Table => text::write_report(report, context, false, out),
        Format::Wide => text::write_report(report, context, true, out),
        Format::Json => json::write_json(report, out),
        Format::Yaml => json::write_yaml(report, out),
        Format::Name => names::write(report, out),
        Format::JsonPath(template) => jsonpath::write(report, template, out),
        Format::Markdown => markdown::write_report(report, out),
        Format::Sarif => sarif::write(report, out),
        Format::Junit => junit::write(report, out),
        Format::Own(name) => Err(RenderError::OwnFormat(name)),
    }
}
