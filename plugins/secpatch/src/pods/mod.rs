//! `kubectl secpatch pods`: what each pod and template would be told by the Pod Security Standards, which level each
//! namespace could enforce, and what the practice asks beyond the standards.
//!
//! [`review`] is a pure function of a snapshot. Nothing is sampled: every pod and every template is judged.

mod document;
mod findings;
mod model;
mod namespaces;
mod practice;
mod review;

pub use model::{Asked, Break, NamespaceReview, Options, PodVerdict, Review, Totals};
pub(crate) use practice::is_requested;
pub use review::{KINDS, latest, review};
