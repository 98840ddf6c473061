//! What every answer is worked out from.

use jiff::{Timestamp, civil::Date};
use patchkit::snapshot::Snapshot;

use crate::{facts::Facts, inventory::Inventory};

/// What every part of an answer is worked out from.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The facts of the cluster.
    pub snapshot: &'a Snapshot,
    /// What runs in it.
    pub inventory: &'a Inventory,
    /// The facts about Kubernetes.
    pub facts: &'a Facts,
    /// The moment that the plan is made for (`--as-of`).
    pub now: Timestamp,
    /// Its day, in UTC.
    pub today: Date,
}
