//! Where the replacements of evicted pods would go, one after another: the filters of [`crate::fit`] over a cluster that
//! fills up while it is drained.
//!
//! [`run()`] takes an [`Index`](crate::fit::Index), the numbers of the nodes that are drained, and the places (in
//! `snapshot.pods`) of the pods that are evicted. The nodes are cordoned first, and stay as domains for topology
//! spread. Then pod by pod: the old one leaves, its [`Replacement`] is built from the owner's template, and is
//! committed to a node. The answer has one [`Placement`] a pod, in the order in which they were given.
//!
//! What is promised: [`Outcome::Placed`] says that a place was there in every order and with every choice of nodes that
//! was tried, or ([`Proof::AnyChoice`]) that no choice of the scheduler's can take it away. Where a place exists in one
//! order only, or only while the scheduler chooses so, the outcome is [`Outcome::NotProven`]. [`Outcome::NoPlace`] is
//! certain: the pod finds no node even if it is the only one that looks for one.
//!
//! ```no_run
//! # use kubectl_drainsafe::{fit::Index, simulate};
//! # let snapshot = patchkit::snapshot::Snapshot::default();
//! let index = Index::new(&snapshot);
//! let drained: Vec<usize> = ["node-a"].iter().filter_map(|name| index.node_number(name)).collect();
//! let simulation = simulate::run(&index, &drained, &[0, 1]);
//! for placement in &simulation.placements {
//!     let destination = placement.outcome.node().map(|node| index.nodes()[node].name());
//!     let rejected: Vec<_> = placement.rejections.each(&index).collect();
//! #   let _ = (destination, rejected);
//! }
//! ```

mod apart;
mod held;
mod order;
mod placement;
mod replacement;
mod round;
mod run;
mod slack;

pub use held::Held;
pub use placement::{Outcome, Placement, Proof, Rejections, Simulation};
pub use replacement::{NotReplaced, Replacement, Returns, Template, Templates};
pub use run::run;
