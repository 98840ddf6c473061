//! Policies that allow what is needed and as little else as can be, with the proof that they do.

mod beyond;
mod document;
mod draft;
pub mod flows;
mod make;
mod need;
mod proof;
mod report;
mod resolve;
mod rules;
mod select;
mod today;
mod wish;

pub use beyond::Beyond;
pub use document::document;
pub use draft::{Draft, Inexact, MANAGED_BY, Suggested};
pub use make::{Suggestion, Wanted, applied, in_host_network, manifests, proof, suggest, touched};
pub use need::{Need, Side};
pub use proof::{Missing, Proof};
pub use report::{findings, flows_json, policies_json};
pub use resolve::Unmatched;
