//! What has to be allowed.

use std::sync::Arc;

use crate::{
    address::{Block, Family},
    engine::Analysis,
    names::PeerRef,
    ports::PortSet,
    range_set::RangeSet,
    world::{OwnerId, PodId},
};

/// One side of a need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// These pods, each of them.
    Pods {
        /// In the order of their places.
        pods: Arc<[PodId]>,
        /// All pods of this namespace were meant, those of tomorrow too.
        namespace: Option<String>,
    },
    /// Addresses outside of the cluster.
    Outside(Family, RangeSet<u128>),
}

impl Side {
    /// Its pods.
    #[must_use]
    pub fn pods(&self) -> &[PodId] {
        match self {
            Self::Pods { pods, .. } => pods,
            Self::Outside(..) => &[],
        }
    }

    /// What its pods belong to, each once.
    #[must_use]
    pub fn owners(&self, analysis: &Analysis<'_>) -> Vec<OwnerId> {
        let mut owners: Vec<OwnerId> = self.pods().iter().map(|pod| analysis.world.pod(*pod).owner).collect();
        owners.sort_unstable();
        owners.dedup();
        owners
    }

    /// What it is called in reports, workload by workload.
    #[must_use]
    pub fn names(&self, analysis: &Analysis<'_>) -> Vec<PeerRef> {
        match self {
            Self::Outside(family, addresses) => vec![PeerRef::outside(*family, addresses)],
            Self::Pods { .. } => self.owners(analysis).into_iter().map(|owner| owner_name(analysis, owner)).collect(),
        }
    }
}

/// What a workload is called in reports.
#[must_use]
pub fn owner_name(analysis: &Analysis<'_>, owner: OwnerId) -> PeerRef {
    let owner = analysis.world.owner(owner);
    PeerRef::named(&owner.kind, &owner.namespace, &owner.name)
}

/// Ports on which each of one side has to reach each of the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Who connects.
    pub from: Side,
    /// Who is connected to.
    pub to: Side,
    /// On which ports.
    pub ports: PortSet,
    /// Over which family; `None` for each that both have.
    pub family: Option<Family>,
    /// Where it comes from: `flows.csv:3:1`; empty where it is today's connectivity.
    pub place: String,
}

/// The addresses that nodes have for their pods, as far as nodes say so. Nobody outside of the cluster has one of them,
/// and a block with them would let pods in.
#[must_use]
pub fn pod_addresses(analysis: &Analysis<'_>, family: Family) -> RangeSet<u128> {
    let cidrs = analysis.snapshot.nodes.iter().flat_map(|node| &node.pod_cidrs);
    let blocks = cidrs.filter_map(|cidr| Block::parse(cidr)).filter(|block| block.family == family);
    blocks.map(|block| (block.first, block.last)).collect()
}
