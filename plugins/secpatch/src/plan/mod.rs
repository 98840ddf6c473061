//! The plan of the security updates that a cluster needs: what is urgent, the hops, what to check first, the steps.
//!
//! Each file is one part, a pure function of a [`Subject`]; [`model`] is what they make together, `make` puts it
//! together, and `document` lays it out for people.

pub mod changes;
pub mod checklist;
mod commands;
mod document;
pub mod gates;
pub mod hops;
mod make;
pub mod model;
pub mod preconditions;
pub mod rehearsal;
pub mod removed;
mod settings;
mod specs;
pub mod steps;
pub mod support;
pub mod target;
#[cfg(test)]
mod testing;
mod tfvars;
pub mod urgent;

pub use make::{KINDS, Made, Options, make, metadata_wishes};
pub use model::{Plan, Subject};
pub use steps::StepOptions;
pub use target::TargetChoice;
pub use tfvars::tfvars;
