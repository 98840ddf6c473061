//! The table for people.

use patchkit::report::{Block, Cell, Check, CheckStatus, Column, Document, Metadata, Report, Severity, Table, Tone};

use super::model::{CheckLine, Posture};
use crate::words::count;

impl Posture {
    /// The report.
    #[must_use]
    pub fn report(&self, metadata: Metadata) -> Report {
        Report::new("PostureReport", metadata, self.verdict(), self.findings.clone(), self.not_evaluated.clone())
            .with_section("checks", &self.checks)
            .with_section("skipped", &self.skipped)
            .with_section("exceptions", &self.exceptions)
            .with_checks(self.checks.iter().map(plain).collect())
            .with_document(self.document())
    }

    fn document(&self) -> Document {
        let mut document = Document::default();
        document.heading(1, "Security posture");
        let numbers: Vec<String> = [
            (CheckStatus::Pass, "passed"),
            (CheckStatus::Fail, "failed"),
            (CheckStatus::Warn, "to be looked at"),
            (CheckStatus::Unknown, "not evaluated"),
        ]
        .into_iter()
        .map(|(status, word)| format!("{} {word}", self.number(status)))
        .collect();
        let skipped =
            if self.skipped.is_empty() { String::new() } else { format!(", {} left out", self.skipped.len()) };
        document.text(format!("{}: {}{skipped}.", count(self.checks.len(), "check"), numbers.join(", ")));
        document.push(Block::Table(table(&self.checks)));
        let open: Vec<&CheckLine> =
            self.checks.iter().filter(|check| matches!(check.status, CheckStatus::Fail | CheckStatus::Warn)).collect();
        if !open.is_empty() {
            document.heading(2, "What to do");
            document.push(Block::List(
                open.iter()
                    .map(|check| Cell::from(format!("{}: {} ({})", check.id, check.hint, check.links[0])))
                    .collect(),
            ));
        }
        self.exceptions(&mut document);
        document
    }

    fn exceptions(&self, document: &mut Document) {
        if self.exceptions.is_empty() {
            return;
        }
        document.heading(2, "Exceptions");
        let mut table = Table::new([
            Column::new("CHECK"),
            Column::new("OBJECT").wraps(),
            Column::new("STATUS"),
            Column::new("ACCEPTS").right(),
            Column::new("EXPIRES"),
            Column::new("REASON").wraps(),
        ]);
        for line in &self.exceptions {
            let tone = match line.status {
                "used" => Tone::Plain,
                "expired" => Tone::Bad,
                _ => Tone::Notice,
            };
            table.push([
                Cell::from(line.check),
                Cell::from(line.object.as_deref().unwrap_or("-")),
                Cell::new(line.status, tone),
                Cell::from(line.accepted.to_string()),
                Cell::from(line.expires.as_deref().unwrap_or("-")),
                Cell::from(line.reason.as_str()),
            ]);
        }
        document.push(Block::Table(table));
    }
}

fn plain(line: &CheckLine) -> Check {
    Check { id: line.id.to_owned(), status: line.status, evidence: line.evidence.clone() }
}

fn table(checks: &[CheckLine]) -> Table {
    let mut table = Table::new([
        Column::new("CHECK").wraps(),
        Column::new("STATUS"),
        Column::new("SEVERITY"),
        Column::new("EVIDENCE").wraps(),
        Column::new("CIS").wide().wraps(),
        Column::new("NSA").wide().wraps(),
        Column::new("HINT").wide().wraps(),
        Column::new("LINK").wide(),
    ]);
    for check in checks {
        let is_open = matches!(check.status, CheckStatus::Fail | CheckStatus::Warn);
        let status = match check.status {
            CheckStatus::Pass => Tone::Good,
            CheckStatus::Fail => Tone::Bad,
            CheckStatus::Warn | CheckStatus::Unknown => Tone::Notice,
        };
        let severity = match check.severity {
            _ if !is_open => Tone::Faint,
            Severity::Critical | Severity::High => Tone::Bad,
            Severity::Medium => Tone::Notice,
            Severity::Low | Severity::Info => Tone::Plain,
        };
        table.push([
            Cell::from(check.id),
            Cell::new(check.status.as_str(), status),
            // How much it would matter is not the point where it is passed.
            Cell::new(if is_open { check.severity.as_str() } else { "-" }, severity),
            Cell::from(check.evidence.as_str()),
            Cell::from(check.cis.join(", ")),
            Cell::from(check.nsa.join(", ")),
            Cell::from(check.hint),
            Cell::from(check.links[0]),
        ]);
    }
    table
}
