//! Changes between minors that are no removed API and can break a cluster.

use patchkit::rules::Minor;
use serde::{Deserialize, Serialize};

use super::table::{Table, TableError};

/// A change that can break a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// A stable name: `cgroup-v1`.
    pub id: String,
    /// The first minor that has it.
    pub minor: Minor,
    /// The minor is not out, and the change may move.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provisional: bool,
    /// What changes: `kubelet`, `kube-proxy`, `storage`.
    pub component: String,
    /// The change.
    pub fact: String,
    /// What is touched by it.
    pub touches: String,
    /// What in a cluster shows that it is touched.
    pub evidence: String,
    /// What to do.
    pub action: String,
    /// Where it stands: pull requests of kubernetes/kubernetes, or a change log.
    pub source: String,
}

/// All changes.
#[derive(Debug)]
pub struct Changes {
    table: Table<Change>,
}

impl Changes {
    /// The table's name.
    pub const TABLE: &'static str = "changes";

    /// Reads the table.
    ///
    /// # Errors
    /// As [`Table::parse`].
    pub fn parse(text: &str) -> Result<Self, TableError> {
        Table::parse(Self::TABLE, text).map(Self::new)
    }

    /// Sorts the table.
    #[must_use]
    pub fn new(mut table: Table<Change>) -> Self {
        table.records.sort_by(|a, b| (a.minor, &a.id).cmp(&(b.minor, &b.id)));
        Self { table }
    }

    /// The table.
    #[must_use]
    pub const fn table(&self) -> &Table<Change> {
        &self.table
    }

    /// All, by minor and name.
    #[must_use]
    pub fn all(&self) -> &[Change] {
        &self.table.records
    }

    /// A change by its name.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Change> {
        self.all().iter().find(|change| change.id == id)
    }

    /// The changes that come with a hop to a minor.
    pub fn of(&self, minor: Minor) -> impl Iterator<Item = &Change> {
        self.all().iter().filter(move |change| change.minor == minor)
    }
}
