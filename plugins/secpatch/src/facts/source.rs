//! Where the facts come from.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::table::{Table, TableError};

/// A public source of facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceInfo {
    /// The short name that tables use.
    pub name: String,
    /// What it is.
    pub what: String,
    /// Its licence, as an SPDX identifier where it has one.
    pub licence: String,
    /// Where it is.
    pub url: String,
    /// The state that was read: a commit, a tag or a version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The date of that state.
    pub as_of: Date,
}

/// All sources.
#[derive(Debug)]
pub struct Sources {
    table: Table<SourceInfo>,
}

impl Sources {
    /// The table's name.
    pub const TABLE: &'static str = "sources";

    /// Reads the table.
    ///
    /// # Errors
    /// As [`Table::parse`].
    pub fn parse(text: &str) -> Result<Self, TableError> {
        Table::parse(Self::TABLE, text).map(Self::new)
    }

    /// Takes the table.
    #[must_use]
    pub const fn new(table: Table<SourceInfo>) -> Self {
        Self { table }
    }

    /// The table.
    #[must_use]
    pub const fn table(&self) -> &Table<SourceInfo> {
        &self.table
    }

    /// All.
    #[must_use]
    pub fn all(&self) -> &[SourceInfo] {
        &self.table.records
    }

    /// A source by its short name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&SourceInfo> {
        self.all().iter().find(|source| source.name == name)
    }
}
