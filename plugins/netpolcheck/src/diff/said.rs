//! What an analysis says about every pair of workloads, by name, so that two of them can be compared.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    address::Family,
    engine::{Analysis, End, Peer, PeerId, PortTable, Reach, View},
    entrance::{Entrance, entrances},
    foreign::Foreign,
    names::PeerRef,
    ports::PortSet,
    range_set::RangeSet,
};

/// What holds for a pair.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Said {
    /// On these ports it is certain, for some pods of each at least.
    pub(super) certain: PortSet,
    /// On these it is possible.
    pub(super) possible: PortSet,
    /// Where the pods of a peer are not alike: what holds for each kind of them.
    pub(super) kinds: BTreeSet<(PortSet, PortSet)>,
}

/// A workload, or a pod, and one of another side.
pub(super) type Pair = (PeerRef, PeerRef, Option<Family>);

/// A workload, or a pod, whether it is the source, and the family of the addresses outside on the other side.
pub(super) type Edge = (PeerRef, bool, Family);

/// What is known of a peer.
#[derive(Clone, Debug, Default)]
pub(super) struct PeerFacts {
    /// The IP families of which its pods have addresses, or may have.
    pub(super) families: BTreeSet<Family>,
    /// Policies that speak about its pods and are not evaluated.
    pub(super) not_evaluated: Vec<String>,
}

/// Everything that an analysis says, by name.
#[derive(Debug, Default)]
pub struct State {
    /// The peers that there are.
    pub(super) peers: BTreeMap<PeerRef, PeerFacts>,
    /// The ways in from outside.
    pub(super) entrances: Vec<Entrance>,
    /// Between peers.
    pub(super) inside: BTreeMap<Pair, Said>,
    /// With ranges of addresses outside.
    pub(super) outside: BTreeMap<Edge, Vec<(RangeSet<u128>, Said)>>,
}

impl State {
    /// What an analysis says.
    #[must_use]
    pub fn of(analysis: &Analysis<'_>, foreign: &Foreign, view: View) -> Self {
        let reach = Reach::of(analysis, view);
        // A peer is the same one whether or not its pods are known to use the network of their node.
        let names: Vec<PeerRef> = reach
            .peers()
            .iter()
            .map(|peer| PeerRef { host_network: false, ..PeerRef::of(analysis, view, peer) })
            .collect();
        let name = |id: &PeerId| names[id.0 as usize].clone();
        let facts = |peer: &Peer| {
            let has = |family: &Family| peer.classes.iter().any(|class| analysis.classes.has(*class, *family));
            PeerFacts {
                families: analysis.families.iter().copied().filter(has).collect(),
                not_evaluated: foreign.about_any(&peer.pods).into_iter().map(str::to_owned).collect(),
            }
        };
        let peers = names.iter().cloned().zip(reach.peers().iter().map(facts)).collect();
        let mut all = Self { peers, entrances: entrances(analysis).list, ..Self::default() };
        let mut table = PortTable::default();
        reach.each(&mut table, |flow, table| {
            let certain = table.get(flow.ports).clone();
            let possible = certain.union(table.get(flow.depends));
            if possible.is_empty() {
                return;
            }
            let mut said = Said { certain, possible, kinds: BTreeSet::new() };
            match (flow.from, flow.to) {
                (End::Group(from), End::Group(to)) => {
                    let (from, to) = (reach.group(from), reach.group(to));
                    if flow.partly {
                        for a in &from.classes {
                            for b in &to.classes {
                                for family in &analysis.families {
                                    let both = analysis.classes.has(*a, *family) && analysis.classes.has(*b, *family);
                                    if both && flow.family.is_none_or(|only| only == *family) {
                                        let ports = analysis.ports_between(*a, *b, *family);
                                        said.kinds.insert((ports.certain, ports.possible));
                                    }
                                }
                            }
                        }
                    }
                    for a in &from.peers {
                        for b in to.peers.iter().filter(|b| *b != a) {
                            // Each family by itself, as the other state may know of both.
                            let families =
                                analysis.families.iter().filter(|it| flow.family.is_none_or(|of| of == **it));
                            for family in families {
                                all.inside.insert((name(a), name(b), Some(*family)), said.clone());
                            }
                        }
                    }
                }
                (End::Group(peers), End::Outside(family, addresses)) => {
                    for peer in &reach.group(peers).peers {
                        let of_peer = all.outside.entry((name(peer), true, family)).or_default();
                        of_peer.push((addresses.clone(), said.clone()));
                    }
                }
                (End::Outside(family, addresses), End::Group(peers)) => {
                    for peer in &reach.group(peers).peers {
                        let of_peer = all.outside.entry((name(peer), false, family)).or_default();
                        of_peer.push((addresses.clone(), said.clone()));
                    }
                }
                (End::Outside(..), End::Outside(..)) => {}
            }
        });
        all
    }
}
