//! The facts of a cluster at one moment, from a live API, files, a directory or standard input; indexed, immutable.
//!
//! A [`Snapshot`] holds one list a kind, filled by a [`SnapshotBuilder`] page by page, so that never more than a few
//! pages of JSON are in memory. Of each object only what some rule reads is kept, and what is equal is kept once.
//! What could not be read is part of the snapshot too: see [`Coverage`].

pub mod budgets;
mod builder;
mod discovery;
pub mod endpoints;
pub mod files;
pub mod kinds;
mod live;
mod model;
pub mod node_image;
pub mod objects;
mod owners;
pub mod pools;
pub mod quotas;
mod settle;
mod version;

pub use builder::SnapshotBuilder;
pub use kinds::Kind;
pub use live::LiveSnapshot;
pub use model::{Coverage, DeprecatedCall, ServedResource, Snapshot};
pub use owners::Owners;
pub use version::ServerVersion;
