//! Quotas that leave no room for another pod.

use super::{Snapshot, objects::cluster_wide::ResourceQuota};

/// What a replacement of a pod needs again.
const OF_PODS: [&str; 9] = [
    "pods",
    "cpu",
    "memory",
    "requests.cpu",
    "requests.memory",
    "limits.cpu",
    "limits.memory",
    "ephemeral-storage",
    "count/pods",
];

/// The quotas that are used up for pods, each with what is: `pods 10 of 10, cpu 4 of 4`. A replacement is refused while
/// the old pod still counts.
pub fn full(snapshot: &Snapshot) -> impl Iterator<Item = (&ResourceQuota, String)> {
    snapshot.quotas.iter().filter_map(|quota| {
        let full: Vec<String> = quota
            .hard
            .iter()
            .filter(|(name, hard)| {
                OF_PODS.contains(&name.as_str()) && quota.used.get(*name).is_some_and(|used| used >= hard)
            })
            .map(|(name, hard)| format!("{name} {hard} of {hard}"))
            .collect();
        (!full.is_empty()).then(|| (quota, full.join(", ")))
    })
}
