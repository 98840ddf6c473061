//! The images laid out for people.

use patchkit::report::{Block, Cell, Column, Document, Table, Tone};

use super::{ImageEntry, Problem, report::users};
use crate::words::count;

/// Lays them out; `notes` are said under the title.
#[must_use]
pub fn document(images: &[ImageEntry], notes: &[String]) -> Document {
    let mut document = Document::default();
    document.heading(1, format!("Images ({})", count(images.len(), "image")));
    for note in notes {
        document.text(note.as_str());
    }
    if images.is_empty() {
        document.text("No pod and no template names an image.");
        return document;
    }
    let scanned = images.iter().any(|image| image.vulnerabilities.is_some());
    let mut table = Table::new(
        [
            Some(Column::new("IMAGE").wraps()),
            Some(Column::new("PROBLEMS").wraps()),
            Some(Column::new("BASE").wraps()),
            scanned.then(|| Column::new("CRITICAL").right()),
            scanned.then(|| Column::new("HIGH").right()),
            Some(Column::new("USED BY").wraps()),
            Some(Column::new("DIGESTS THAT RUN").wide().wraps()),
        ]
        .into_iter()
        .flatten(),
    );
    for image in images {
        let tone = match image.problems.first() {
            Some(Problem::InvalidReference | Problem::UntrustedRegistry) => Tone::Bad,
            Some(Problem::FrozenRegistry | Problem::MutableTag) => Tone::Notice,
            Some(Problem::NoDigest) => Tone::Faint,
            None => Tone::Good,
        };
        let problems: Vec<&str> = image.problems.iter().map(|problem| problem.as_str()).collect();
        let problems = if problems.is_empty() { "-".to_owned() } else { problems.join(", ") };
        let number = |severity: &str| match &image.vulnerabilities {
            None => Cell::new("not scanned", Tone::Faint),
            Some(counts) => match counts.get(severity).copied().unwrap_or(0) {
                0 => Cell::new("0", Tone::Good),
                some => Cell::new(some.to_string(), Tone::Bad),
            },
        };
        let cells = [
            Some(Cell::from(image.image.as_str())),
            Some(Cell::new(problems, tone)),
            Some(Cell::from(image.base.as_deref().unwrap_or("-"))),
            scanned.then(|| number("critical")),
            scanned.then(|| number("high")),
            Some(Cell::from(users(image))),
            Some(Cell::from(image.running.join(", "))),
        ];
        table.push(cells.into_iter().flatten());
    }
    document.push(Block::Table(table));
    document
}
