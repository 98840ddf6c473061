//! What counts as one peer: a workload or a pod.

use rustc_hash::FxHashMap;

use super::{Analysis, ClassId, number};
use crate::world::{OwnerId, PodId};

/// What counts as one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// What owns pods: all pods of a Deployment are one peer.
    Workloads,
    /// Each pod.
    Pods,
}

/// The place of a peer in [`Reach::peers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u32);

/// A workload or a pod.
#[derive(Clone, Debug)]
pub struct Peer {
    /// What it belongs to; for a pod that belongs to nothing, itself.
    pub owner: OwnerId,
    /// Its pods: one where pods are looked at one by one.
    pub pods: Vec<PodId>,
    /// The classes of its pods, ascending.
    pub classes: Vec<ClassId>,
    /// Which ends of connections it may be.
    pub side: Side,
    /// The nodes that its pods are on, by number, ascending.
    pub(super) nodes: Vec<u32>,
    /// Those of them whose network its pods use.
    pub(super) host_nodes: Vec<u32>,
}

/// Which ends of connections a peer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Side {
    /// Connections from it are shown.
    pub from: bool,
    /// Connections to it are shown.
    pub to: bool,
    /// One end of each connection that is shown has this.
    pub focus: bool,
}

impl Side {
    /// Both ends.
    pub const ANY: Self = Self { from: true, to: true, focus: true };
    /// No connection of it is shown.
    pub const NONE: Self = Self { from: false, to: false, focus: false };
}

/// The peers of an analysis, in the order of their names.
pub(super) fn peers(analysis: &Analysis<'_>, view: View) -> Vec<Peer> {
    let mut peers: Vec<Peer> = Vec::new();
    let mut of_owner: FxHashMap<OwnerId, usize> = FxHashMap::default();
    let mut nodes: FxHashMap<&str, u32> = FxHashMap::default();
    for (place, pod) in analysis.world.pods.iter().enumerate() {
        let id = PodId(number(place));
        let next = peers.len();
        let peer = match view {
            View::Pods => next,
            View::Workloads => *of_owner.entry(pod.owner).or_insert(next),
        };
        if peer == next {
            let (pods, classes, nodes, host_nodes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            peers.push(Peer { owner: pod.owner, pods, classes, side: Side::NONE, nodes, host_nodes });
        }
        if analysis.semantics.own_node_reaches && !pod.node.is_empty() {
            let next = number(nodes.len());
            let node = *nodes.entry(pod.node).or_insert(next);
            peers[peer].nodes.push(node);
            if pod.in_host_network {
                peers[peer].host_nodes.push(node);
            }
        }
        peers[peer].pods.push(id);
        peers[peer].classes.push(analysis.class_of(id));
    }
    for peer in &mut peers {
        peer.classes.sort_unstable();
        peer.classes.dedup();
        for nodes in [&mut peer.nodes, &mut peer.host_nodes] {
            nodes.sort_unstable();
            nodes.dedup();
        }
    }
    peers
}

/// Whether two ascending lists have anything in common.
pub(super) fn meet(a: &[u32], b: &[u32]) -> bool {
    let (few, many) = if a.len() < b.len() { (a, b) } else { (b, a) };
    few.iter().any(|number| many.binary_search(number).is_ok())
}
