//! The pods that are on nodes, grouped by what selectors and filters can tell of them.

use std::sync::Arc;

use compact_str::CompactString;
use patchkit::{
    rules::{
        Labels, PodSpec,
        pod::PodAffinityTerm,
        requests::{self, ContainerResources, ResourceStatus},
    },
    snapshot::objects::pod::Pod,
};
use rustc_hash::FxHashMap;

use super::{amounts::Amounts, node_ports::HostPort};

/// What has to be undone when a pod leaves its node.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) node: usize,
    pub(super) namespace: Arc<str>,
    pub(super) class: usize,
    pub(super) anti: Option<usize>,
    pub(super) terminating: bool,
    pub(super) requests: Amounts,
    pub(super) ports: Vec<HostPort>,
    /// The claims that it shares with others, by name.
    pub(super) claims: Vec<CompactString>,
}

/// What a placed pod takes of its node, by its specification and by what the kubelet reports.
pub(super) fn requests_of_placed(pod: &Pod, spec: &PodSpec) -> Amounts {
    let containers: Vec<ContainerResources<'_>> = pod
        .containers
        .iter()
        .filter(|container| container.allocated.is_some() || container.requests.is_some())
        .map(|container| ContainerResources {
            name: &container.name,
            allocated: container.allocated.as_deref(),
            actual: container.requests.as_deref(),
        })
        .collect();
    let status = ResourceStatus {
        containers: &containers,
        actual: pod.resources.as_deref(),
        allocated: pod.allocated.as_deref(),
        resize_infeasible: pod.resize_infeasible,
    };
    Amounts::of(&requests::of_placed(spec, &status))
}

/// Pods of one namespace with the same labels: no selector tells them apart.
#[derive(Clone, Debug)]
pub(crate) struct PodClass {
    pub(crate) namespace: Arc<str>,
    pub(crate) labels: Arc<Labels>,
    /// By node: how many there are, and how many of them are terminating.
    on: FxHashMap<u32, (u32, u32)>,
}

impl PodClass {
    /// The nodes that have some.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = usize> {
        self.on.keys().map(|node| *node as usize)
    }

    /// The nodes with how many there are that are not terminating.
    pub(crate) fn live(&self) -> impl Iterator<Item = (usize, u32)> {
        self.on.iter().map(|(node, (all, terminating))| (*node as usize, all - terminating))
    }
}

/// All classes of pods.
#[derive(Clone, Debug, Default)]
pub(super) struct PodClasses {
    classes: Vec<PodClass>,
    known: FxHashMap<(Arc<str>, Arc<Labels>), usize>,
    of_namespace: FxHashMap<Arc<str>, Vec<usize>>,
}

impl PodClasses {
    pub(super) fn add(&mut self, namespace: &Arc<str>, labels: &Arc<Labels>, node: usize, terminating: bool) -> usize {
        let number = *self.known.entry((Arc::clone(namespace), Arc::clone(labels))).or_insert_with(|| {
            let number = self.classes.len();
            self.of_namespace.entry(Arc::clone(namespace)).or_default().push(number);
            self.classes.push(PodClass {
                namespace: Arc::clone(namespace),
                labels: Arc::clone(labels),
                on: FxHashMap::default(),
            });
            number
        });
        let count = self.classes[number].on.entry(small(node)).or_default();
        count.0 += 1;
        count.1 += u32::from(terminating);
        number
    }

    pub(super) fn remove(&mut self, class: usize, node: usize, terminating: bool) {
        let on = &mut self.classes[class].on;
        if let Some(count) = on.get_mut(&small(node)) {
            count.0 -= 1;
            count.1 -= u32::from(terminating);
            if count.0 == 0 {
                on.remove(&small(node));
            }
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &PodClass> {
        self.classes.iter().filter(|class| !class.on.is_empty())
    }

    pub(super) fn of_namespace(&self, namespace: &str) -> impl Iterator<Item = &PodClass> {
        let numbers = self.of_namespace.get(namespace).map_or(&[][..], Vec::as_slice);
        numbers.iter().map(|number| &self.classes[*number])
    }
}

/// Pods of one namespace with the same required anti-affinity.
#[derive(Clone, Debug)]
pub(crate) struct AntiAffinity {
    pub(crate) namespace: Arc<str>,
    pub(crate) terms: Arc<[PodAffinityTerm]>,
    on: FxHashMap<u32, u32>,
}

impl AntiAffinity {
    /// The nodes that have such pods.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = usize> {
        self.on.keys().map(|node| *node as usize)
    }
}

/// All pods with required anti-affinity.
#[derive(Clone, Debug, Default)]
pub(super) struct AntiAffinities {
    groups: Vec<AntiAffinity>,
    known: FxHashMap<(Arc<str>, Arc<[PodAffinityTerm]>), usize>,
}

impl AntiAffinities {
    pub(super) fn add(&mut self, namespace: &Arc<str>, terms: &[PodAffinityTerm], node: usize) -> usize {
        let key = (Arc::clone(namespace), Arc::from(terms));
        let number = match self.known.get(&key) {
            Some(number) => *number,
            None => {
                let number = self.groups.len();
                let (namespace, terms) = key.clone();
                self.groups.push(AntiAffinity { namespace, terms, on: FxHashMap::default() });
                self.known.insert(key, number);
                number
            }
        };
        *self.groups[number].on.entry(small(node)).or_default() += 1;
        number
    }

    pub(super) fn remove(&mut self, group: usize, node: usize) {
        let on = &mut self.groups[group].on;
        if let Some(count) = on.get_mut(&small(node)) {
            *count -= 1;
            if *count == 0 {
                on.remove(&small(node));
            }
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &AntiAffinity> {
        self.groups.iter().filter(|group| !group.on.is_empty())
    }
}

/// A node's number in half the room; no cluster has four billion of them.
fn small(node: usize) -> u32 {
    u32::try_from(node).unwrap_or(u32::MAX)
}
