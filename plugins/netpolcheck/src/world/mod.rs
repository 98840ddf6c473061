//! Who there is in a cluster: pods, what owns them, their namespaces and nodes.

mod namespaces;
mod owners;
mod pods;

pub use namespaces::{Namespaces, namespace_of};
pub use owners::{Owner, OwnerId};
pub(crate) use pods::exposed;
pub use pods::{NamedPort, NodeFacts, PodFacts, PodId, World};
