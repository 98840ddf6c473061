//! Pods and addresses that no policy can tell apart.

use std::hash::Hash;

use compact_str::CompactString;
use rustc_hash::FxHashMap;

use super::{
    atoms::{Atoms, holds_all},
    selected::selected,
};
use crate::{
    address::Family,
    policy::{Policies, PortMatch, Term, TermId},
    profile::{Matching, Semantics},
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

/// Terms that match, and terms that may match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Matches {
    pub(super) certain: Vec<TermId>,
    pub(super) maybe: Vec<TermId>,
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
    /// By family, the terms that match their address, by place; `None` where they have no address of it.
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
    pub(super) addresses: Vec<Matches>,
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
        Some(ClassId(u32::try_from(self.members.len() + place).unwrap_or(u32::MAX)))
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
        let matcher = AddressMatcher { policies, world, semantics };
        let mut ports_of_spec: FxHashMap<*const patchkit::rules::PodSpec, u32> = FxHashMap::default();
        for (place, pod) in world.pods.iter().enumerate() {
            let ports = *ports_of_spec
                .entry(std::sync::Arc::as_ptr(pod.spec))
                .or_insert_with(|| named.add(classes.named_ports_of(pod)));
            let mut by_family = [None, None];
            for (family, atoms) in &atoms {
                by_family[*family as usize] =
                    matcher.matches(pod, *family, atoms).map(|matches| addresses.add(matches));
            }
            let facts = ClassFacts {
                selected: selection_of_pod[place],
                ports,
                addresses: by_family,
                in_host_network: pod.in_host_network,
                host: if pod.in_host_network && any_host { pod.node.into() } else { CompactString::default() },
                node_known: !any_host || !pod.node.is_empty(),
            };
            let id = PodId(u32::try_from(place).unwrap_or(u32::MAX));
            let class = *known.entry(facts).or_insert_with_key(|facts| {
                classes.facts.push(facts.clone());
                classes.members.push(Vec::new());
                ClassId(u32::try_from(classes.members.len() - 1).unwrap_or(u32::MAX))
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
            let next = u32::try_from(names.len()).unwrap_or(u32::MAX);
            names.entry(name.clone()).or_insert(next);
        }
    }
    names
}

/// Which terms match the addresses of pods.
struct AddressMatcher<'a> {
    policies: &'a Policies<'a>,
    world: &'a World<'a>,
    semantics: &'a Semantics,
}

impl AddressMatcher<'_> {
    /// The terms that match the address of a pod; `None` where it has no address of this family.
    fn matches(&self, pod: &PodFacts<'_>, family: Family, atoms: &Atoms) -> Option<Matches> {
        if pod.addresses.is_some() && pod.address(family).is_none() {
            return None;
        }
        let mut matches = match pod.in_host_network {
            true => self.by_address(pod, family, atoms, self.semantics.blocks_match_nodes),
            false => self.by_address(pod, family, atoms, self.semantics.blocks_match_pods),
        };
        if pod.in_host_network && self.semantics.knows_experimental_peers {
            self.add_nodes(pod, &mut matches);
        }
        matches.certain.sort_unstable();
        matches.maybe.sort_unstable();
        Some(matches)
    }

    fn by_address(&self, pod: &PodFacts<'_>, family: Family, atoms: &Atoms, blocks: Matching) -> Matches {
        let terms = &self.policies.terms;
        let mut matches = Matches::default();
        match (blocks, pod.address(family)) {
            (Matching::No, _) => {}
            (Matching::Yes, Some(address)) => matches.certain = self.blocks_at(atoms, address.number),
            (Matching::Maybe, Some(address)) => matches.maybe = self.blocks_at(atoms, address.number),
            (_, None) => {
                for (id, term) in terms.iter() {
                    match term {
                        Term::Addresses { block, .. } if block.family == family => {
                            let certain = blocks == Matching::Yes && holds_all(term, family);
                            if certain { matches.certain.push(id) } else { matches.maybe.push(id) }
                        }
                        _ => {}
                    }
                }
            }
        }
        matches
    }

    fn blocks_at(&self, atoms: &Atoms, address: u128) -> Vec<TermId> {
        let is_block = |id: &TermId| matches!(self.policies.terms.get(*id), Term::Addresses { .. });
        atoms.terms_at(address).iter().copied().filter(is_block).collect()
    }

    /// A pod in the network of a node is at the node's addresses.
    fn add_nodes(&self, pod: &PodFacts<'_>, matches: &mut Matches) {
        let node = self.world.nodes.as_ref().and_then(|nodes| nodes.iter().find(|node| node.name == pod.node));
        for (id, term) in self.policies.terms.iter() {
            match (term, node) {
                (Term::Nodes(selector), Some(node)) if selector.matches(node.labels) => matches.certain.push(id),
                (Term::Nodes(_), None) => matches.maybe.push(id),
                _ => {}
            }
        }
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
        let place = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.values.push(value.clone());
        self.known.insert(value, place);
        place
    }
}
