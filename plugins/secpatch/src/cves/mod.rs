//! The vulnerabilities of what runs, and whether they matter in this cluster.

pub mod find;
mod model;
pub mod preconditions;

pub use model::{AffectedPlace, CveHere, Holds, PreconditionAnswer};
