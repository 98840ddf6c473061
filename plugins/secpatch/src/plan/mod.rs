//! The plan of the security updates that a cluster needs: what is urgent, the hops, what to check first, the steps.
//!
//! Each file is one part, a pure function of a [`Subject`]; [`model`] is what they make together.

pub mod model;
pub mod support;
pub mod target;

pub use model::{Plan, Subject};
