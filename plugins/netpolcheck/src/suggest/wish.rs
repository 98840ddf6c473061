//! What policies have to allow, workload by workload: the needs, seen from the pods that policies select.

use std::collections::BTreeMap;

use super::need::{Need, Side};
use crate::{
    address::Family,
    engine::Analysis,
    policy::Direction,
    ports::PortSet,
    profile::Matching,
    range_set::RangeSet,
    world::{OwnerId, PodId},
};

/// Whom a rule names by labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// Everyone, inside and outside of the cluster.
    Everyone,
    /// The pods of all namespaces.
    EveryPod,
    /// The pods of a namespace.
    Namespace(String),
    /// The pods of the cluster's DNS as all installers label them, where none are in the input.
    UsualDns,
    /// The pods of a workload.
    Owner(OwnerId),
}

/// Addresses with their ports; no two of the sets meet.
pub type OutsidePorts = Vec<(RangeSet<u128>, PortSet)>;

/// What one direction of a subject has to let through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// By labels.
    pub peers: BTreeMap<Peer, PortSet>,
    /// By addresses.
    pub outside: BTreeMap<Family, OutsidePorts>,
}

impl Allowed {
    /// Adds a peer.
    pub fn add(&mut self, peer: Peer, ports: &PortSet) {
        let known = self.peers.entry(peer).or_default();
        *known = known.union(ports);
    }

    /// Adds addresses.
    pub fn add_outside(&mut self, family: Family, addresses: RangeSet<u128>, ports: &PortSet) {
        add_apart(self.outside.entry(family).or_default(), addresses, ports);
    }

    /// Adds all of another.
    pub fn join(&mut self, other: &Self) {
        other.peers.iter().for_each(|(peer, ports)| self.add(peer.clone(), ports));
        for (family, sets) in &other.outside {
            sets.iter().for_each(|(addresses, ports)| self.add_outside(*family, addresses.clone(), ports));
        }
    }
}

/// Adds ports of addresses to sets of which no two meet, so that no two meet afterwards.
pub(super) fn add_apart(sets: &mut OutsidePorts, addresses: RangeSet<u128>, ports: &PortSet) {
    let mut left = addresses;
    let mut more = Vec::new();
    for (known, known_ports) in sets.iter_mut() {
        let both = known.intersection(&left);
        if both.is_empty() {
            continue;
        }
        left = left.difference(&both);
        *known = known.difference(&both);
        more.push((both, known_ports.union(ports)));
    }
    more.push((left, ports.clone()));
    sets.extend(more);
    sets.retain(|(addresses, _)| !addresses.is_empty());
}

/// What all policies together have to allow.
#[derive(Debug, Default)]
pub struct Wishes {
    /// For workloads of the chosen namespaces.
    pub of_owner: BTreeMap<(OwnerId, Direction), Allowed>,
    /// For all pods of chosen namespaces, those of tomorrow too.
    pub of_namespace: BTreeMap<(String, Direction), Allowed>,
    /// What no NetworkPolicy can say, in words.
    pub cannot: Vec<String>,
}

impl Wishes {
    /// Adds what a need asks of the policies of the chosen namespaces.
    pub fn add(&mut self, analysis: &Analysis<'_>, need: &Need, is_chosen: &dyn Fn(&str) -> bool) {
        for (direction, own, other) in
            [(Direction::Egress, &need.from, &need.to), (Direction::Ingress, &need.to, &need.from)]
        {
            let mut subjects: Vec<OwnerId> = own
                .pods()
                .iter()
                .map(|pod| analysis.world.pod(*pod))
                .filter(|pod| is_chosen(pod.namespace) && !pod.in_host_network)
                .map(|pod| pod.owner)
                .collect();
            subjects.sort_unstable();
            subjects.dedup();
            if subjects.is_empty() {
                continue;
            }
            let mut allowed = Allowed::default();
            self.add_side(analysis, &mut allowed, other, &need.ports);
            for owner in subjects {
                self.of_owner.entry((owner, direction)).or_default().join(&allowed);
            }
        }
    }

    fn add_side(&mut self, analysis: &Analysis<'_>, allowed: &mut Allowed, side: &Side, ports: &PortSet) {
        match side {
            Side::Outside(family, addresses) => allowed.add_outside(*family, addresses.clone(), ports),
            Side::Pods { pods, namespace } => {
                if let Some(namespace) = namespace {
                    allowed.add(Peer::Namespace(namespace.clone()), ports);
                }
                for pod in pods.iter() {
                    let facts = analysis.world.pod(*pod);
                    if facts.in_host_network {
                        self.add_host(analysis, allowed, *pod, ports);
                    } else if namespace.is_none() {
                        allowed.add(Peer::Owner(facts.owner), ports);
                    }
                }
            }
        }
    }

    /// No selector means a pod in the network of its node: the node's address has to be named.
    pub(super) fn add_host(&mut self, analysis: &Analysis<'_>, allowed: &mut Allowed, pod: PodId, ports: &PortSet) {
        let facts = analysis.world.pod(pod);
        let name = facts.meta.path();
        match (&facts.addresses, analysis.semantics.blocks_match_nodes) {
            (Some(addresses), Matching::Yes) => {
                for address in addresses {
                    allowed.add_outside(address.family, RangeSet::range(address.number, address.number), ports);
                }
            }
            (None, Matching::Yes) => self.cannot.push(format!(
                "pod {name} is in the network of its node, and its address is not known: no rule can name it"
            )),
            _ => self.cannot.push(format!(
                "pod {name} is in the network of its node, which no NetworkPolicy can name under this profile"
            )),
        }
    }
}
