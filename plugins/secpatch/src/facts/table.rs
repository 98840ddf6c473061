//! How the tables are kept: JSON with one record a line, so that a change of the facts reads well in a diff.

use std::fmt::Write as _;

use jiff::civil::Date;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A table as it stands in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Table<T> {
    /// What it is a table of.
    pub table: String,
    /// The date of the newest source that speaks in it.
    pub as_of: Date,
    /// The names of its sources, see `sources.json`.
    pub sources: Vec<String>,
    /// The newest minor that the sources describe as it was released; what they say of later ones is provisional.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_through: Option<String>,
    /// The records, sorted.
    pub records: Vec<T>,
}

/// A table that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The text is no table of this kind.
    #[error("the table of {table} cannot be read: line {line}, column {column}: {problem}")]
    Syntax {
        /// Which table.
        table: &'static str,
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What was found, and what was expected.
        problem: String,
    },
    /// The text is another table.
    #[error("expected the table of {expected}, found that of {found}")]
    Other {
        /// The table that was asked for.
        expected: &'static str,
        /// The one that the file says it is.
        found: String,
    },
}

impl<T: DeserializeOwned> Table<T> {
    /// Reads a table.
    ///
    /// # Errors
    /// Where the text is no JSON, a record has another shape, or it is another table; with line and column.
    pub fn parse(table: &'static str, text: &str) -> Result<Self, TableError> {
        let parsed: Self = serde_json::from_str(text).map_err(|error| TableError::Syntax {
            table,
            line: error.line(),
            column: error.column(),
            problem: error.to_string(),
        })?;
        if parsed.table == table { Ok(parsed) } else { Err(TableError::Other { expected: table, found: parsed.table }) }
    }
}

impl<T: Serialize> Table<T> {
    /// Writes the table, one record a line.
    ///
    /// # Panics
    /// Where a record cannot be written as JSON, which is a mistake in the code.
    #[must_use]
    pub fn write(&self) -> String {
        let mut text = format!("{{\"table\":{},\"asOf\":\"{}\",\n", json(&self.table), self.as_of);
        let _ = writeln!(text, "\"sources\":{},", json(&self.sources));
        if let Some(minor) = &self.known_through {
            let _ = writeln!(text, "\"knownThrough\":{},", json(minor));
        }
        text.push_str("\"records\":[");
        for (number, record) in self.records.iter().enumerate() {
            text.push_str(if number == 0 { "\n" } else { ",\n" });
            text.push_str(&json(record));
        }
        text.push_str("\n]}\n");
        text
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("a record is plain data")
}
