//! "Would it fit?": the filters of kube-scheduler 1.37 in its default configuration, one file a plugin.
//!
//! [`Index`] is the snapshot as the filters ask for it. [`Candidate`] is a pod as the scheduler sees it, and a
//! [`Judge`] holds one against the nodes: what a filter works out once a pod (PreFilter), then node by node the first
//! [`Filter`] that rejects it. Paths in the comments of the filters are below `pkg/scheduler/framework` of
//! kubernetes/kubernetes at v1.37.2.
//!
//! The verdicts are the scheduler's own: `tests/fit-sweep.sh` compares them on as many random clusters as one likes.

mod amounts;
mod candidate;
mod dynamic_resources;
mod filter;
mod in_tree;
mod index;
mod inter_pod_affinity;
mod judge;
mod known;
mod namespaces;
mod node_affinity;
mod node_declared_features;
mod node_name;
mod node_ports;
mod node_resources_fit;
mod node_unschedulable;
mod node_volume_limits;
mod nodes;
mod pod_topology_spread;
mod pods;
mod report;
mod room;
mod storage;
mod taint_toleration;
mod topology;
mod verdict;
mod volume_binding;
mod volume_restrictions;
mod volume_zone;

pub use candidate::{Candidate, namespace_of, waits_for_a_node};
pub use filter::{Filter, Reason, Rejection, Shortage};
pub use index::{Index, NodeState, PlacedId};
pub use judge::{Judge, affinity_matches};
pub use known::{KINDS, missing_in_files, why_unknown};
pub(crate) use node_unschedulable::tolerates_cordon;
pub use report::{Judged, judge, waiting};
pub(crate) use room::RoomSum;
pub use verdict::{RejectedNode, Verdict, verdict};
