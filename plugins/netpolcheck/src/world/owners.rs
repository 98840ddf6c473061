//! What owns pods: Deployments rather than their ReplicaSets, CronJobs rather than their Jobs.

use patchkit::{
    rules::{OwnerRef, owner::controller},
    snapshot::{Owners, objects::Meta},
};

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

/// What an object of this kind belongs to in the end; itself where nothing owns it.
pub(super) fn owner_of(meta: &Meta, kind: &str, owners: &Owners<'_>) -> Owner {
    // The kubelet makes a mirror pod's node its owner; but every static pod is a thing of its own.
    let top = owners.top(meta).or_else(|| only_owner(meta)).filter(|top| top.kind != "Node");
    let (kind, name) = top.map_or((kind, meta.name.as_str()), |top| (top.kind.as_str(), top.name.as_str()));
    Owner { namespace: namespace_of(meta).to_owned(), name: name.to_owned(), kind: kind.to_owned() }
}

/// Manifests that somebody shortened have owners of which none is marked as the controller.
fn only_owner(meta: &Meta) -> Option<&OwnerRef> {
    match &*meta.owners {
        [only] if controller(&meta.owners).is_none() => Some(only),
        _ => None,
    }
}
