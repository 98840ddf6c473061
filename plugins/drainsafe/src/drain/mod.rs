//! The plan of a drain: which pods go, which budgets they meet, where their replacements go, in which order, and how
//! long that takes. All of it is a pure function of a snapshot and of what the user decides; an executor carries the
//! plan out.

pub mod filters;
mod make;
mod model;
mod options;

pub use make::{KINDS, Made, NoPlan, make, nodes};
pub use model::{
    Action, BlockedFor, DrainPlan, Expected, Group, OnNode, Owner, PlannedBudget, PlannedNode, PlannedPod, Rejection,
    Subject, Tier, Verdict,
};
pub use options::Options;
