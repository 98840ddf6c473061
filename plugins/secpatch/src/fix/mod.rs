//! `kubectl secpatch fix`: the smallest change that makes each workload pass a level of the Pod Security Standards.
//!
//! Everything here is pure. [`plan`] finds what people would change, [`make()`] makes the strategic merge patch of one
//! pod or template and says what only a person can decide, [`merge`] applies such a patch and turns it round, and
//! [`overwriting`] tells who will write an object again. Applying them to a cluster is the work of [`crate::execute`].

mod document;
mod draft;
mod json_patch;
mod make;
pub mod merge;
mod model;
pub mod overwriting;
mod pod_json;
mod target;

pub use make::make;
pub use model::{Answers, Decision, Fix, FixPlan, NamedVolumeAnswer, Options, PodFix, VolumeAnswer, VolumeAnswerError};
pub use target::plan;
