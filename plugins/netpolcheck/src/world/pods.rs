//! Pods, and workloads whose pods are not in the input.

use std::sync::Arc;

use patchkit::{
    report::NotEvaluated,
    rules::{Labels, PodSpec},
    snapshot::{
        Owners, Snapshot, kinds,
        objects::{
            Meta,
            pod::Pod,
            workload::{Workload, WorkloadKind},
        },
    },
};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Namespaces, Owner, OwnerId, namespace_of, owners::owner_of};
use crate::{
    address::{Address, Family},
    ports::Protocol,
    profile::Semantics,
};

/// The place of a pod in [`World::pods`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodId(pub u32);

/// A pod, or what the pods of a workload will be like.
#[derive(Clone, Debug)]
pub struct PodFacts<'s> {
    /// The pod itself, or the workload from whose template it is made up.
    pub meta: &'s Meta,
    /// Its namespace.
    pub namespace: &'s str,
    /// Its labels.
    pub labels: &'s Labels,
    /// Its specification.
    pub spec: &'s Arc<PodSpec>,
    /// The node that it is on; empty where that is not known.
    pub node: &'s str,
    /// Its addresses, at most one of each family; `None` where they are not known yet.
    pub addresses: Option<Vec<Address>>,
    /// It uses the network of its node, and policies mean other pods.
    pub in_host_network: bool,
    /// What it belongs to.
    pub owner: OwnerId,
    /// It stands for the pods of a workload that are not in the input.
    pub from_template: bool,
}

impl PodFacts<'_> {
    /// Its address of a family.
    #[must_use]
    pub fn address(&self, family: Family) -> Option<Address> {
        self.addresses.as_ref()?.iter().copied().find(|address| address.family == family)
    }

    /// The ports that its containers give this name: with protocols, each once.
    #[must_use]
    pub fn named_ports(&self, name: &str) -> Vec<NamedPort> {
        let mut ports: Vec<NamedPort> = exposed(self.spec).filter(|(given, _)| *given == name).map(|it| it.1).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }
}

/// A port of a container that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamedPort {
    /// The protocol.
    pub protocol: Protocol,
    /// The number.
    pub port: u16,
}

/// The named ports of the containers that keep running: containers and sidecars.
pub(crate) fn exposed(spec: &PodSpec) -> impl Iterator<Item = (&str, NamedPort)> {
    let sidecars = spec.init_containers.iter().filter(|container| container.is_sidecar());
    spec.containers.iter().chain(sidecars).flat_map(|container| &container.ports).filter_map(|port| {
        let name = port.name.as_deref().filter(|name| !name.is_empty())?;
        let protocol = port.protocol.as_deref().filter(|name| !name.is_empty()).unwrap_or("TCP").parse().ok()?;
        Some((name, NamedPort { protocol, port: u16::try_from(port.container_port).ok()? }))
    })
}

/// Who there is.
#[derive(Debug)]
pub struct World<'s> {
    /// The pods that count.
    pub pods: Vec<PodFacts<'s>>,
    /// What they belong to, by namespace, name and kind.
    pub owners: Vec<Owner>,
    /// The namespaces.
    pub namespaces: Namespaces<'s>,
    /// The addresses of the nodes, with each node's name and labels; `None` where nodes were not read.
    pub nodes: Option<Vec<NodeFacts<'s>>>,
    /// What could not be read, so that something may be missing here.
    pub problems: Vec<NotEvaluated>,
}

/// A node, as policies see it.
#[derive(Clone, Debug)]
pub struct NodeFacts<'s> {
    /// Its name.
    pub name: &'s str,
    /// Its labels.
    pub labels: &'s Labels,
    /// Its addresses that are addresses and no host names.
    pub addresses: Vec<Address>,
}

impl<'s> World<'s> {
    /// The pods, owners, namespaces and nodes of a snapshot.
    #[must_use]
    pub fn of(snapshot: &'s Snapshot, semantics: &Semantics) -> Self {
        let owners = Owners::of(snapshot);
        let mut namespaces = Namespaces::of(snapshot);
        let mut made = Made::default();
        for pod in &snapshot.pods {
            if pod.is_finished() && !semantics.finished_pods_count {
                // It still shows that its owner's pods are in the input.
                made.owned.insert(owner_of(&pod.meta, "Pod", &owners));
                continue;
            }
            let owner = owner_of(&pod.meta, "Pod", &owners);
            made.add(pod_facts(pod, semantics), owner);
        }
        for workload in snapshot.workloads.iter().filter(|workload| snapshot.is_from_files() || is_to_come(workload)) {
            let owner = owner_of(&workload.meta, workload.kind.as_str(), &owners);
            let is_own = owner.kind == workload.kind.as_str() && owner.name == workload.meta.name.as_str();
            let has_ended = workload.job.as_ref().is_some_and(|job| job.finished) && !semantics.finished_pods_count;
            if is_own && !has_ended && workload.kind != WorkloadKind::PodTemplate && !made.owned.contains(&owner) {
                made.add(template_facts(workload, semantics), owner);
            }
        }
        let mut world = Self { namespaces: Namespaces::default(), ..made.finish() };
        for pod in &world.pods {
            namespaces.name(pod.namespace);
        }
        world.namespaces = namespaces;
        world.nodes = snapshot.why_unknown(&kinds::NODES).is_none().then(|| nodes(snapshot));
        world
    }

    /// The pod of this place.
    #[must_use]
    pub fn pod(&self, id: PodId) -> &PodFacts<'s> {
        &self.pods[id.0 as usize]
    }

    /// The owner of this place.
    #[must_use]
    pub fn owner(&self, id: OwnerId) -> &Owner {
        &self.owners[id.0 as usize]
    }

    /// The name of a pod; one that stands for a workload's pods has the workload's.
    #[must_use]
    pub fn name(&self, id: PodId) -> &str {
        &self.pod(id).meta.name
    }
}

/// Pods and owners while they are collected.
#[derive(Default)]
struct Made<'s> {
    pods: Vec<PodFacts<'s>>,
    owners: Vec<Owner>,
    known: FxHashMap<Owner, OwnerId>,
    /// Owners of which a pod is in the input, even one that does not count.
    owned: FxHashSet<Owner>,
}

impl<'s> Made<'s> {
    fn add(&mut self, mut pod: PodFacts<'s>, owner: Owner) {
        let next = OwnerId(u32::try_from(self.owners.len()).unwrap_or(u32::MAX));
        pod.owner = *self.known.entry(owner).or_insert_with_key(|owner| {
            self.owners.push(owner.clone());
            next
        });
        if !pod.from_template {
            self.owned.insert(self.owners[pod.owner.0 as usize].clone());
        }
        self.pods.push(pod);
    }

    fn finish(self) -> World<'s> {
        let Self { mut pods, owners, .. } = self;
        // In the order of their names, whatever the order of the input.
        let mut order: Vec<usize> = (0..owners.len()).collect();
        order.sort_by(|a, b| owners[*a].cmp(&owners[*b]));
        let mut places = vec![OwnerId(0); owners.len()];
        for (place, old) in order.iter().enumerate() {
            places[*old] = OwnerId(u32::try_from(place).unwrap_or(u32::MAX));
        }
        for pod in &mut pods {
            pod.owner = places[pod.owner.0 as usize];
        }
        pods.sort_by(|a, b| {
            (a.namespace, a.owner, a.meta.name.as_str()).cmp(&(b.namespace, b.owner, b.meta.name.as_str()))
        });
        let owners = order.into_iter().map(|old| owners[old].clone()).collect();
        World { pods, owners, namespaces: Namespaces::default(), nodes: None, problems: Vec::new() }
    }
}

/// Whether a workload among those of a cluster comes from a manifest that has not been applied: the API server has given
/// it no UID. Its pods will be there, unless it wants none.
fn is_to_come(workload: &Workload) -> bool {
    // The number of a DaemonSet is not in its manifest.
    workload.meta.uid.is_empty() && (workload.replicas > 0 || workload.kind == WorkloadKind::DaemonSet)
}

fn pod_facts<'s>(pod: &'s Pod, semantics: &Semantics) -> PodFacts<'s> {
    let mut addresses: Vec<Address> = Vec::new();
    for address in pod.ips.iter().filter_map(|ip| Address::parse(ip)) {
        if addresses.iter().all(|known| known.family != address.family) {
            addresses.push(address);
        }
    }
    PodFacts {
        meta: &pod.meta,
        namespace: namespace_of(&pod.meta),
        labels: &pod.meta.labels,
        spec: &pod.spec,
        node: &pod.node,
        addresses: (!addresses.is_empty()).then_some(addresses),
        in_host_network: pod.spec.host_network && !semantics.host_pods_are_pods,
        owner: OwnerId(0),
        from_template: false,
    }
}

fn template_facts<'s>(workload: &'s Workload, semantics: &Semantics) -> PodFacts<'s> {
    PodFacts {
        meta: &workload.meta,
        namespace: namespace_of(&workload.meta),
        labels: &workload.template_labels,
        spec: &workload.template,
        node: "",
        addresses: None,
        in_host_network: workload.template.host_network && !semantics.host_pods_are_pods,
        owner: OwnerId(0),
        from_template: true,
    }
}

fn nodes(snapshot: &Snapshot) -> Vec<NodeFacts<'_>> {
    let facts = |node: &'_ patchkit::snapshot::objects::node::Node| -> Vec<Address> {
        node.addresses.iter().filter_map(|address| Address::parse(&address.address)).collect()
    };
    snapshot
        .nodes
        .iter()
        .map(|node| NodeFacts { name: &node.meta.name, labels: &node.meta.labels, addresses: facts(node) })
        .collect()
}
