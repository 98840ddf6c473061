//! `-o name`: the objects of the findings, one a line, for `xargs kubectl get`.

use std::io::Write;

use super::{RenderError, printable};
use crate::report::Report;

/// `kind.group/name` of each object that a finding is about, in the order of the findings, each once.
pub(super) fn write(report: &Report, out: &mut impl Write) -> Result<(), RenderError> {
    let mut seen = rustc_hash::FxHashSet::default();
    for object in report.findings.iter().filter_map(|finding| finding.object.as_ref()) {
        let name = object.resource_name();
        if seen.insert(name.clone()) {
            writeln!(out, "{}", printable(&name))?;
        }
    }
    Ok(())
}
