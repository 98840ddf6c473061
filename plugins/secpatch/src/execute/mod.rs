//! Carrying fixes out on a cluster: each is written into a journal in the cluster before it is made, its rollout is
//! watched, and it is taken back where the rollout fails. [`undo`] takes back what a journal holds, also that of a run
//! that was killed at any moment, from any machine.

mod address;
mod apply;
mod diff;
mod journal;
mod rollout;
pub mod undo;

pub use apply::{Applied, ApplyOptions, Outcome, apply};
pub use journal::RUN;
