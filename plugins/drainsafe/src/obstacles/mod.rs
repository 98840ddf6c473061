//! What stands in the way of any drain of a cluster, without naming a node: a drain of each node alone is planned, and
//! the budgets are looked at wherever their pods are.

mod document;
mod make;
mod model;

pub use make::{Made, make};
pub use model::{NodeLine, Obstacles, Verdict};
