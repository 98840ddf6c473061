//! Vulnerabilities laid out for people.

use std::collections::BTreeMap;

use patchkit::report::{Block, Cell, Column, Document, Severity, Table, Tone};

use super::{CveHere, Holds};
use crate::words::{count, summary};

/// Lays them out; `notes` are said under the title.
#[must_use]
pub fn document(cves: &[CveHere], notes: &[String]) -> Document {
    let mut document = Document::default();
    document.heading(1, "CVEs of what runs");
    for note in notes {
        document.text(note.as_str());
    }
    if cves.is_empty() {
        document.text("No known CVE touches the versions that are visible.");
        return document;
    }
    for (touches, title) in [
        (Holds::Yes, "Touch a version that runs"),
        (Holds::Unknown, "May touch what runs: it cannot be told"),
        (Holds::No, "Touch nothing that is visible"),
    ] {
        let of: Vec<CveHere> = cves.iter().filter(|cve| cve.touches == touches).cloned().collect();
        if !of.is_empty() {
            document.heading(2, format!("{title} ({})", count(of.len(), "entry")));
            document.push(Block::Table(table(&of)));
        }
    }
    by_node(&mut document, cves);
    document
}

fn tone_of(severity: Severity) -> Tone {
    match severity {
        Severity::Critical | Severity::High => Tone::Bad,
        Severity::Medium => Tone::Notice,
        Severity::Low | Severity::Info => Tone::Faint,
    }
}

/// One line an entry.
#[must_use]
pub fn table(cves: &[CveHere]) -> Table {
    let mut table = Table::new([
        Column::new("CVE"),
        Column::new("SEVERITY"),
        Column::new("COMPONENT"),
        Column::new("PLACES").right(),
        Column::new("FIXED IN").wraps(),
        Column::new("MATTERS HERE").wraps(),
        Column::new("TITLE").wide().wraps(),
        Column::new("WHERE").wide().wraps(),
    ]);
    for cve in cves {
        let (matters, tone) = match (&cve.precondition, &cve.uncertain) {
            _ if cve.touches == Holds::No => ("no: no version that runs has it".to_owned(), Tone::Good),
            (_, Some(why)) => (format!("cannot tell: {why}"), Tone::Notice),
            (None, None) => ("yes".to_owned(), tone_of(cve.severity)),
            (Some(answer), None) => match answer.holds {
                Holds::Yes => (format!("yes: {}", answer.why), tone_of(cve.severity)),
                Holds::No => (format!("no: {}", answer.why), Tone::Good),
                Holds::Unknown => (format!("cannot tell: {}", answer.why), Tone::Notice),
            },
        };
        let score = cve.score.map(|score| format!(" {score:.1}")).unwrap_or_default();
        let fixed = if cve.fixed_in.is_empty() { "no fix".to_owned() } else { cve.fixed_in.join(", ") };
        table.push([
            Cell::from(cve.id.as_str()),
            Cell::new(format!("{}{score}", cve.severity), tone_of(cve.severity)),
            Cell::from(cve.component.as_str()),
            Cell::from(cve.affected.len().to_string()),
            Cell::from(fixed),
            Cell::new(matters, tone),
            Cell::from(cve.title.as_str()),
            Cell::from(
                cve.affected
                    .iter()
                    .map(|place| format!("{} {}", place.name, place.version))
                    .collect::<Vec<_>>()
                    .join(", "),
            ),
        ]);
    }
    table
}

/// How many each node has, by severity, of those that touch it and whose precondition does not fail.
fn by_node(document: &mut Document, cves: &[CveHere]) {
    let mut nodes: BTreeMap<&str, BTreeMap<Severity, Vec<String>>> = BTreeMap::new();
    let matters = |cve: &&CveHere| {
        cve.touches == Holds::Yes && cve.precondition.as_ref().is_none_or(|answer| answer.holds != Holds::No)
    };
    for cve in cves.iter().filter(matters) {
        for node in cve.affected.iter().filter_map(|place| place.node.as_deref()) {
            let ids = nodes.entry(node).or_default().entry(cve.severity).or_default();
            if !ids.contains(&cve.id) {
                ids.push(cve.id.clone());
            }
        }
    }
    if nodes.is_empty() {
        return;
    }
    document.heading(2, "By node");
    let mut table = Table::new([
        Column::new("NODE"),
        Column::new("CRITICAL").right(),
        Column::new("HIGH").right(),
        Column::new("MEDIUM").right(),
        Column::new("LOW").right(),
        Column::new("FIRST").wraps(),
    ]);
    for (node, by_severity) in nodes {
        let number = |severity: Severity| match by_severity.get(&severity).map_or(0, Vec::len) {
            0 => Cell::new("-", Tone::Faint),
            some => Cell::new(some.to_string(), tone_of(severity)),
        };
        let worst: Vec<String> = by_severity.values().rev().flatten().cloned().collect();
        table.push([
            Cell::from(node),
            number(Severity::Critical),
            number(Severity::High),
            number(Severity::Medium),
            number(Severity::Low),
            Cell::from(summary(&worst)),
        ]);
    }
    document.push(Block::Table(table));
}
