//! The images of a cluster: where they come from, whether they can change unseen, what scanners say of them.
//!
//! [`collect`] finds them in pods and templates, [`scans`] reads what scanners wrote, [`report`] joins both, and
//! [`patches`] makes what moves an image out of a registry that is frozen.

pub mod collect;
mod document;
mod model;
pub mod patches;
pub mod report;
pub mod scans;

pub use document::document;
pub use model::{ImageEntry, ImageUser, Problem};
