//! Small clusters for the tests of the plan, written as YAML.

use jiff::{Timestamp, civil::date};
use patchkit::snapshot::{Snapshot, files::from_files};

use crate::{
    facts::Facts,
    inventory::{Hints, Inventory},
    subject::Subject,
};

/// A cluster with all that a [`Subject`] borrows.
pub(crate) struct Cluster {
    pub(crate) snapshot: Snapshot,
    pub(crate) inventory: Inventory,
    facts: Facts,
}

impl Cluster {
    /// From YAML, as `-f -` reads it.
    pub(crate) fn of(yaml: &str) -> Self {
        Self::with_server(yaml, None)
    }

    /// The same, with `--server-version`.
    pub(crate) fn with_server(yaml: &str, server: Option<&str>) -> Self {
        // What begins with a brace would be read as JSON.
        let text = format!("---\n{yaml}");
        let snapshot = from_files(&["-".to_owned()], false, text.as_bytes(), |_| {}).expect("standard input is there");
        assert!(snapshot.not_evaluated.is_empty(), "{:?}", snapshot.not_evaluated);
        Self::from_snapshot(snapshot, server)
    }

    /// Of a snapshot that was filled by hand.
    pub(crate) fn from_snapshot(snapshot: Snapshot, server: Option<&str>) -> Self {
        let server = server.map(|text| text.parse().expect("a version of this test"));
        let inventory = Inventory::of(&snapshot, &Hints { server, ..Hints::default() });
        Self { snapshot, inventory, facts: Facts::compiled_in() }
    }

    /// On 23 November 2026.
    pub(crate) fn subject(&self) -> Subject<'_> {
        let now: Timestamp = "2026-11-23T00:00:00Z".parse().expect("a moment");
        Subject {
            snapshot: &self.snapshot,
            inventory: &self.inventory,
            facts: &self.facts,
            now,
            today: date(2026, 11, 23),
        }
    }
}
