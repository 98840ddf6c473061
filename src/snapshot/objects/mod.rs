//! The objects of a snapshot: of each kind what some rule reads, and no more.
//!
//! Each kind is read in two steps. A private *wire* type takes what it wants from JSON or YAML and skips the rest;
//! [`Resource::keep`] then turns it into the public type and shares what is equal with the objects read before.

pub mod admission;
mod by_parts;
pub mod cluster_policy;
pub mod cluster_wide;
mod context;
pub mod credentials;
pub mod entrance;
pub mod extension;
pub mod foreign_policy;
pub mod limit_range;
pub mod meta;
pub mod network;
pub mod node;
pub mod pod;
pub mod rule_lines;
pub mod runtime_class;
pub mod scan;
pub mod storage;
pub mod workload;

pub(crate) use context::Context;
pub use meta::Meta;

/// A kind of object that a snapshot holds.
pub(crate) trait Resource: Sized {
    /// Its shape in JSON and YAML.
    type Wire: serde::de::DeserializeOwned;

    /// Keeps what is wanted, once.
    fn keep(wire: Self::Wire, context: &mut Context) -> Self;
}
