//! The snapshot as the filters ask for it: who is where, and what is left.
//!
//! Pods come and go ([`Index::add`], [`Index::remove`]), so that a drain can be played through; nodes, volumes and
//! namespaces stay as they are, and copies of an index share them.

use std::sync::Arc;

use compact_str::CompactString;
use patchkit::{
    rules::Labels,
    snapshot::{Snapshot, objects::pod::Pod},
};
use rustc_hash::FxHashMap;

pub use super::nodes::NodeState;
use super::{
    amounts::Amounts,
    candidate::{Candidate, namespace_of},
    inter_pod_affinity::anti_affinity_terms,
    namespaces::NamespaceLabels,
    node_volume_limits::attached_volumes,
    pods::{AntiAffinities, Placed, PodClasses, requests_of_placed},
    storage::{Storage, has_filtered_volumes},
    topology::{Topologies, Topology},
};

/// What was decided for a claim whose pod got a node in the simulation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Assumed {
    /// It takes this free volume.
    Takes(CompactString),
    /// Its volume is made for this node.
    MadeOn(CompactString),
}

/// A pod that is on a node: [`Index::add`] gives it, [`Index::remove`] takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlacedId(usize);

/// The snapshot as the filters ask for it.
#[derive(Clone, Debug)]
pub struct Index<'s> {
    pub(super) snapshot: &'s Snapshot,
    shared: Arc<Shared<'s>>,
    nodes: Vec<NodeState<'s>>,
    placed: Vec<Option<Placed>>,
    /// Where each pod of the snapshot stands in `placed`.
    of_snapshot: Vec<Option<PlacedId>>,
    classes: PodClasses,
    anti_affinities: AntiAffinities,
    /// How many placed pods use a claim, by namespace and name.
    claim_users: FxHashMap<(Arc<str>, CompactString), u32>,
    assumed: FxHashMap<(Arc<str>, CompactString), Assumed>,
    takers: FxHashMap<CompactString, (Arc<str>, CompactString)>,
}

/// What never changes.
#[derive(Debug)]
struct Shared<'s> {
    storage: Storage<'s>,
    namespaces: NamespaceLabels<'s>,
    topologies: Topologies,
    node_numbers: FxHashMap<&'s str, usize>,
}

impl<'s> Index<'s> {
    /// Indexes a snapshot. Finished pods, pods without a node, and pods on nodes that are not there take no part.
    #[must_use]
    pub fn new(snapshot: &'s Snapshot) -> Self {
        let storage = Storage::of(snapshot);
        let nodes = NodeState::all_of(snapshot, &storage);
        let node_numbers = nodes.iter().enumerate().map(|(number, it)| (it.node.meta.name.as_str(), number)).collect();
        let shared = Shared {
            storage,
            namespaces: NamespaceLabels::of(snapshot),
            topologies: Topologies::default(),
            node_numbers,
        };
        let mut index = Self {
            snapshot,
            shared: Arc::new(shared),
            nodes,
            placed: Vec::with_capacity(snapshot.pods.len()),
            of_snapshot: Vec::with_capacity(snapshot.pods.len()),
            classes: PodClasses::default(),
            anti_affinities: AntiAffinities::default(),
            claim_users: FxHashMap::default(),
            assumed: FxHashMap::default(),
            takers: FxHashMap::default(),
        };
        for pod in &snapshot.pods {
            let id = index.add_existing(pod);
            index.of_snapshot.push(id);
        }
        index
    }

    /// The snapshot that it was made of.
    #[must_use]
    pub fn snapshot(&self) -> &'s Snapshot {
        self.snapshot
    }

    /// The nodes by ascending name. Their place in this list is the number by which the rest of this module calls them.
    #[must_use]
    pub fn nodes(&self) -> &[NodeState<'s>] {
        &self.nodes
    }

    /// The number of a node.
    #[must_use]
    pub fn node_number(&self, name: &str) -> Option<usize> {
        self.shared.node_numbers.get(name).copied()
    }

    /// A pod of the snapshot, by its place there, as one that is on a node; `None` where it takes no part.
    #[must_use]
    pub fn placed(&self, pod: usize) -> Option<PlacedId> {
        self.of_snapshot.get(pod).copied().flatten()
    }

    /// Makes a node refuse new pods, as `kubectl cordon` and then the node controller do.
    pub fn cordon(&mut self, node: usize) {
        if let Some(state) = self.nodes.get_mut(node) {
            state.cordon();
        }
    }

    /// Puts a pod of the snapshot, given by its place there, back onto its node.
    pub fn put_back(&mut self, pod: usize) {
        if let Some(found) = self.snapshot.pods.get(pod) {
            let id = self.add_existing(found);
            self.of_snapshot[pod] = id;
        }
    }

    fn add_existing(&mut self, pod: &Pod) -> Option<PlacedId> {
        let node = self.node_number(&pod.node).filter(|_| !pod.is_finished())?;
        let mut candidate = Candidate {
            namespace: namespace_of(&pod.meta.namespace),
            name: pod.meta.name.clone(),
            uid: pod.meta.uid.clone(),
            labels: Arc::clone(&pod.meta.labels),
            spec: Arc::clone(&pod.spec),
            future_claims: Vec::new(),
        };
        candidate.admit(false);
        let requests = requests_of_placed(pod, &candidate.spec);
        Some(self.insert(&candidate, node, requests, pod.meta.deleting.is_some()))
    }

    /// Puts a pod on a node. What the filters decided for its claims is kept until the pod is removed.
    pub fn add(&mut self, candidate: &Candidate, node: usize) -> PlacedId {
        let requests = Amounts::of(&patchkit::rules::requests::of_spec(&candidate.spec));
        self.assume(candidate, node);
        self.insert(candidate, node, requests, false)
    }

    fn assume(&mut self, candidate: &Candidate, node: usize) {
        let decided = super::judge::decide_claims(self, candidate, node);
        for (claim, assumed) in decided {
            let key = (Arc::clone(&candidate.namespace), claim);
            if let Assumed::Takes(volume) = &assumed {
                self.takers.insert(volume.clone(), key.clone());
            }
            self.assumed.insert(key, assumed);
        }
    }

    fn insert(&mut self, candidate: &Candidate, node: usize, requests: Amounts, terminating: bool) -> PlacedId {
        let id = PlacedId(self.placed.len());
        let namespace = &candidate.namespace;
        let class = self.classes.add(namespace, &candidate.labels, node, terminating);
        let terms = anti_affinity_terms(&candidate.spec);
        let anti = (!terms.is_empty()).then(|| self.anti_affinities.add(namespace, terms, node));
        let mut claims = Vec::new();
        if has_filtered_volumes(&candidate.spec) {
            let used = self.shared.storage.claims_of(candidate);
            let attached = attached_volumes(&candidate.spec, &candidate.name, namespace, &used, &self.shared.storage);
            claims.extend(used.into_iter().filter(|used| !used.ephemeral).map(|used| used.name));
            self.nodes[node].attach(id.0, attached, &candidate.spec);
        }
        for claim in &claims {
            *self.claim_users.entry((Arc::clone(namespace), claim.clone())).or_default() += 1;
        }
        let ports = super::node_ports::host_ports(&candidate.spec);
        self.nodes[node].take(&requests, &ports);
        self.placed.push(Some(Placed {
            node,
            namespace: Arc::clone(namespace),
            class,
            anti,
            terminating,
            requests,
            ports,
            claims,
        }));
        id
    }

    /// Takes a pod off its node. One that is gone already stays gone.
    pub fn remove(&mut self, id: PlacedId) {
        let Some(placed) = self.placed.get_mut(id.0).and_then(Option::take) else { return };
        self.classes.remove(placed.class, placed.node, placed.terminating);
        if let Some(anti) = placed.anti {
            self.anti_affinities.remove(anti, placed.node);
        }
        for claim in &placed.claims {
            let key = (Arc::clone(&placed.namespace), claim.clone());
            if let Some(users) = self.claim_users.get_mut(&key) {
                *users = users.saturating_sub(1);
            }
        }
        self.nodes[placed.node].give_back(id.0, &placed.requests, &placed.ports);
    }

    /// The node that a pod of the snapshot, by its place there, is on, and what it takes of it.
    pub(super) fn taken_by(&self, pod: usize) -> Option<(usize, &Amounts)> {
        let placed = self.placed.get(self.placed(pod)?.0)?.as_ref()?;
        Some((placed.node, &placed.requests))
    }

    /// The node that a pod is on.
    #[must_use]
    pub fn node_of(&self, id: PlacedId) -> Option<usize> {
        self.placed.get(id.0)?.as_ref().map(|placed| placed.node)
    }

    pub(crate) fn storage(&self) -> &Storage<'s> {
        &self.shared.storage
    }

    pub(crate) fn namespaces(&self) -> &NamespaceLabels<'s> {
        &self.shared.namespaces
    }

    pub(crate) fn topology(&self, key: &str) -> Arc<Topology> {
        self.shared.topologies.by(key, self.nodes.iter().map(|state| state.node))
    }

    pub(crate) fn is_claim_in_use(&self, namespace: &str, claim: &str) -> bool {
        self.claim_users.get(&(Arc::from(namespace), claim.into())).is_some_and(|users| *users > 0)
    }

    /// What was decided for a claim.
    pub(crate) fn assumed(&self, namespace: &str, claim: &str) -> Option<&Assumed> {
        // Empty in all but simulations, and then the key need not be made.
        if self.assumed.is_empty() { None } else { self.assumed.get(&(Arc::from(namespace), claim.into())) }
    }

    /// The claim that takes a free volume.
    pub(crate) fn taker(&self, volume: &str) -> Option<&(Arc<str>, CompactString)> {
        self.takers.get(volume)
    }

    /// The pods that selectors cannot tell apart.
    pub(crate) fn pod_classes(&self) -> impl Iterator<Item = &super::pods::PodClass> {
        self.classes.all()
    }

    /// The pods with the same required anti-affinity.
    pub(crate) fn anti_affinities(&self) -> impl Iterator<Item = &super::pods::AntiAffinity> {
        self.anti_affinities.all()
    }

    /// How many pods of a namespace there are on each node whose labels match, without those that are terminating.
    pub(crate) fn count_live_pods(&self, namespace: &str, matches: impl Fn(&Labels) -> bool) -> Vec<i64> {
        let mut counts = vec![0; self.nodes.len()];
        for class in self.classes.of_namespace(namespace) {
            if matches(&class.labels) {
                class.live().for_each(|(node, live)| counts[node] += i64::from(live));
            }
        }
        counts
    }
}
