//! What no filter decides: quotas, and what preemption could do. Told apart from the filters' verdict.

use patchkit::{rules::Quantity, rules::requests, snapshot::Snapshot};

use crate::fit::{Candidate, Filter, Index};

use super::placement::Rejections;

/// Quotas that leave no room for one more pod: its replacement is made only when the old one is gone.
pub(super) fn quota_notes(snapshot: &Snapshot, candidate: &Candidate) -> Vec<String> {
    let requested = requests::of_spec(&candidate.spec);
    let needs = |resource: &str| -> Option<Quantity> {
        match resource {
            "pods" | "count/pods" => Some(Quantity::from_units(1)),
            "cpu" | "memory" | "ephemeral-storage" => requested.get(resource).copied(),
            _ => requested.get(resource.strip_prefix("requests.")?).copied(),
        }
    };
    let mut notes = Vec::new();
    for quota in
        snapshot.quotas.iter().filter(|quota| *crate::fit::namespace_of(&quota.meta.namespace) == *candidate.namespace)
    {
        for (resource, hard) in &quota.hard {
            let used = quota.used.get(resource).copied().unwrap_or_default();
            if needs(resource).is_some_and(|needed| !needed.is_zero() && used + needed > *hard) {
                notes.push(format!(
                    "quota {} has no {resource} left for a second pod: the replacement is made when the old one is gone",
                    quota.meta.name
                ));
            }
        }
    }
    notes
}

/// Whether pods of lower priority could be preempted for a pod that no node has room for. The scheduler may do that; a
/// drain does not count on it.
pub(super) fn preemption_note(
    index: &Index<'_>,
    drained: &[bool],
    candidate: &Candidate,
    rejections: &Rejections,
) -> Option<String> {
    if candidate.spec.preemption_policy.as_deref() == Some("Never") {
        return None;
    }
    let priority = candidate.spec.priority.unwrap_or_default();
    let by_room = rejections.groups().filter(|(rejection, _)| rejection.filter == Filter::NodeResourcesFit);
    let nodes: Vec<usize> = by_room.flat_map(|(_, nodes)| nodes).filter(|node| !drained[*node]).collect();
    let node = index.room_without_lower(candidate, &nodes, priority)?;
    Some(format!(
        "the scheduler could preempt pods of a priority below {priority} on {}, which then wait instead",
        index.nodes()[node].name()
    ))
}
