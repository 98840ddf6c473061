//! The plan of a drain: which pods go, which budgets they meet, where their replacements go, in which order, and how
//! long that takes. All of it is a pure function of a snapshot and of what the user decides; an executor carries the
//! plan out.
//!
//! [`make()`] puts it together. First every pod is looked at by itself (`workload`) and run through kubectl's filters
//! ([`filters`]). Then the guards block what must not go: by its node, its Job, its budgets, its set, its Services, or
//! since its replacement has no place. What goes is put into groups and an order, which tell the duration.

pub mod budgets;
mod document;
pub mod filters;
mod grace;
mod groups;
mod jobs;
mod make;
mod model;
mod nodes;
mod options;
mod placement;
mod quality;
mod readiness;
mod returns;
pub mod scene;
pub mod services;
mod sets;
pub mod words;
pub mod workload;

pub use document::findings_in;
pub use groups::pace;
pub use make::{KINDS, Made, NoPlan, make, make_on, outline_on, select_nodes};
pub use model::{
    Action, BlockedFor, DrainPlan, Expected, Group, Owner, PlannedBudget, PlannedNode, PlannedPod, Subject, Tier,
    Verdict,
};
pub use nodes::is_unreachable;
pub use options::{Options, Targets};
