//! TaintToleration: NoSchedule and NoExecute taints keep pods away that do not tolerate them
//! (`plugins/tainttoleration/taint_toleration.go`).

use patchkit::rules::{Toleration, taint::first_untolerated};

use super::{filter::Reason, index::NodeState};

/// Whether the pod tolerates the taints of this node.
pub(super) fn filter(tolerations: &[Toleration], node: &NodeState<'_>) -> Result<(), Reason> {
    match first_untolerated(&node.taints, tolerations) {
        None => Ok(()),
        Some(taint) => {
            Err(Reason::Taint { key: taint.key.clone(), value: taint.value.clone(), effect: taint.effect.clone() })
        }
    }
}
