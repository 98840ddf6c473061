//! NodeUnschedulable: a cordoned node takes only pods that tolerate it
//! (`plugins/nodeunschedulable/node_unschedulable.go`).

use patchkit::rules::{Taint, Toleration};

use super::{filter::Reason, index::NodeState};

/// The taint that stands for a cordon.
pub(crate) const CORDON_KEY: &str = "node.kubernetes.io/unschedulable";

/// The taint that the node controller puts on a cordoned node.
pub(crate) fn cordon_taint() -> Taint {
    Taint { key: CORDON_KEY.into(), value: Default::default(), effect: "NoSchedule".into() }
}

/// Whether these tolerations let a pod onto a cordoned node.
pub(crate) fn tolerates_cordon(tolerations: &[Toleration]) -> bool {
    let taint = cordon_taint();
    tolerations.iter().any(|toleration| toleration.tolerates(&taint))
}

/// Whether the pod may be put on this node.
pub(super) fn filter(tolerates_cordon: bool, node: &NodeState<'_>) -> Result<(), Reason> {
    if node.unschedulable && !tolerates_cordon { Err(Reason::from("node(s) were unschedulable")) } else { Ok(()) }
}
