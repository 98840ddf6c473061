//! What the result allows that nobody needs, workload by workload, and which policies allow it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    need::{Need, Side, owner_name},
    wish::{OutsidePorts, add_apart},
};
use crate::{
    address::{Address, Family},
    decide::{Decider, Fit, Judge, Party, Traffic},
    engine::{Analysis, End, Flow, PeerId, PortTable, Reach, Side as Ends, View},
    names::PeerRef,
    policy::{Action, Direction},
    ports::{PortSet, Protocol},
    range_set::RangeSet,
    world::{OwnerId, PodId},
};

/// Of so many connections beyond it is said which policies allow them.
const MOST_REASONS: usize = 300;

/// Something that is allowed and that nobody needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Beyond {
    /// Who connects.
    pub from: PeerRef,
    /// Who is connected to.
    pub to: PeerRef,
    /// On which ports.
    #[serde(serialize_with = "crate::entrance::as_ports")]
    pub ports: PortSet,
    /// None of it is certain: it depends on something that is not known.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub depends: bool,
    /// The policies that allow it, or why none keeps it out.
    pub by: Vec<String>,
}

/// What is needed, workload by workload.
#[derive(Default)]
struct Needed {
    inside: BTreeMap<(OwnerId, OwnerId), PortSet>,
    /// With addresses, where the workload is the source or not.
    outside: BTreeMap<(OwnerId, bool, Family), OutsidePorts>,
}

impl Needed {
    fn of(analysis: &Analysis<'_>, needs: &[Need]) -> Self {
        let mut needed = Self::default();
        for need in needs {
            let (from, to) = (need.from.owners(analysis), need.to.owners(analysis));
            match (&need.from, &need.to) {
                (Side::Outside(family, addresses), _) => {
                    for owner in to {
                        let sets = needed.outside.entry((owner, false, *family)).or_default();
                        add_apart(sets, addresses.clone(), &need.ports);
                    }
                }
                (_, Side::Outside(family, addresses)) => {
                    for owner in from {
                        let sets = needed.outside.entry((owner, true, *family)).or_default();
                        add_apart(sets, addresses.clone(), &need.ports);
                    }
                }
                _ => {
                    for (a, b) in from.iter().flat_map(|a| to.iter().map(move |b| (*a, *b))) {
                        let ports = needed.inside.entry((a, b)).or_default();
                        *ports = ports.union(&need.ports);
                    }
                }
            }
        }
        needed
    }
}

/// What is allowed to or from the chosen namespaces beyond what is needed, by workload.
pub(super) fn beyond(analysis: &Analysis<'_>, needs: &[Need], is_chosen: &dyn Fn(&str) -> bool) -> Vec<Beyond> {
    let needed = Needed::of(analysis, needs);
    let chosen = |pods: &[PodId]| pods.iter().any(|pod| is_chosen(analysis.world.pod(*pod).namespace));
    let side = |peer: &crate::engine::Peer| Ends { from: true, to: true, focus: chosen(&peer.pods) };
    let reach = Reach::some(analysis, View::Workloads, side, (true, true));
    let mut table = PortTable::default();
    let mut found = Found { analysis, reach: &reach, needed: &needed, list: BTreeMap::new() };
    reach.each(&mut table, |flow, table| found.flow(flow, table));
    found.within(&chosen);
    let judge = Judge::of(analysis);
    let list = found.list;
    list.into_iter()
        .enumerate()
        .map(|(place, ((from, to), more))| {
            let More { ports, certain, sample } = more;
            let by = if place < MOST_REASONS { reasons(&judge, &ports, sample, is_chosen) } else { Vec::new() };
            Beyond { from, to, ports, depends: !certain, by }
        })
        .collect()
}

type Sample = (Party, Party, Family);

/// What is allowed beyond between two.
struct More {
    ports: PortSet,
    /// Some of it is certain.
    certain: bool,
    sample: Sample,
}

struct Found<'f, 'a> {
    analysis: &'a Analysis<'a>,
    reach: &'f Reach<'a>,
    needed: &'f Needed,
    list: BTreeMap<(PeerRef, PeerRef), More>,
}

impl Found<'_, '_> {
    fn flow(&mut self, flow: &Flow<'_>, table: &PortTable) {
        for (ports, certain) in [(flow.ports, true), (flow.depends, false)] {
            let ports = table.get(ports);
            if !ports.is_empty() {
                self.flow_on(flow, ports, certain);
            }
        }
    }

    fn flow_on(&mut self, flow: &Flow<'_>, ports: &PortSet, certain: bool) {
        let family = flow.family.or(self.analysis.families.first().copied()).unwrap_or(Family::V4);
        let reach = self.reach;
        reach.pairs(flow, |pair| {
            // What reaches a pod from its own node is no matter of policies.
            if pair.by_node {
                return;
            }
            let owner = |peer: PeerId| reach.peer(peer).owner;
            match (pair.from, pair.to, flow.from, flow.to) {
                (Some(from), Some(to), ..) => {
                    let known = self.needed.inside.get(&(owner(from), owner(to)));
                    let more = known.map_or_else(|| ports.clone(), |known| ports.difference(known));
                    if !more.is_empty() {
                        let sample = (Party::Pod(reach.peer(from).pods[0]), Party::Pod(reach.peer(to).pods[0]), family);
                        let alike = reach.peer(from).classes.len() == 1 && reach.peer(to).classes.len() == 1;
                        if !certain && alike && only_by_node(&Judge::of(self.analysis), sample) {
                            return;
                        }
                        let names = (owner_name(self.analysis, owner(from)), owner_name(self.analysis, owner(to)));
                        self.add(names, &more, certain, sample);
                    }
                }
                (Some(peer), None, _, End::Outside(family, addresses)) => {
                    self.outside(owner(peer), reach.peer(peer).pods[0], true, (family, addresses), (ports, certain));
                }
                (None, Some(peer), End::Outside(family, addresses), _) => {
                    self.outside(owner(peer), reach.peer(peer).pods[0], false, (family, addresses), (ports, certain));
                }
                _ => {}
            }
        });
    }

    fn outside(
        &mut self,
        owner: OwnerId,
        pod: PodId,
        is_source: bool,
        (family, addresses): (Family, &RangeSet<u128>),
        (ports, certain): (&PortSet, bool),
    ) {
        let none = Vec::new();
        let known = self.needed.outside.get(&(owner, is_source, family)).unwrap_or(&none);
        let mut left = addresses.clone();
        let mut pieces = Vec::new();
        for (known, known_ports) in known {
            let both = left.intersection(known);
            left = left.difference(&both);
            pieces.push((both, ports.difference(known_ports)));
        }
        pieces.push((left, ports.clone()));
        for (addresses, ports) in pieces {
            let Some((number, _)) = addresses.ranges().next().filter(|_| !ports.is_empty()) else { continue };
            let (own, other) = (owner_name(self.analysis, owner), PeerRef::outside(family, &addresses));
            let (own_party, other_party) = (Party::Pod(pod), Party::Address(Address { family, number }));
            if is_source {
                self.add((own, other), &ports, certain, (own_party, other_party, family));
            } else {
                self.add((other, own), &ports, certain, (other_party, own_party, family));
            }
        }
    }

    /// The pods of one workload among each other, which are no pair of two workloads.
    fn within(&mut self, chosen: &dyn Fn(&[PodId]) -> bool) {
        for peer in self.reach.peers().iter().filter(|peer| chosen(&peer.pods)) {
            let lone = peer.pods.len() < 2 && !self.analysis.world.pod(peer.pods[0]).from_template;
            if lone || self.analysis.world.pod(peer.pods[0]).in_host_network {
                continue;
            }
            let (mut ports, mut certain) = (PortSet::default(), PortSet::default());
            for a in &peer.classes {
                for b in &peer.classes {
                    for family in &self.analysis.families {
                        if self.analysis.classes.has(*a, *family) && self.analysis.classes.has(*b, *family) {
                            let both = self.analysis.ports_between(*a, *b, *family);
                            ports = ports.union(&both.possible);
                            certain = certain.union(&both.certain);
                        }
                    }
                }
            }
            let known = self.needed.inside.get(&(peer.owner, peer.owner));
            let more = known.map_or_else(|| ports.clone(), |known| ports.difference(known));
            if !more.is_empty() {
                let name = owner_name(self.analysis, peer.owner);
                let last = peer.pods.last().copied().unwrap_or(peer.pods[0]);
                let sample = (Party::Pod(peer.pods[0]), Party::Pod(last), self.analysis.families[0]);
                let certain = !more.intersection(&certain).is_empty();
                self.add((name.clone(), name), &more, certain, sample);
            }
        }
    }

    fn add(&mut self, names: (PeerRef, PeerRef), ports: &PortSet, certain: bool, sample: Sample) {
        let none = More { ports: PortSet::default(), certain: false, sample };
        let known = self.list.entry(names).or_insert(none);
        known.ports = known.ports.union(ports);
        known.certain |= certain;
    }
}

/// Whether the one may reach the other only because it may be part of the other's node, which is no matter of policies:
/// no rule that allows means it, on any port.
fn only_by_node(judge: &Judge<'_>, (from, to, family): Sample) -> bool {
    let traffic = Traffic { from, to, family, protocol: Protocol::Tcp, port: 1 };
    if judge.from_own_node(&traffic) != Fit::Maybe {
        return false;
    }
    let policies = judge.analysis.policies.iter().map(|(_, policy)| policy);
    let about = policies.filter(|policy| judge.selects(policy, to) != Fit::No);
    let mut rules = about.flat_map(|policy| policy.rules(Direction::Ingress).unwrap_or_default());
    rules.all(|rule| rule.action == Action::Deny || judge.peers(rule, Direction::Ingress, &traffic) == Fit::No)
}

/// Which policies of the chosen namespaces, or above them, let it through.
fn reasons(
    judge: &Judge<'_>,
    ports: &PortSet,
    (from, to, family): Sample,
    is_chosen: &dyn Fn(&str) -> bool,
) -> Vec<String> {
    let Some(range) = ports.ranges().next() else { return Vec::new() };
    let traffic = Traffic { from, to, family, protocol: range.protocol, port: range.first };
    let mut reasons = Vec::new();
    let chosen = |direction: &Direction| match traffic.subject(*direction) {
        Party::Pod(pod) => is_chosen(judge.analysis.world.pod(pod).namespace),
        Party::Address(_) => false,
    };
    for direction in Direction::ALL.into_iter().filter(chosen) {
        let side = judge.side(direction, &traffic);
        let reason = match side.decider {
            Decider::Rule(rule) => judge.analysis.policies.get(rule.policy).display(),
            Decider::HostNetwork => format!("{}: it is in the network of its node", direction.as_str()),
            Decider::Default => format!("{}: no policy keeps it out", direction.as_str()),
            Decider::Isolation(_) | Decider::Outside | Decider::OwnNode | Decider::Itself => continue,
        };
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons
}
