//! GitHub flavoured markdown, for pull requests, tickets and runbooks.

mod escape;
mod report;

pub(super) use escape::{escaped, fenced};
pub(super) use report::{document_text, write_report};
