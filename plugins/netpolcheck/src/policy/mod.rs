//! Policies of every kind and tier in one form.

mod model;
mod read;
mod term;

pub use model::{Action, Direction, Peers, Policy, PolicyId, PolicyKind, PortMatch, Rule, Tier};
pub use read::Policies;
pub use term::{Scope, Term, TermId, Terms};
