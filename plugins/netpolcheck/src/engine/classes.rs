//! Pods and addresses that no policy can tell apart.

use std::hash::Hash;

use compact_str::CompactString;
use rustc_hash::FxHashMap;

use super::{atoms::Atoms, number, selected::selected};
use crate::{
    address::Family,
    policy::{Policies, PortMatch, Term, TermId},
    profile::Semantics,
    range_set::RangeSet,
    world::{NamedPort, PodFacts, PodId, World, exposed},
};

/// The place of a class: classes of pods first, classes of addresses behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub u32);

/// Addresses outside of the cluster that no policy can tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// Their family.
    pub family: Family,
    /// The addresses.
    pub addresses: RangeSet<u128>,
    /// The terms that hold them.
    pub(super) terms: Vec<TermId>,
}

/// What is known of an address of a pod. Which of it counts is a question of the profile, and no two profiles need
/// other classes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Hits {
    /// The blocks that hold it; `None` where the address is not known.
    pub(super) blocks: Option<Vec<TermId>>,
    /// Terms of nodes that mean the node it is on, where it is an address of a node.
    pub(super) nodes: Vec<TermId>,
    /// Terms of nodes that may mean it.
    pub(super) maybe_nodes: Vec<TermId>,
}

/// Named ports, by the place of the name in [`Classes::port_names`].
pub(super) type NamedPorts = Vec<(u32, NamedPort)>;

/// What all pods of a class have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ClassFacts {
    /// The terms that select them by labels, by place.
    pub(super) selected: u32,
    /// Their named ports, by place.
    pub(super) ports: u32,
    /// By family, what holds their address, by place; `None` where they have no address of it.
    pub(super) addresses: [Option<u32>; 2],
    /// They use the network of their node.
    pub(super) in_host_network: bool,
    /// The node of such pods; empty where it is not known.
    host: CompactString,
    /// It is known which node each of them is on.
    pub(super) node_known: bool,
}

/// The classes of a cluster.
#[derive(Debug)]
pub struct Classes {
    /// The class of each pod.
    pub of_pod: Vec<ClassId>,
    /// The pods of each class of pods.
    pub members: Vec<Vec<PodId>>,
    /// The classes of addresses, which follow those of pods.
    pub external: Vec<External>,
    pub(super) facts: Vec<ClassFacts>,
    pub(super) selected: Vec<Vec<TermId>>,
    pub(super) addresses: Vec<Hits>,
    pub(super) named_ports: Vec<NamedPorts>,
    pub(super) port_names: FxHashMap<CompactString, u32>,
    /// Terms that may match anything at all.
    pub(super) unknown: Vec<TermId>,
}

impl Classes {
    /// How many classes there are, of pods and of addresses.
    #[must_use]
    pub fn count(&self) -> usize {
        self.members.len() + self.external.len()
    }

    /// The pods of a class; none for a class of addresses.
    #[must_use]
    pub fn pods(&self, class: ClassId) -> &[PodId] {
        self.members.get(class.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// Whether a class has addresses of a family. Where the addresses of pods are not known they count for both.
    #[must_use]
    pub fn has(&self, class: ClassId, family: Family) -> bool {
        match self.facts.get(class.0 as usize) {
            Some(facts) => facts.addresses[family as usize].is_some(),
            None => self.external[class.0 as usize - self.members.len()].family == family,
        }
    }

    /// The class that holds an address outside of the cluster.
    #[must_use]
    pub fn of_address(&self, family: Family, address: u128) -> Option<ClassId> {
        let place = self.external.iter().position(|it| it.family == family && it.addresses.contains(address))?;
        Some(ClassId(number(self.members.len() + place)))
    }

    /// Puts pods and addresses into classes.
    pub(super) fn of(world: &World<'_>, policies: &Policies<'_>, semantics: &Semantics, families: &[Family]) -> Self {
        let terms = &policies.terms;
        let nodes = world.nodes.as_deref();
        let atoms: Vec<(Family, Atoms)> =
            families.iter().map(|family| (*family, Atoms::of(terms, *family, nodes))).collect();
        let mut selections = Interner::default();
        let selection_of_pod: Vec<u32> =
            selected(world, terms).into_iter().map(|terms| selections.add(terms)).collect();
        let port_names = used_names(policies);
        let mut named = Interner::default();
        let mut addresses = Interner::default();
        let mut known: FxHashMap<ClassFacts, ClassId> = FxHashMap::default();
        let mut classes = Self {
            of_pod: Vec::with_capacity(world.pods.len()),
            members: Vec::new(),
            external: Vec::new(),
            facts: Vec::new(),
            selected: Vec::new(),
            addresses: Vec::new(),
            named_ports: Vec::new(),
            port_names,
            unknown: terms.iter().filter(|(_, term)| **term == Term::Unknown).map(|(id, _)| id).collect(),
        };
        let any_host = world.pods.iter().any(|pod| pod.in_host_network) && semantics.own_node_reaches;
        let hitter = Hitter { policies, world };
        let mut ports_of_spec: FxHashMap<*const patchkit::rules::PodSpec, u32> = FxHashMap::default();
        for (place, pod) in world.pods.iter().enumerate() {
            let ports = *ports_of_spec
                .entry(std::sync::Arc::as_ptr(pod.spec))
                .or_insert_with(|| named.add(classes.named_ports_of(pod)));
            let mut by_family = [None, None];
            for (family, atoms) in &atoms {
                by_family[*family as usize] = hitter.hits(pod, *family, atoms).map(|hits| addresses.add(hits));
            }
            let facts = ClassFacts {
                selected: selection_of_pod[place],
                ports,
                addresses: by_family,
                in_host_network: pod.in_host_network,
                host: if pod.in_host_network && any_host { pod.node.into() } else { CompactString::default() },
                node_known: !any_host || !pod.node.is_empty(),
            };
            let id = PodId(number(place));
            let class = *known.entry(facts).or_insert_with_key(|facts| {
                classes.facts.push(facts.clone());
                classes.members.push(Vec::new());
                ClassId(number(classes.members.len() - 1))
            });
            classes.members[class.0 as usize].push(id);
            classes.of_pod.push(class);
        }
        classes.selected = selections.values;
        classes.addresses = addresses.values;
        classes.named_ports = named.values;
        for (family, atoms) in &atoms {
            classes.add_external(*family, atoms);
        }
        classes
    }

    fn add_external(&mut self, family: Family, atoms: &Atoms) {
        let mut ranges: FxHashMap<&[TermId], Vec<(u128, u128)>> = FxHashMap::default();
        let mut order = Vec::new();
        for (range, terms) in atoms.iter() {
            let of_terms = ranges.entry(terms).or_insert_with(|| {
                order.push(terms);
                Vec::new()
            });
            of_terms.push(range);
        }
        for terms in order {
            let addresses = ranges.remove(terms).unwrap_or_default().into_iter().collect();
            self.external.push(External { family, addresses, terms: terms.to_vec() });
        }
    }

    fn named_ports_of(&self, pod: &PodFacts<'_>) -> NamedPorts {
        if self.port_names.is_empty() {
            return Vec::new();
        }
        let mut ports: NamedPorts =
            exposed(pod.spec).filter_map(|(name, port)| Some((*self.port_names.get(name)?, port))).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }
}

/// The names of ports that any policy uses.
fn used_names(policies: &Policies<'_>) -> FxHashMap<CompactString, u32> {
    let mut names = FxHashMap::default();
    let rules = policies.all.iter().flat_map(|policy| policy.ingress.iter().chain(&policy.egress).flatten());
    for port in rules.flat_map(|rule| rule.ports.iter().flatten()) {
        if let PortMatch::Named { name, .. } = port {
            let next = number(names.len());
            names.entry(name.clone()).or_insert(next);
        }
    }
    names
}

/// Which terms hold the addresses of pods.
struct Hitter<'a> {
    policies: &'a Policies<'a>,
    world: &'a World<'a>,
}

impl Hitter<'_> {
    /// What holds the address of a pod; `None` where it has no address of this family.
    fn hits(&self, pod: &PodFacts<'_>, family: Family, atoms: &Atoms) -> Option<Hits> {
        if pod.addresses.is_some() && pod.address(family).is_none() {
            return None;
        }
        let is_block = |id: &TermId| matches!(self.policies.terms.get(*id), Term::Addresses { .. });
        let blocks_at = |number| atoms.terms_at(number).iter().copied().filter(is_block).collect();
        let mut hits = Hits { blocks: pod.address(family).map(|it| blocks_at(it.number)), ..Hits::default() };
        if pod.in_host_network {
            let node = self.world.nodes.as_ref().and_then(|nodes| nodes.iter().find(|node| node.name == pod.node));
            for (id, term) in self.policies.terms.iter() {
                match (term, node) {
                    (Term::Nodes(selector), Some(node)) if selector.matches(node.labels) => hits.nodes.push(id),
                    (Term::Nodes(_), None) => hits.maybe_nodes.push(id),
                    _ => {}
                }
            }
        }
        Some(hits)
    }
}

/// Gives equal values one number.
#[derive(Debug)]
pub(super) struct Interner<T> {
    pub(super) values: Vec<T>,
    known: FxHashMap<T, u32>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self { values: Vec::new(), known: FxHashMap::default() }
    }
}

impl<T: Clone + Eq + Hash> Interner<T> {
    pub(super) fn add(&mut self, value: T) -> u32 {
        if let Some(place) = self.known.get(&value) {
            return *place;
        }
        let place = number(self.values.len());
        self.values.push(value.clone());
        self.known.insert(value, place);
        place
    }
}
