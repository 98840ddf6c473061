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
mod kubelets;
mod make;
pub mod model;
pub mod rehearsal;
pub mod steps;
pub mod support;
pub mod target;
mod tfvars;

pub use make::{KINDS, Made, Options, make, metadata_wishes};
pub use model::Plan;
pub use steps::StepOptions;
pub use target::TargetChoice;
pub use tfvars::tfvars;
