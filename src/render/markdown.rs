//! GitHub flavoured markdown, for pull requests, tickets and runbooks.

mod escape;
mod report;

pub(super) use report::write_report;
