//! Volumes, claims and classes, found by what refers to them.

use std::sync::Arc;

use compact_str::CompactString;
use patchkit::{
    rules::pod::{PodSpec, Volume},
    snapshot::{
        Snapshot,
        objects::storage::{CsiDriver, CsiStorageCapacity, PersistentVolume, PersistentVolumeClaim, StorageClass},
    },
};
use rustc_hash::FxHashMap;

use super::candidate::{Candidate, DEFAULT_NAMESPACE, claim_of};

/// The annotation that tells the class in place of the field, from before there was one.
const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
/// A claim with it and a volume's name is bound.
const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// The node that a claim's volume is to be made for.
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// The storage of a snapshot by name.
#[derive(Debug)]
pub(crate) struct Storage<'s> {
    volumes: FxHashMap<&'s str, &'s PersistentVolume>,
    volumes_of_class: FxHashMap<&'s str, Vec<&'s PersistentVolume>>,
    claims: FxHashMap<(&'s str, &'s str), &'s PersistentVolumeClaim>,
    classes: FxHashMap<&'s str, &'s StorageClass>,
    drivers: FxHashMap<&'s str, &'s CsiDriver>,
    capacities: Vec<&'s CsiStorageCapacity>,
}

/// A claim that a pod uses.
#[derive(Clone, Debug)]
pub(crate) struct UsedClaim<'a> {
    /// The claim's name.
    pub(crate) name: CompactString,
    /// Made for this pod alone, from a template in its specification.
    pub(crate) ephemeral: bool,
    /// The claim; `None` where there is none of this name.
    pub(crate) claim: Option<&'a PersistentVolumeClaim>,
    /// The claim is the pod's own, as an ephemeral one has to be.
    pub(crate) owned: bool,
}

impl<'s> Storage<'s> {
    pub(crate) fn of(snapshot: &'s Snapshot) -> Self {
        let mut volumes_of_class: FxHashMap<&str, Vec<&PersistentVolume>> = FxHashMap::default();
        for volume in &snapshot.volumes {
            volumes_of_class.entry(class_of_volume(volume)).or_default().push(volume);
        }
        Self {
            volumes: snapshot.volumes.iter().map(|it| (it.meta.name.as_str(), it)).collect(),
            volumes_of_class,
            claims: snapshot
                .claims
                .iter()
                .map(|it| ((or_default(&it.meta.namespace), it.meta.name.as_str()), it))
                .collect(),
            classes: snapshot.storage_classes.iter().map(|it| (it.meta.name.as_str(), it)).collect(),
            drivers: snapshot.csi_drivers.iter().map(|it| (it.meta.name.as_str(), it)).collect(),
            capacities: snapshot.storage_capacities.iter().collect(),
        }
    }

    pub(crate) fn volume(&self, name: &str) -> Option<&'s PersistentVolume> {
        self.volumes.get(name).copied()
    }

    pub(crate) fn volumes_of_class(&self, class: &str) -> &[&'s PersistentVolume] {
        self.volumes_of_class.get(class).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn claim(&self, namespace: &str, name: &str) -> Option<&'s PersistentVolumeClaim> {
        // The key borrows for as long as the snapshot lives, and the question does not.
        let key: (&str, &str) = (namespace, name);
        self.claims.get(&key).copied()
    }

    pub(crate) fn class(&self, name: &str) -> Option<&'s StorageClass> {
        self.classes.get(name).copied()
    }

    pub(crate) fn driver(&self, name: &str) -> Option<&'s CsiDriver> {
        self.drivers.get(name).copied()
    }

    pub(crate) fn capacities(&self) -> &[&'s CsiStorageCapacity] {
        &self.capacities
    }

    /// The claims that a pod uses, in the order of its volumes.
    pub(crate) fn claims_of<'a>(&'a self, candidate: &'a Candidate) -> Vec<UsedClaim<'a>> {
        let one = |volume: &'a Volume| {
            let (name, ephemeral) = claim_of(&candidate.name, volume)?;
            let future = candidate.future_claims.iter().find(|(of, _)| *of == volume.name).map(|(_, claim)| claim);
            if let Some(claim) = future.filter(|_| ephemeral) {
                return Some(UsedClaim { name, ephemeral, claim: Some(claim), owned: true });
            }
            let claim = self.claim(&candidate.namespace, &name);
            let owned = claim.is_some_and(|claim| is_controlled_by(claim, &candidate.uid));
            Some(UsedClaim { name, ephemeral, claim, owned })
        };
        candidate.spec.volumes.iter().filter_map(one).collect()
    }
}

fn or_default(namespace: &Arc<str>) -> &str {
    if namespace.is_empty() { DEFAULT_NAMESPACE } else { namespace }
}

/// `IsControlledBy`: the controller's UID is the pod's.
pub(crate) fn is_controlled_by(claim: &PersistentVolumeClaim, uid: &str) -> bool {
    claim.meta.controller().is_some_and(|owner| owner.uid == uid)
}

/// The class of a claim; empty where it has none (`GetPersistentVolumeClaimClass`).
pub(crate) fn class_of_claim(claim: &PersistentVolumeClaim) -> &str {
    claim.meta.annotations.get(BETA_CLASS).or(claim.storage_class.as_deref()).unwrap_or_default()
}

/// The class of a volume; empty where it has none (`GetPersistentVolumeClass`).
pub(crate) fn class_of_volume(volume: &PersistentVolume) -> &str {
    volume.meta.annotations.get(BETA_CLASS).unwrap_or(&volume.storage_class)
}

/// Whether a claim is bound for good: it names a volume, and the binding is complete.
pub(crate) fn is_bound(claim: &PersistentVolumeClaim) -> bool {
    !claim.volume_name.is_empty() && claim.meta.annotations.contains_key(BIND_COMPLETED)
}

/// The node that the volume of a claim is to be made for.
pub(crate) fn selected_node(claim: &PersistentVolumeClaim) -> Option<&str> {
    claim.meta.annotations.get(SELECTED_NODE)
}

/// Whether a class waits with binding until a pod needs it; the default is to bind at once.
pub(crate) fn waits_for_consumer(class: &StorageClass) -> bool {
    class.volume_binding_mode == "WaitForFirstConsumer"
}

/// Whether a pod has any volume that some filter looks at.
pub(crate) fn has_filtered_volumes(spec: &PodSpec) -> bool {
    use patchkit::rules::pod::VolumeSource::{Disk, Ephemeral, PersistentVolumeClaim};
    spec.volumes
        .iter()
        .any(|volume| matches!(volume.source, PersistentVolumeClaim { .. } | Ephemeral { .. } | Disk { .. }))
}
