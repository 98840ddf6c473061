//! What owns pods: Deployments rather than their ReplicaSets, CronJobs rather than their Jobs.

use patchkit::{
    rules::{
        OwnerRef,
        owner::{KnownOwner, controller, top_controller},
    },
    snapshot::{
        Snapshot,
        objects::{Meta, workload::Workload},
    },
};
use rustc_hash::FxHashMap;

use super::namespace_of;

/// The place of an owner in [`super::World::owners`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerId(pub u32);

/// What pods belong to. A pod that belongs to nothing is its own owner, of kind `Pod`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The kind.
    pub kind: String,
}

/// The workloads of a snapshot, by which chains of owners are followed.
pub(super) struct Workloads<'s>(FxHashMap<(&'s str, &'s str, &'s str), &'s Workload>);

impl<'s> Workloads<'s> {
    pub(super) fn of(snapshot: &'s Snapshot) -> Self {
        let key = |it: &'s Workload| (namespace_of(&it.meta), it.kind.as_str(), it.meta.name.as_str());
        Self(snapshot.workloads.iter().map(|workload| (key(workload), workload)).collect())
    }

    /// What an object belongs to in the end; itself where nothing owns it.
    pub(super) fn owner_of(&self, meta: &'s Meta, kind: &'static str) -> Owner {
        let namespace = namespace_of(meta);
        let known = |owner: &OwnerRef| {
            let workload = self.0.get(&(namespace, owner.kind.as_str(), owner.name.as_str()))?;
            Some(KnownOwner { uid: &workload.meta.uid, owners: &workload.meta.owners })
        };
        // The kubelet makes a mirror pod's node its owner; but every static pod is a thing of its own.
        let top = top_controller(&meta.owners, known).or_else(|| only_owner(meta)).filter(|top| top.kind != "Node");
        let (kind, name) = top.map_or((kind, meta.name.as_str()), |top| (top.kind.as_str(), top.name.as_str()));
        Owner { namespace: namespace.to_owned(), name: name.to_owned(), kind: kind.to_owned() }
    }
}

/// Manifests that somebody shortened have owners of which none is marked as the controller.
fn only_owner(meta: &Meta) -> Option<&OwnerRef> {
    match &*meta.owners {
        [only] if controller(&meta.owners).is_none() => Some(only),
        _ => None,
    }
}
