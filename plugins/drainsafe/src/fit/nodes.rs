//! Nodes with what their pods have taken.

use std::sync::Arc;

use compact_str::CompactString;
use patchkit::{
    rules::{PodSpec, Taint},
    snapshot::{
        Snapshot,
        objects::{node::Node, storage::CsiNode},
    },
};
use rustc_hash::FxHashMap;

use super::{
    amounts::Amounts,
    node_ports::HostPort,
    node_unschedulable::cordon_taint,
    node_volume_limits::{Attached, AttachedVolumes, Untold, by_attachment},
    storage::Storage,
    volume_restrictions::is_restricted,
};

/// A node with what its pods have taken.
#[derive(Clone, Debug)]
pub struct NodeState<'s> {
    /// The node as the snapshot has it.
    pub node: &'s Node,
    /// It takes no new pods: cordoned in the snapshot, or since.
    pub(crate) unschedulable: bool,
    /// Its taints, with the one of a cordon that came since.
    pub(crate) taints: Vec<Taint>,
    pub(crate) allocatable: Amounts,
    /// How many pods it may run.
    pub(crate) most_pods: i64,
    pub(crate) requested: Amounts,
    pub(crate) pods: i64,
    pub(crate) ports: Vec<HostPort>,
    /// What the CSI drivers say of it.
    pub(crate) csi: Option<&'s CsiNode>,
    /// What VolumeAttachment objects say is attached: unique name and driver.
    pub(crate) attachments: Vec<(CompactString, CompactString)>,
    /// By pod: what its pods have attached.
    attached: Vec<(usize, Result<Attached, Untold>)>,
    /// By pod: specifications with disks that cannot be shared.
    disks: Vec<(usize, Arc<PodSpec>)>,
}

impl<'s> NodeState<'s> {
    /// All nodes by ascending name.
    pub(super) fn all_of(snapshot: &'s Snapshot, storage: &Storage<'s>) -> Vec<Self> {
        let csi: FxHashMap<&str, &CsiNode> =
            snapshot.csi_nodes.iter().map(|csi| (csi.meta.name.as_str(), csi)).collect();
        let mut attachments: FxHashMap<&str, Vec<(CompactString, CompactString)>> = FxHashMap::default();
        for attachment in &snapshot.attachments {
            if let Some(volume) = by_attachment(&attachment.attacher, &attachment.volume, storage) {
                attachments.entry(&attachment.node).or_default().push(volume);
            }
        }
        let mut nodes: Vec<Self> = snapshot
            .nodes
            .iter()
            .map(|node| Self {
                node,
                unschedulable: node.unschedulable,
                taints: node.taints.clone(),
                allocatable: Amounts::of(&node.allocatable),
                most_pods: node.allocatable.get("pods").map_or(0, |pods| pods.units()),
                requested: Amounts::default(),
                pods: 0,
                ports: Vec::new(),
                csi: csi.get(node.meta.name.as_str()).copied(),
                attachments: attachments.remove(node.meta.name.as_str()).unwrap_or_default(),
                attached: Vec::new(),
                disks: Vec::new(),
            })
            .collect();
        nodes.sort_by(|a, b| a.node.meta.name.cmp(&b.node.meta.name));
        nodes
    }

    /// The node's name.
    #[must_use]
    pub fn name(&self) -> &'s str {
        &self.node.meta.name
    }

    /// Whether it takes no new pods.
    #[must_use]
    pub fn is_cordoned(&self) -> bool {
        self.unschedulable
    }

    pub(super) fn cordon(&mut self) {
        self.unschedulable = true;
        let taint = cordon_taint();
        if !self.taints.iter().any(|known| known.key == taint.key && known.effect == taint.effect) {
            self.taints.push(taint);
        }
    }

    pub(super) fn take(&mut self, requests: &Amounts, ports: &[HostPort]) {
        self.pods += 1;
        self.requested.add(requests);
        self.ports.extend_from_slice(ports);
    }

    pub(super) fn attach(&mut self, pod: usize, attached: AttachedVolumes, spec: &Arc<PodSpec>) {
        self.attached.extend(attached.into_iter().map(|volume| (pod, volume)));
        if spec.volumes.iter().any(is_restricted) {
            self.disks.push((pod, Arc::clone(spec)));
        }
    }

    pub(super) fn give_back(&mut self, pod: usize, requests: &Amounts, ports: &[HostPort]) {
        self.pods -= 1;
        self.requested.subtract(requests);
        for port in ports {
            if let Some(place) = self.ports.iter().position(|taken| taken == port) {
                self.ports.swap_remove(place);
            }
        }
        self.attached.retain(|(of, _)| *of != pod);
        self.disks.retain(|(of, _)| *of != pod);
    }

    /// What its pods have attached.
    pub(crate) fn attached(&self) -> impl Iterator<Item = &Result<Attached, Untold>> {
        self.attached.iter().map(|(_, volume)| volume)
    }

    /// The specifications with disks that cannot be shared.
    pub(crate) fn disks(&self) -> impl Iterator<Item = &PodSpec> {
        self.disks.iter().map(|(_, spec)| &**spec)
    }
}
