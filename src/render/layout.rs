//! What the forms for people have in common: what a report is about, its counts in words, and a layout for a report
//! that brings none of its own.

use std::borrow::Cow;

use crate::report::{
    Block, Cell, Check, ChecklistItem, Column, Document, Finding, Report, Severity, Source, Table, Tone,
};

/// A label and the name of what the report is about.
pub(super) fn subject(source: &Source) -> (&'static str, String) {
    match source {
        Source::Cluster { context: Some(context), server } => ("Cluster", format!("{context} ({server})")),
        Source::Cluster { context: None, server } => ("Cluster", server.clone()),
        Source::Files { paths } => {
            let paths: Vec<&str> =
                paths.iter().map(|path| if path == "-" { "standard input" } else { path.as_str() }).collect();
            ("Files", paths.join(", "))
        }
    }
}

/// `2 high, 1 medium, 1 not evaluated`; empty where there is nothing to count.
pub(super) fn counts(report: &Report) -> String {
    let counts = &report.summary.counts;
    let of = |severity| match severity {
        Severity::Critical => counts.critical,
        Severity::High => counts.high,
        Severity::Medium => counts.medium,
        Severity::Low => counts.low,
        Severity::Info => counts.info,
    };
    let mut words: Vec<String> = Severity::ALL
        .into_iter()
        .filter(|&severity| of(severity) > 0)
        .map(|severity| format!("{} {severity}", of(severity)))
        .collect();
    if !report.not_evaluated.is_empty() {
        words.push(format!("{} not evaluated", report.not_evaluated.len()));
    }
    words.join(", ")
}

/// The tone of the verdict: that of the most serious finding, and never good where something was not evaluated.
pub(super) fn verdict_tone(report: &Report) -> Tone {
    match report.findings.iter().map(|finding| finding.severity).max() {
        Some(Severity::Critical | Severity::High) => Tone::Bad,
        Some(Severity::Medium) => Tone::Notice,
        _ if !report.not_evaluated.is_empty() => Tone::Notice,
        _ => Tone::Good,
    }
}

/// The report's own document, or one made of its findings and checks.
pub(super) fn document_of(report: &Report) -> Cow<'_, Document> {
    if report.document.blocks.is_empty() {
        Cow::Owned(findings_document(report))
    } else {
        Cow::Borrowed(&report.document)
    }
}

/// A plain layout for a report that is no more than its findings and checks.
#[must_use]
pub fn findings_document(report: &Report) -> Document {
    let mut document = Document::default();
    if report.findings.is_empty() {
        document.text("Nothing found.");
    } else {
        document.push(Block::Table(findings_table(&report.findings)));
    }
    if !report.checks.is_empty() {
        document.heading(2, "Checks");
        document.push(Block::Checklist(check_items(&report.checks)));
    }
    document
}

/// The findings as a table. The place in the files is shown only where findings have one.
#[must_use]
pub fn findings_table(findings: &[Finding]) -> Table {
    let placed = findings.iter().any(|finding| finding.source.is_some());
    let mut columns =
        vec![Column::new("SEVERITY"), Column::new("ID"), Column::new("OBJECT").wraps(), Column::new("FINDING").wraps()];
    if placed {
        columns.push(Column::new("SOURCE").wraps());
    }
    columns.push(Column::new("HINT").wraps().wide());
    let mut table = Table::new(columns);
    for finding in findings {
        let mut row = vec![
            Cell::new(finding.severity.as_str(), finding.severity.into()),
            Cell::from(finding.id.as_str()),
            Cell::from(finding.object.as_ref().map(crate::report::ObjectRef::display).unwrap_or_default()),
            Cell::from(finding.title.as_str()),
        ];
        if placed {
            let place = finding.source.as_ref().map(|source| format!("{}:{}", source.file, source.line));
            row.push(Cell::from(place.unwrap_or_default()));
        }
        row.push(Cell::from(finding.hint.clone().unwrap_or_default()));
        table.push(row);
    }
    table
}

/// The checks as lines of a check list.
#[must_use]
pub fn check_items(checks: &[Check]) -> Vec<ChecklistItem> {
    checks
        .iter()
        .map(|check| ChecklistItem {
            status: check.status,
            title: check.id.clone(),
            details: if check.evidence.is_empty() { Vec::new() } else { vec![check.evidence.clone()] },
        })
        .collect()
}
