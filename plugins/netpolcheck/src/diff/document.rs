//! A difference laid out for people, also as a page for a pull request.

use std::collections::BTreeMap;

use patchkit::report::{Block, Cell, Column, Document, Table, Tone, words::count};

use super::{Change, ChangeKind, EntranceChange};
use crate::names::PeerRef;

/// Lays a difference out.
#[must_use]
pub fn document(before: &str, after: &str, changes: &[Change], entrances: &[EntranceChange]) -> Document {
    let mut document = Document::default();
    document.heading(1, format!("What changes from {before} to {after}"));
    if changes.is_empty() && entrances.is_empty() {
        document.text("Nothing: what is allowed stays allowed, and what is denied stays denied.");
        return document;
    }
    for (kind, title, tone) in
        [(ChangeKind::Allowed, "Becomes allowed", Tone::Bad), (ChangeKind::Denied, "Becomes denied", Tone::Notice)]
    {
        let of_kind: Vec<&Change> = changes.iter().filter(|change| change.change == kind).collect();
        if !of_kind.is_empty() {
            document.heading(2, format!("{title} ({})", count(of_kind.len(), "connection")));
            document.push(Block::Table(table(&of_kind, tone)));
        }
    }
    if !entrances.is_empty() {
        document.heading(2, format!("Ways in from outside ({})", count(entrances.len(), "change")));
        document.push(Block::Table(entrances_table(entrances)));
    }
    document
}

fn entrances_table(entrances: &[EntranceChange]) -> Table {
    let mut table = Table::new([
        Column::new("CHANGE"),
        Column::new("ENTRANCE").wraps(),
        Column::new("TO").wraps(),
        Column::new("PORTS").wraps(),
        Column::new("REMARK").wraps(),
    ]);
    for it in entrances {
        let (said, tone) = match it.change {
            ChangeKind::Allowed => ("opens", Tone::Bad),
            ChangeKind::Denied => ("closes", Tone::Notice),
        };
        table.push([
            Cell::new(said, tone),
            Cell::from(format!("{} {}", it.from.kind, it.from.display())),
            Cell::from(it.to.display()),
            Cell::from(it.ports.to_string()),
            Cell::from(if it.depends { "depends on who hands it on" } else { "" }),
        ]);
    }
    table
}

/// One row for the sources and one destination with the same ports.
fn table(changes: &[&Change], tone: Tone) -> Table {
    let mut rows: BTreeMap<(String, String, String), Vec<String>> = BTreeMap::new();
    for change in changes {
        let mut remarks = Vec::new();
        if change.depends {
            remarks.push("depends on what is not known".to_owned());
        }
        if change.some_pods {
            remarks.push("some pods".to_owned());
        }
        if change.new_or_gone {
            remarks.push(if change.change == ChangeKind::Allowed { "new" } else { "gone" }.to_owned());
        }
        remarks.extend(change.ip_family.map(|family| format!("{family} only")));
        if !change.not_evaluated.is_empty() {
            remarks.push(format!("not evaluated: {}", change.not_evaluated.join(", ")));
        }
        let key = (change.to.display(), change.ports.to_string(), remarks.join(", "));
        rows.entry(key).or_default().push(PeerRef::display(&change.from));
    }
    let mut table = Table::new([
        Column::new("FROM").wraps(),
        Column::new("TO").wraps(),
        Column::new("PORTS").wraps(),
        Column::new("REMARK").wraps(),
    ]);
    for ((to, ports, remark), from) in rows {
        table.push([Cell::from(from.join(", ")), Cell::from(to), Cell::new(ports, tone), Cell::from(remark)]);
    }
    table
}
