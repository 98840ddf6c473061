//! Who can reach whom, group by group: a walk over all pairs that never holds them.

use rustc_hash::FxHashMap;

use super::{
    Analysis, ClassId, Peer, PeerId, PortTable, PortsId, Side, View, number,
    peers::{meet, peers},
    walk::Walk,
};
use crate::{address::Family, range_set::RangeSet};

/// The place of a group in [`Reach::groups`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

/// Peers with pods of the same classes: what holds for one of them holds for all.
#[derive(Clone, Debug)]
pub struct Group {
    /// The peers, in order.
    pub peers: Vec<PeerId>,
    /// The classes of each of them, ascending.
    pub classes: Vec<ClassId>,
    /// Which ends of connections they may be.
    pub side: Side,
    /// Some of their pods use the network of their nodes, and so reach every pod on the same node.
    pub in_host_network: bool,
}

/// One end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End<'r> {
    /// Each peer of a group.
    Group(GroupId),
    /// Addresses outside of the cluster.
    Outside(Family, &'r RangeSet<u128>),
}

/// Ports on which each peer of one end reaches each of the other; a peer and itself are left out.
///
/// Where the source group is in the host network, some pairs of peers are on the same node, and reach each other
/// whatever the policies say: [`Reach::pairs`] knows which.
#[derive(Clone, Copy, Debug)]
pub struct Flow<'r> {
    /// Who connects.
    pub from: End<'r>,
    /// Who is connected to.
    pub to: End<'r>,
    /// The one IP family for which it holds, where it does not hold for every family that both have.
    pub family: Option<Family>,
    /// On these ports it is certain, for some pods of each at least.
    pub ports: PortsId,
    /// On these it depends on something that is not known. None of them is in `ports`.
    pub depends: PortsId,
    /// On these another profile may have another answer.
    pub by_profile: PortsId,
    /// On some of the ports only some of the pods of a peer are meant, since its pods are not alike.
    pub partly: bool,
}

/// What holds for two peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Who connects; `None` for addresses outside of the cluster.
    pub from: Option<PeerId>,
    /// Who is connected to; `None` for addresses outside of the cluster.
    pub to: Option<PeerId>,
    /// As in [`Flow::ports`].
    pub ports: PortsId,
    /// As in [`Flow::depends`].
    pub depends: PortsId,
    /// As in [`Flow::by_profile`].
    pub by_profile: PortsId,
    /// As in [`Flow::partly`].
    pub partly: bool,
    /// They are on one node, whose network the source uses: no policy keeps them apart there.
    pub by_node: bool,
}

/// A view of an analysis.
#[derive(Debug)]
pub struct Reach<'a> {
    analysis: &'a Analysis<'a>,
    peers: Vec<Peer>,
    groups: Vec<Group>,
    /// Addresses of both families may be the source, the destination.
    outside: (bool, bool),
}

impl<'a> Reach<'a> {
    /// All peers, as sources and as destinations.
    #[must_use]
    pub fn of(analysis: &'a Analysis<'a>, view: View) -> Self {
        Self::some(analysis, view, |_| Side::ANY, (true, true))
    }

    /// Only some peers: `side` is asked for each, and `outside` says whether addresses outside of the cluster are
    /// wanted as sources and as destinations.
    #[must_use]
    pub fn some(analysis: &'a Analysis<'a>, view: View, side: impl Fn(&Peer) -> Side, outside: (bool, bool)) -> Self {
        let mut peers = peers(analysis, view);
        for peer in &mut peers {
            peer.side = side(peer);
        }
        let mut places: FxHashMap<(Vec<ClassId>, Side), usize> = FxHashMap::default();
        let mut groups: Vec<Group> = Vec::new();
        for (place, peer) in peers.iter().enumerate().filter(|(_, peer)| peer.side.from || peer.side.to) {
            let group = *places.entry((peer.classes.clone(), peer.side)).or_insert_with(|| {
                let hosts = |class: &ClassId| analysis.classes.facts[class.0 as usize].in_host_network;
                groups.push(Group {
                    peers: Vec::new(),
                    classes: peer.classes.clone(),
                    side: peer.side,
                    in_host_network: peer.classes.iter().any(hosts),
                });
                groups.len() - 1
            });
            groups[group].peers.push(PeerId(number(place)));
        }
        Self { analysis, peers, groups, outside }
    }

    /// The analysis.
    #[must_use]
    pub fn analysis(&self) -> &'a Analysis<'a> {
        self.analysis
    }

    /// The peers, by namespace and name.
    #[must_use]
    pub fn peers(&self) -> &[Peer] {
        &self.peers
    }

    /// The groups.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The peer of this place.
    #[must_use]
    pub fn peer(&self, id: PeerId) -> &Peer {
        &self.peers[id.0 as usize]
    }

    /// The group of this place.
    #[must_use]
    pub fn group(&self, id: GroupId) -> &Group {
        &self.groups[id.0 as usize]
    }

    /// Whether a pod of the first peer is part of the node that a pod of the second is on: then it reaches that pod
    /// on every port, whatever the policies say.
    #[must_use]
    pub fn by_node(&self, from: PeerId, to: PeerId) -> bool {
        meet(&self.peer(from).host_nodes, &self.peer(to).nodes)
    }

    /// Gives each pair of peers of a flow between which there is anything.
    pub fn pairs(&self, flow: &Flow<'_>, mut give: impl FnMut(Pair)) {
        let pair = |from, to| Pair {
            from,
            to,
            ports: flow.ports,
            depends: flow.depends,
            by_profile: flow.by_profile,
            partly: flow.partly,
            by_node: false,
        };
        match (flow.from, flow.to) {
            (End::Group(from), End::Group(to)) => {
                let near = self.group(from).in_host_network;
                for from in &self.group(from).peers {
                    for to in self.group(to).peers.iter().filter(|to| from != *to) {
                        let pair = pair(Some(*from), Some(*to));
                        if near && self.by_node(*from, *to) {
                            let partly = pair.ports != PortsId::ALL;
                            let (ports, depends) = (PortsId::ALL, PortsId::NONE);
                            give(Pair { ports, depends, by_profile: PortsId::NONE, partly, by_node: true, ..pair });
                        } else if pair.ports != PortsId::NONE || pair.depends != PortsId::NONE {
                            give(pair);
                        }
                    }
                }
            }
            (End::Group(from), End::Outside(..)) => {
                self.group(from).peers.iter().for_each(|from| give(pair(Some(*from), None)));
            }
            (End::Outside(..), End::Group(to)) => {
                self.group(to).peers.iter().for_each(|to| give(pair(None, Some(*to))));
            }
            (End::Outside(..), End::Outside(..)) => {}
        }
    }

    /// Gives every flow, ordered by its source: groups first, then addresses outside of the cluster. Where neither
    /// end is a peer there is no flow. Flows without any ports are given only where [`Self::pairs`] finds pairs on one
    /// node in them. `table` collects the sets of ports.
    pub fn each(&self, table: &mut PortTable, mut give: impl FnMut(&Flow<'_>, &PortTable)) {
        let walk = Walk::of(self, table);
        for (place, group) in self.groups.iter().enumerate().filter(|(_, group)| group.side.from) {
            let from = End::Group(GroupId(number(place)));
            let reached = walk.reached_by(&group.classes, table);
            walk.to_groups(from, group.side.focus, &reached, table, &mut give);
            if self.outside.1 && group.side.focus {
                let outside = walk.outside(&reached);
                for (family, ports, addresses) in outside {
                    give(&ports.flow(from, End::Outside(family, &addresses), None, table), table);
                }
            }
        }
        if self.outside.0 {
            walk.sources_outside(table, &mut give);
        }
    }
}
