//! The version that each node's kubelet has by the time of a hop: the hops and the steps follow the same ones.

use std::collections::BTreeMap;

use patchkit::{
    rules::{
        skew,
        version::{KubeVersion, Minor},
    },
    snapshot::Snapshot,
};

use crate::{
    inventory::{Inventory, Role},
    subject::Subject,
};

/// The kubelets, by node.
pub(super) struct Kubelets<'s> {
    versions: BTreeMap<&'s str, KubeVersion>,
}

impl<'s> Kubelets<'s> {
    /// As they are now.
    pub(super) fn of(snapshot: &'s Snapshot) -> Self {
        let versions = snapshot
            .nodes
            .iter()
            .filter_map(|node| Some((node.meta.name.as_str(), node.info.kubelet_version.parse().ok()?)))
            .collect();
        Self { versions }
    }

    /// The kubelets that an API server of this minor would leave too far behind. They move before it, and with them
    /// their whole pools, to the version that the control plane has by then: so late a move lasts the longest.
    pub(super) fn move_before(&mut self, inventory: &Inventory, to: Minor, reached: &KubeVersion) -> Vec<String> {
        let oldest = skew::Component::Kubelet.oldest_with(to);
        let first: Vec<String> = self
            .versions
            .iter()
            .filter(|(_, version)| version.minor() < oldest)
            .map(|(name, _)| (*name).to_owned())
            .collect();
        for pool in &inventory.pools {
            if pool.nodes.iter().any(|node| first.contains(node)) {
                self.raise(&pool.nodes, reached);
            }
        }
        first
    }

    /// Where the machines of the control plane are the user's own, its update brings their kubelets along.
    pub(super) fn move_with_control_plane(&mut self, inventory: &Inventory, to: &KubeVersion) {
        if inventory.provider.hides_control_plane() {
            return;
        }
        for pool in inventory.pools.iter().filter(|pool| pool.role == Role::ControlPlane) {
            self.raise(&pool.nodes, to);
        }
    }

    /// Brings the kubelets of these nodes that are older to a version, and names them.
    pub(super) fn raise<'n>(&mut self, nodes: &'n [String], to: &KubeVersion) -> Vec<&'n str> {
        let mut moved = Vec::new();
        for node in nodes {
            if let Some(version) = self.versions.get_mut(node.as_str())
                && version.upstream() < to.upstream()
            {
                *version = to.clone();
                moved.push(node.as_str());
            }
        }
        moved
    }
}

/// The newest patch release of a minor, or its first one where none is known. While the control plane emulates a minor,
/// this is how far a kubelet may go: one of the binary's own minor would be newer than what the API server serves.
pub(super) fn newest_of(subject: Subject<'_>, minor: Minor) -> KubeVersion {
    let known = subject.facts.releases().latest_patch_on(minor, subject.today);
    KubeVersion::from(known.unwrap_or(minor.first_release()))
}
