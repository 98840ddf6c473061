//! What the filters could not know: lists that a judgement rests on and that could not be read.

use patchkit::{
    report::NotEvaluated,
    snapshot::{Coverage, Kind, kinds},
};

use super::{
    candidate::Candidate,
    index::Index,
    inter_pod_affinity,
    storage::{UsedClaim, has_filtered_volumes},
};

/// What the filters read of a live cluster.
pub const KINDS: &[Kind] = &[
    kinds::NODES,
    kinds::NAMESPACES,
    kinds::PODS,
    kinds::PERSISTENT_VOLUMES,
    kinds::PERSISTENT_VOLUME_CLAIMS,
    kinds::STORAGE_CLASSES,
    kinds::CSI_DRIVERS,
    kinds::CSI_NODES,
    kinds::VOLUME_ATTACHMENTS,
    kinds::CSI_STORAGE_CAPACITIES,
];

/// Why nothing can be said of a pod: a list that decides about it could not be read. Files are taken to be whole; what
/// they lack is told by [`missing_in_files`].
#[must_use]
pub fn why_unknown(index: &Index<'_>, candidate: &Candidate) -> Option<String> {
    needed(index, candidate).into_iter().find_map(|kind| match index.snapshot().coverage(&kind) {
        Coverage::Denied(why) => Some(format!("{} could not be read: {why}", kind.plural)),
        _ => None,
    })
}

/// Kinds that decide about a pod and of which the input files hold no object: then there is none, or somebody forgot.
#[must_use]
pub fn missing_in_files(index: &Index<'_>, candidate: &Candidate) -> Vec<NotEvaluated> {
    let missing = |kind: &Kind| index.snapshot().coverage(kind) == Coverage::Unknown;
    needed(index, candidate)
        .into_iter()
        .filter(missing)
        .map(|kind| NotEvaluated::new(kind.resource(), format!("the input holds no {}", kind.plural)))
        .collect()
}

/// The kinds that decide about a pod.
fn needed(index: &Index<'_>, candidate: &Candidate) -> Vec<Kind> {
    let mut needed = vec![kinds::NODES, kinds::PODS];
    if inter_pod_affinity::needs_namespaces(candidate, index) {
        needed.push(kinds::NAMESPACES);
    }
    if has_filtered_volumes(&candidate.spec) {
        let claims = index.storage().claims_of(candidate);
        needed.push(kinds::CSI_NODES);
        if !claims.is_empty() {
            needed.extend([kinds::PERSISTENT_VOLUME_CLAIMS, kinds::PERSISTENT_VOLUMES]);
            needed.extend([kinds::CSI_DRIVERS, kinds::VOLUME_ATTACHMENTS]);
        }
        let unbound = |used: &UsedClaim<'_>| used.claim.is_some_and(|claim| claim.volume_name.is_empty());
        if claims.iter().any(unbound) {
            needed.push(kinds::STORAGE_CLASSES);
            let tracks = |used: &UsedClaim<'_>| {
                let class = used.claim.map(super::storage::class_of_claim).and_then(|it| index.storage().class(it));
                let driver = class.and_then(|class| index.storage().driver(&class.provisioner));
                driver.is_some_and(|driver| driver.storage_capacity)
            };
            if claims.iter().any(tracks) {
                needed.push(kinds::CSI_STORAGE_CAPACITIES);
            }
        }
    }
    needed
}
