//! The obstacles laid out for people.

use patchkit::report::{
    Block, Cell, Column, Document, Table, Tone,
    words::{count, summary},
};

use super::{
    make::Made,
    model::{Obstacles, Verdict},
};
use crate::drain::{self, words::duration};

/// Lays the obstacles out.
#[must_use]
pub fn document(made: &Made) -> Document {
    let obstacles = &made.obstacles;
    let mut document = Document::default();
    document.heading(1, "What stands in the way of any drain");
    let (words, tone) = match obstacles.verdict {
        Verdict::Clear => ("Nothing", Tone::Good),
        Verdict::Obstacles => ("Obstacles", Tone::Bad),
        Verdict::NotProven => ("Not proven", Tone::Notice),
    };
    let of = |verdict| obstacles.nodes.iter().filter(|node| node.verdict == verdict).count();
    let fine = of(drain::Verdict::Safe) + of(drain::Verdict::Warnings);
    let total = count(obstacles.nodes.len(), "node");
    document.paragraph([
        Cell::new(words, tone),
        Cell::from(format!(": {fine} of {total} can be drained alone, {} cannot.", of(drain::Verdict::Blocked))),
    ]);
    drain::findings_in(&mut document, &made.findings);
    nodes(&mut document, obstacles);
    document
}

fn nodes(document: &mut Document, obstacles: &Obstacles) {
    document.heading(2, "Each node, drained alone");
    let mut table = Table::new([
        Column::new("NODE").wraps(),
        Column::new("VERDICT"),
        Column::new("MOVES").right(),
        Column::new("BLOCKED").right(),
        Column::new("TAKES").right(),
        Column::new("PODS THAT DO NOT GO").wraps(),
    ]);
    for node in &obstacles.nodes {
        let tone = match node.verdict {
            drain::Verdict::Safe => Tone::Good,
            drain::Verdict::Warnings | drain::Verdict::NotProven => Tone::Notice,
            drain::Verdict::Blocked => Tone::Bad,
        };
        table.push([
            Cell::from(node.name.as_str()),
            Cell::new(node.verdict.as_str(), tone),
            Cell::from(node.moves.to_string()),
            Cell::from(node.blocked.len().to_string()),
            node.predicted_seconds.map_or_else(|| Cell::new("-", Tone::Faint), |it| Cell::from(duration(it))),
            if node.blocked.is_empty() { Cell::new("-", Tone::Faint) } else { Cell::from(summary(&node.blocked)) },
        ]);
    }
    document.push(Block::Table(table));
}
