//! The coverage laid out for people.

use std::collections::BTreeMap;

use patchkit::report::{Block, Cell, Column, Document, Finding, Table, Tone, words::count};

use super::{Coverage, IsolationLine, TargetPeer};
use crate::{entrance::Answer, isolation::Isolation};

/// Lays a coverage out: namespaces and workloads, the ways in, who reaches what matters.
#[must_use]
pub fn document(coverage: &Coverage) -> Document {
    let mut document = Document::default();
    let score = coverage.score.value.map_or_else(|| "cannot tell".to_owned(), |value| format!("{value} of 100"));
    let parts = coverage.score.parts.iter().filter(|part| part.of > 0);
    let parts: Vec<String> = parts.map(|part| format!("{} {} of {}", part.id, part.covered, part.of)).collect();
    document.paragraph([
        Cell::new(format!("Score: {score}"), Tone::Strong),
        Cell::new(if parts.is_empty() { String::new() } else { format!("  ·  {}", parts.join(", ")) }, Tone::Faint),
    ]);
    document.heading(2, "Isolation");
    let shown: Vec<&IsolationLine> = coverage.isolation.iter().filter(|line| line.pods.is_some()).collect();
    if shown.is_empty() {
        document.text("There are no pods here.");
    } else {
        document.push(Block::Table(isolation_table(&shown)));
    }
    if !coverage.exposed.is_empty() {
        document.heading(2, "Exposed");
        document.push(Block::Table(exposed_table(coverage)));
    }
    document.heading(2, "Who reaches what matters");
    document.push(Block::Table(targets_table(coverage)));
    document.heading(2, "Findings");
    document.push(Block::Table(grouped(&coverage.findings)));
    document
}

fn tone(isolation: Isolation) -> Tone {
    match isolation {
        Isolation::Open => Tone::Bad,
        Isolation::Restricted => Tone::Plain,
        Isolation::Denied => Tone::Good,
    }
}

fn isolation_table(lines: &[&IsolationLine]) -> Table {
    let mut table = Table::new([
        Column::new("OBJECT").wraps(),
        Column::new("PODS").right(),
        Column::new("INGRESS"),
        Column::new("EGRESS"),
        Column::new("DEFAULT DENY"),
        Column::new("REMARK").wraps(),
    ]);
    for line in lines {
        let mut remarks = Vec::new();
        if line.host_network {
            remarks.push("in the network of its node".to_owned());
        }
        if line.mixed {
            remarks.push("its pods differ".to_owned());
        }
        if !line.not_evaluated.is_empty() {
            remarks.push(format!("not evaluated: {}", line.not_evaluated.join(", ")));
        }
        let deny = match line.default_deny.map(|deny| (deny.ingress, deny.egress)) {
            None => "",
            Some((true, true)) => "both",
            Some((true, false)) => "ingress",
            Some((false, true)) => "egress",
            Some((false, false)) => "none",
        };
        table.push([
            Cell::from(line.object.display()),
            Cell::from(line.pods.unwrap_or_default().to_string()),
            Cell::new(line.ingress.as_str(), tone(line.ingress)),
            Cell::new(line.egress.as_str(), tone(line.egress)),
            Cell::new(deny, if deny == "none" { Tone::Bad } else { Tone::Plain }),
            Cell::from(remarks.join("; ")),
        ]);
    }
    table
}

fn exposed_table(coverage: &Coverage) -> Table {
    let mut table = Table::new([
        Column::new("ENTRANCE").wraps(),
        Column::new("TO").wraps(),
        Column::new("PORTS").wraps(),
        Column::new("LET IN"),
    ]);
    for entrance in &coverage.exposed {
        let (said, tone) = match entrance.allowed {
            Answer::Yes => ("from anywhere", Tone::Notice),
            Answer::No => ("no", Tone::Good),
            Answer::Depends => ("from some", Tone::Plain),
        };
        table.push([
            Cell::from(format!("{} {}", entrance.from.kind, entrance.from.display())),
            Cell::from(entrance.to.display()),
            Cell::from(entrance.ports.to_string()),
            Cell::new(said, tone),
        ]);
    }
    table
}

fn targets_table(coverage: &Coverage) -> Table {
    let mut table = Table::new([
        Column::new("TARGET"),
        Column::new("REACHED BY").wraps(),
        Column::new("NOT BY").wraps(),
        Column::new("AT").wide().wraps(),
    ]);
    for target in &coverage.targets {
        let said = |peers: &[TargetPeer]| -> String {
            let mark = |it: &TargetPeer| if it.not_evaluated.is_empty() { "" } else { " (?)" };
            let names: Vec<String> = peers.iter().map(|it| format!("{}{}", it.peer.display(), mark(it))).collect();
            if names.is_empty() { "-".to_owned() } else { patchkit::report::words::summary(&names) }
        };
        let reached = match (&target.unknown, target.perhaps.len()) {
            (Some(why), _) => format!("cannot tell: {why}"),
            (None, 0) => said(&target.reached_by),
            (None, some) => format!("{}; perhaps {}", said(&target.reached_by), count(some, "workload")),
        };
        table.push([
            Cell::from(target.id),
            Cell::new(reached, if target.unknown.is_some() { Tone::Notice } else { Tone::Plain }),
            Cell::from(said(&target.kept_from)),
            Cell::from(target.at.join(", ")),
        ]);
    }
    table
}

/// Findings of one kind in one row: of a cluster that has no policies each workload has several.
fn grouped(findings: &[Finding]) -> Table {
    let mut table = Table::new([
        Column::new("SEVERITY"),
        Column::new("ID"),
        Column::new("OBJECTS").wraps(),
        Column::new("FINDING").wraps(),
    ]);
    let mut groups: BTreeMap<(std::cmp::Reverse<patchkit::report::Severity>, &str, &str), Vec<String>> =
        BTreeMap::new();
    for finding in findings {
        let key = (std::cmp::Reverse(finding.severity), finding.id.as_str(), finding.title.as_str());
        groups.entry(key).or_default().extend(finding.object.as_ref().map(patchkit::report::ObjectRef::display));
    }
    for ((severity, id, title), objects) in groups {
        table.push([
            Cell::new(severity.0.as_str(), severity.0.into()),
            Cell::from(id),
            Cell::from(patchkit::report::words::summary(&objects)),
            Cell::from(title),
        ]);
    }
    table
}
