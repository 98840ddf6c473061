//! What the facts are: each table with its size, date, age and sources.

use jiff::civil::Date;
use patchkit::report::{Block, Cell, Column, Document, Finding, Severity, Table, Tone};
use serde::Serialize;

use super::{Facts, SourceInfo, release::days_between};

/// After so many days, facts that age are called old: a patch release of every supported minor has come out since.
pub const OLD_AFTER_DAYS: i32 = 30;

/// One table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TableInfo {
    /// Its name.
    pub table: &'static str,
    /// What is in it.
    pub what: &'static str,
    /// How many records it has.
    pub records: usize,
    /// The date of its newest source.
    pub as_of: Date,
    /// Days from that to today.
    pub age_days: i32,
    /// Whether it is refreshed by `data update`: such a table ages.
    pub refreshed: bool,
    /// The names of its sources.
    pub sources: Vec<String>,
}

impl TableInfo {
    /// Whether it is a table that ages, and older than [`OLD_AFTER_DAYS`].
    #[must_use]
    pub const fn is_old(&self) -> bool {
        self.refreshed && self.age_days > OLD_AFTER_DAYS
    }
}

/// All tables, as they are on a day.
#[must_use]
pub fn tables(facts: &Facts, today: Date) -> Vec<TableInfo> {
    macro_rules! info {
        ($table:ident, $what:literal, $refreshed:literal) => {{
            let table = facts.$table().table();
            TableInfo {
                table: stringify!($table),
                what: $what,
                records: table.records.len(),
                as_of: table.as_of,
                age_days: days_between(table.as_of, today),
                refreshed: $refreshed,
                sources: table.sources.clone(),
            }
        }};
    }
    vec![
        info!(releases, "minor and patch releases of Kubernetes, and their support", true),
        info!(calendars, "support calendars of providers and runtimes", true),
        info!(cves, "vulnerabilities and the versions that have them", true),
        info!(preconditions, "what must hold for a vulnerability to matter", false),
        info!(apis, "API kinds: introduced, deprecated, removed", false),
        info!(migrations, "what changes in a specification with its API version", false),
        info!(gates, "feature gates by version", false),
        info!(changes, "changes that break", false),
    ]
}

/// A finding for each table that has grown old.
#[must_use]
pub fn findings(tables: &[TableInfo]) -> Vec<Finding> {
    let finding = |table: &TableInfo| {
        let title = format!("the facts on {} are {} days old", table.table, table.age_days);
        Finding::new("facts-old", Severity::Low, title)
            .with_evidence("asOf", table.as_of.to_string())
            .with_evidence("ageDays", table.age_days)
            .with_hint("run `kubectl secpatch data update`")
    };
    tables.iter().filter(|table| table.is_old()).map(finding).collect()
}

/// The layout for people.
#[must_use]
pub fn document(tables: &[TableInfo], sources: &[SourceInfo], held: &str) -> Document {
    let mut document = Document::default();
    document.heading(1, "Facts");
    document.text(format!("Held {held}. Refresh them with `kubectl secpatch data update`."));
    let mut rows = Table::new([
        Column::new("TABLE"),
        Column::new("RECORDS").right(),
        Column::new("AS OF"),
        Column::new("AGE").right(),
        Column::new("WHAT").wraps(),
        Column::new("SOURCES").wide().wraps(),
    ]);
    for table in tables {
        let tone = if table.is_old() { Tone::Notice } else { Tone::Plain };
        rows.push([
            Cell::from(table.table),
            Cell::from(table.records.to_string()),
            Cell::new(table.as_of.to_string(), tone),
            Cell::new(format!("{}d", table.age_days), tone),
            Cell::from(table.what),
            Cell::from(table.sources.join(", ")),
        ]);
    }
    document.push(Block::Table(rows));
    document.heading(2, "Sources");
    let mut rows = Table::new([
        Column::new("SOURCE"),
        Column::new("AS OF"),
        Column::new("LICENCE"),
        Column::new("WHAT").wraps(),
        Column::new("WHERE").wide().wraps(),
    ]);
    for source in sources {
        rows.push([
            Cell::from(source.name.clone()),
            Cell::from(source.as_of.to_string()),
            Cell::from(source.licence.clone()),
            Cell::from(source.what.clone()),
            Cell::from(source.url.clone()),
        ]);
    }
    document.push(Block::Table(rows));
    document
}
