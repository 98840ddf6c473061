//! NodeResourcesFit: what the pod requests must be left on the node (`plugins/noderesources/fit.go`).

use super::{
    amounts::Amounts,
    filter::{Reason, Shortage},
    index::NodeState,
};

/// Whether the node has room. Only what is requested is looked at, so a node that is overcommitted in another resource
/// is fine; the number of pods always counts.
pub(super) fn filter(request: &Amounts, node: &NodeState<'_>) -> Result<(), Reason> {
    let shortage = shortage(request, node);
    if shortage.is_none() { Ok(()) } else { Err(Reason::Insufficient(shortage)) }
}

fn shortage(request: &Amounts, node: &NodeState<'_>) -> Shortage {
    let short = |wanted: i64, has: i64, taken: i64| wanted > 0 && wanted > has.saturating_sub(taken);
    let (has, taken) = (&node.allocatable, &node.requested);
    Shortage {
        pods: node.pods + 1 > node.most_pods,
        cpu: short(request.cpu, has.cpu, taken.cpu),
        memory: short(request.memory, has.memory, taken.memory),
        ephemeral_storage: short(request.ephemeral_storage, has.ephemeral_storage, taken.ephemeral_storage),
        others: request
            .others
            .iter()
            .filter(|(name, wanted)| *wanted > 0 && short(*wanted, has.other(name), taken.other(name)))
            .map(|(name, _)| name.clone())
            .collect(),
    }
}
