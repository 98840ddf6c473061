//! Domains: the nodes that share a label's value.

use std::sync::{Arc, PoisonError, RwLock};

use compact_str::CompactString;
use patchkit::snapshot::objects::node::Node;
use rustc_hash::FxHashMap;

/// The domains that one label key makes of the nodes.
#[derive(Debug)]
pub(crate) struct Topology {
    /// The domain of each node by its index; `None` where it lacks the label.
    domains: Vec<Option<u32>>,
    count: usize,
}

impl Topology {
    fn of<'s>(nodes: impl Iterator<Item = &'s Node>, key: &str) -> Self {
        let mut known: FxHashMap<&str, u32> = FxHashMap::default();
        let domains = nodes
            .map(|node| {
                let value = node.label(key)?;
                let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
                Some(*known.entry(value).or_insert(next))
            })
            .collect();
        Self { domains, count: known.len() }
    }

    /// The domain of a node, a number below [`Self::count`].
    pub(crate) fn domain(&self, node: usize) -> Option<usize> {
        self.domains.get(node).copied().flatten().map(|domain| domain as usize)
    }

    /// How many domains there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }
}

/// The topologies that were asked for. Labels of nodes never change within a snapshot, so each is worked out once, and
/// shared between threads and copies of an index.
#[derive(Debug, Default)]
pub(crate) struct Topologies(RwLock<FxHashMap<CompactString, Arc<Topology>>>);

impl Topologies {
    /// The domains by this key.
    pub(crate) fn by<'s>(&self, key: &str, nodes: impl Iterator<Item = &'s Node>) -> Arc<Topology> {
        if let Some(found) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Arc::clone(found);
        }
        let made = Arc::new(Topology::of(nodes, key));
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(key.into(), Arc::clone(&made));
        made
    }
}

/// Some of the domains of a topology.
#[derive(Clone, Debug)]
pub(crate) struct Domains {
    topology: Arc<Topology>,
    chosen: Vec<bool>,
    any: bool,
}

impl Domains {
    /// None of them yet.
    pub(crate) fn none_of(topology: Arc<Topology>) -> Self {
        let chosen = vec![false; topology.count()];
        Self { topology, chosen, any: false }
    }

    fn add(&mut self, node: usize) {
        if let Some(domain) = self.topology.domain(node) {
            self.chosen[domain] = true;
            self.any = true;
        }
    }

    /// Adds the domains of these nodes.
    pub(crate) fn add_all(&mut self, nodes: impl Iterator<Item = usize>) {
        nodes.for_each(|node| self.add(node));
    }

    /// Whether a node is in one of them.
    pub(crate) fn contain(&self, node: usize) -> bool {
        self.topology.domain(node).is_some_and(|domain| self.chosen[domain])
    }

    /// Whether a node is in any domain of the topology, chosen or not.
    pub(crate) fn know(&self, node: usize) -> bool {
        self.topology.domain(node).is_some()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        !self.any
    }
}
