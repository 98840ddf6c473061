//! The proof: the suggested policies put over the cluster and analysed again. Whatever is needed has to be allowed for
//! certain; whatever is allowed beyond is named.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    beyond::{Beyond, beyond},
    need::{Need, Side, owner_name},
};
use crate::{
    address::{Address, Family},
    decide::{Judge, Party, Traffic, missing},
    engine::{Analysis, ClassId},
    entrance::Answer,
    names::PeerRef,
    policy::Direction,
    ports::PortSet,
    range_set::RangeSet,
    world::PodId,
};

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
            Party::Pod(pod) => {
                let facts = self.analysis.world.pod(pod);
                PeerRef { host_network: facts.in_host_network, ..owner_name(self.analysis, facts.owner) }
            }
            Party::Address(address) => {
                PeerRef::outside(address.family, &RangeSet::range(address.number, address.number))
            }
        };
        let needed_by = need.place.clone();
        self.found.insert(Missing { from: name(from), to: name(to), ports, needed_by, why });
    }
}
