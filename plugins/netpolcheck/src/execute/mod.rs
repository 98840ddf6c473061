//! Carrying suggested policies out on a cluster, and taking them back.
//!
//! Whatever a run replaces stands in an annotation of what took its place, so that any later run can restore it, also
//! after a run that was killed at any moment: an object is changed in one request or not at all.

mod apply;
mod object;
mod undo;

pub use apply::apply;
pub use object::{Applied, Outcome, RUN};
pub use undo::undo;
