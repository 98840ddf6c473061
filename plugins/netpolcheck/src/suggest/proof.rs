//! The proof: the suggested policies put over the cluster and analysed again. Whatever is needed has to be allowed for
//! certain; whatever is allowed beyond is named.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    need::{Need, Side, owner_name},
    wish::{OutsidePorts, add_apart},
};
use crate::{
    address::{Address, Family},
    decide::{Decider, Judge, Party, Traffic, missing},
    engine::{Analysis, ClassId, End, Flow, PeerId, PortTable, Reach, Side as Ends, View},
    entrance::Answer,
    names::PeerRef,
    policy::Direction,
    ports::PortSet,
    range_set::RangeSet,
    world::{OwnerId, PodId},
};

/// Of so many connections beyond it is said which policies allow them.
const MOST_REASONS: usize = 300;

/// Something that is needed and not allowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// Who connects.
    pub from: PeerRef,
    /// Who is connected to.
    pub to: PeerRef,
    /// On which ports.
    #[serde(serialize_with = "crate::entrance::as_ports")]
    pub ports: PortSet,
    /// Where the need comes from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub needed_by: String,
    /// What stands in the way.
    pub why: Vec<String>,
}

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
    /// The policies that allow it, or why none keeps it out.
    pub by: Vec<String>,
}

/// What the analysis of the result says.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// Everything that is needed is allowed for certain.
    pub holds: bool,
    /// How many pairs of peers that no policy tells apart were looked at.
    pub checked: usize,
    /// What is needed and not allowed.
    pub missing: Vec<Missing>,
    /// What is allowed to or from the chosen namespaces beyond what is needed, by workload.
    pub beyond: Vec<Beyond>,
}

/// Proves needs on the analysis of the result. Its pods have to be those of the analysis that the needs are about.
#[must_use]
pub fn prove(analysis: &Analysis<'_>, needs: &[Need], is_chosen: &dyn Fn(&str) -> bool) -> Proof {
    let mut prover = Prover { analysis, proof: Proof::default(), found: BTreeSet::new() };
    needs.iter().for_each(|need| prover.need(need));
    let mut proof = prover.proof;
    proof.missing = prover.found.into_iter().collect();
    proof.holds = proof.missing.is_empty();
    proof.beyond = beyond(analysis, needs, is_chosen);
    proof
}

struct Prover<'a> {
    analysis: &'a Analysis<'a>,
    proof: Proof,
    found: BTreeSet<Missing>,
}

/// Those of one side that no policy tells apart: a pod, and how many there are; or an address.
#[derive(Clone, Debug)]
struct Alike {
    class: ClassId,
    pods: Vec<PodId>,
    address: Option<Address>,
}

impl Prover<'_> {
    fn need(&mut self, need: &Need) {
        let (from, to) = (self.alike(&need.from), self.alike(&need.to));
        for a in &from {
            for b in &to {
                self.pair(need, a, b);
            }
        }
    }

    fn alike(&self, side: &Side) -> Vec<Alike> {
        match side {
            Side::Pods { pods, .. } => {
                let mut by_class: BTreeMap<ClassId, Vec<PodId>> = BTreeMap::new();
                for pod in pods.iter() {
                    by_class.entry(self.analysis.class_of(*pod)).or_default().push(*pod);
                }
                by_class.into_iter().map(|(class, pods)| Alike { class, pods, address: None }).collect()
            }
            Side::Outside(family, addresses) => {
                let classes = &self.analysis.classes;
                let places = classes.external.iter().enumerate().filter(|(_, it)| it.family == *family);
                places
                    .filter_map(|(place, external)| {
                        let (number, _) = external.addresses.intersection(addresses).ranges().next()?;
                        let class = ClassId(u32::try_from(classes.members.len() + place).unwrap_or(u32::MAX));
                        Some(Alike { class, pods: Vec::new(), address: Some(Address { family: *family, number }) })
                    })
                    .collect()
            }
        }
    }

    fn pair(&mut self, need: &Need, a: &Alike, b: &Alike) {
        let Some((from, to)) = self.representatives(a, b) else { return };
        let classes = &self.analysis.classes;
        for family in self.analysis.families.iter().filter(|it| need.family.is_none_or(|only| only == **it)) {
            if !classes.has(a.class, *family) || !classes.has(b.class, *family) {
                continue;
            }
            self.proof.checked += 1;
            let allowed = self.analysis.ports_between(a.class, b.class, *family).certain;
            let lacking = need.ports.difference(&allowed);
            if !lacking.is_empty() {
                self.lacking(need, from, to, *family, lacking);
            }
        }
    }

    /// Two that policies have a say about; `None` where there are none: a pod and itself, or pods of one node of which
    /// the first is in the node's network.
    fn representatives(&self, a: &Alike, b: &Alike) -> Option<(Party, Party)> {
        let party = |alike: &Alike| alike.address.map(Party::Address);
        match (party(a), party(b)) {
            (Some(from), _) => Some((from, Party::Pod(*b.pods.first()?))),
            (_, Some(to)) => Some((Party::Pod(*a.pods.first()?), to)),
            (None, None) => a.pods.iter().find_map(|from| {
                let apart = |to: &&PodId| from != *to && !self.analysis.reaches_by_node(*from, **to);
                b.pods.iter().find(apart).map(|to| (Party::Pod(*from), Party::Pod(*to)))
            }),
        }
    }

    fn lacking(&mut self, need: &Need, from: Party, to: Party, family: Family, ports: PortSet) {
        let why = match ports.ranges().next() {
            None => Vec::new(),
            Some(range) => {
                let traffic = Traffic { from, to, family, protocol: range.protocol, port: range.first };
                let judge = Judge::of(self.analysis);
                let sides = Direction::ALL.map(|direction| judge.side(direction, &traffic));
                let told = |side: &crate::decide::Side| match side.allowed {
                    Answer::Depends => vec![format!("{}: it depends on what is not known", side.direction.as_str())],
                    _ => missing(&judge, side, &traffic),
                };
                sides.iter().flat_map(told).collect()
            }
        };
        let name = |party: Party| match party {
            Party::Pod(pod) => PeerRef::of_pod(self.analysis, pod),
            Party::Address(address) => {
                PeerRef::outside(address.family, &RangeSet::range(address.number, address.number))
            }
        };
        let needed_by = need.place.clone();
        self.found.insert(Missing { from: name(from), to: name(to), ports, needed_by, why });
    }
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

fn beyond(analysis: &Analysis<'_>, needs: &[Need], is_chosen: &dyn Fn(&str) -> bool) -> Vec<Beyond> {
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
        .map(|(place, ((from, to), (ports, sample)))| {
            let by = if place < MOST_REASONS { reasons(&judge, &ports, sample, is_chosen) } else { Vec::new() };
            Beyond { from, to, ports, by }
        })
        .collect()
}

type Sample = (Party, Party, Family);

struct Found<'f, 'a> {
    analysis: &'a Analysis<'a>,
    reach: &'f Reach<'a>,
    needed: &'f Needed,
    list: BTreeMap<(PeerRef, PeerRef), (PortSet, Sample)>,
}

impl Found<'_, '_> {
    fn flow(&mut self, flow: &Flow<'_>, table: &PortTable) {
        let ports = table.get(flow.ports).union(table.get(flow.depends));
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
                        let names = (owner_name(self.analysis, owner(from)), owner_name(self.analysis, owner(to)));
                        self.add(names, more, sample);
                    }
                }
                (Some(peer), None, _, End::Outside(family, addresses)) => {
                    self.outside(owner(peer), reach.peer(peer).pods[0], true, family, addresses, &ports);
                }
                (None, Some(peer), End::Outside(family, addresses), _) => {
                    self.outside(owner(peer), reach.peer(peer).pods[0], false, family, addresses, &ports);
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
        family: Family,
        addresses: &RangeSet<u128>,
        ports: &PortSet,
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
                self.add((own, other), ports, (own_party, other_party, family));
            } else {
                self.add((other, own), ports, (other_party, own_party, family));
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
            let mut ports = PortSet::default();
            for a in &peer.classes {
                for b in &peer.classes {
                    for family in &self.analysis.families {
                        if self.analysis.classes.has(*a, *family) && self.analysis.classes.has(*b, *family) {
                            ports = ports.union(&self.analysis.ports_between(*a, *b, *family).possible);
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
                self.add((name.clone(), name), more, sample);
            }
        }
    }

    fn add(&mut self, names: (PeerRef, PeerRef), ports: PortSet, sample: Sample) {
        let known = self.list.entry(names).or_insert_with(|| (PortSet::default(), sample));
        known.0 = known.0.union(&ports);
    }
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
