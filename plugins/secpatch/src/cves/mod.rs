//! The vulnerabilities of what runs, and whether they matter in this cluster.

mod document;
pub mod find;
mod model;
pub mod preconditions;
pub mod report;

pub use document::{document, table};
pub use model::{AffectedPlace, CveHere, Holds, PreconditionAnswer};
