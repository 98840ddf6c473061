//! Node pools: the sets of nodes that are updated together.

use std::collections::{BTreeMap, BTreeSet};

use super::{Snapshot, objects::node::Node};
use crate::rules::Labels;

/// What a pool is for. The order is the order of the update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Machines of the control plane.
    ControlPlane,
    /// Machines that the cluster's own add-ons run on.
    System,
    /// Machines for everything else.
    User,
}

/// A set of nodes that are updated together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The name by the provider's label; `control-plane` and `nodes` where no label names one.
    pub name: String,
    /// The label that names it; `None` where there is none.
    pub label: Option<String>,
    /// What it is for.
    pub role: Role,
    /// Its nodes, sorted.
    pub nodes: Vec<String>,
    /// The zones of its nodes, sorted; empty where the nodes name none.
    pub zones: Vec<String>,
    /// Its nodes run Windows.
    pub windows: bool,
}

/// The labels by which providers and installers name pools, the most specific first.
///
/// Sources: the label references of GKE (`cloud.google.com/gke-nodepool`), EKS (`eks.amazonaws.com/nodegroup`,
/// eksctl), AKS (`kubernetes.azure.com/agentpool`, formerly `agentpool`), Karpenter (`karpenter.sh/nodepool`,
/// formerly `provisioner-name`), Cluster API (`cluster.x-k8s.io/deployment-name` by metadata propagation),
/// OpenShift (`machineconfiguration.openshift.io` pools are roles), DigitalOcean, Scaleway, OVH and kops.
const POOL_LABELS: [&str; 14] = [
    "cloud.google.com/gke-nodepool",
    "eks.amazonaws.com/nodegroup",
    "alpha.eksctl.io/nodegroup-name",
    "kubernetes.azure.com/agentpool",
    "agentpool",
    "karpenter.sh/nodepool",
    "karpenter.sh/provisioner-name",
    "cluster.x-k8s.io/deployment-name",
    "doks.digitalocean.com/node-pool",
    "k8s.scaleway.com/pool-name",
    "nodepool",
    "node-pool",
    "kops.k8s.io/instancegroup",
    "node.kubernetes.io/pool",
];

/// The label that names a node's pool, and the name.
#[must_use]
pub fn name_of<'n>(node: &'n Node, given: Option<&'n str>) -> Option<(&'n str, &'n str)> {
    name_in(&node.meta.labels, given)
}

/// As [`name_of`], for a node of which nothing but its labels is known.
#[must_use]
pub fn name_in<'n>(labels: &'n Labels, given: Option<&'n str>) -> Option<(&'n str, &'n str)> {
    given
        .into_iter()
        .chain(POOL_LABELS.iter().copied().filter(|_| given.is_none()))
        .find_map(|label| labels.get(label).map(|name| (label, name)))
}

/// Groups the nodes into pools, in the order in which they are updated: control plane, system, user; by name within.
#[must_use]
pub fn of(snapshot: &Snapshot, given: Option<&str>) -> Vec<Pool> {
    // By role, operating system and name: the label that names them, and the nodes.
    type Group<'s> = (Option<String>, Vec<&'s Node>);
    let mut groups: BTreeMap<(Role, bool, String), Group<'_>> = BTreeMap::new();
    let system_pools: BTreeSet<&str> = snapshot
        .nodes
        .iter()
        .filter(|node| is_system(node))
        .filter_map(|node| name_of(node, given).map(|(_, name)| name))
        .collect();
    for node in &snapshot.nodes {
        let named = name_of(node, given);
        let role = if node.is_control_plane() {
            Role::ControlPlane
        } else if named.is_some_and(|(_, name)| system_pools.contains(name)) || is_system(node) {
            Role::System
        } else {
            Role::User
        };
        let name = match (named, role) {
            (Some((_, name)), _) => name,
            (None, Role::ControlPlane) => "control-plane",
            (None, Role::System) => "system-nodes",
            (None, Role::User) => "nodes",
        };
        let group = groups.entry((role, node.is_windows(), name.to_owned())).or_default();
        group.0 = named.map(|(label, _)| label.to_owned());
        group.1.push(node);
    }
    groups
        .into_iter()
        .map(|((role, windows, name), (label, nodes))| {
            let zones: BTreeSet<&str> = nodes.iter().filter_map(|node| node.zone()).collect();
            Pool {
                name,
                label,
                role,
                nodes: nodes.iter().map(|node| node.meta.name.to_string()).collect(),
                zones: zones.into_iter().map(str::to_owned).collect(),
                windows,
            }
        })
        .collect()
}

/// Whether a node is marked for the cluster's own add-ons: AKS's mode, the taint that every provider's guide uses for
/// it, or a pool named so.
fn is_system(node: &Node) -> bool {
    if let Some(mode) = node.label("kubernetes.azure.com/mode") {
        return mode == "system";
    }
    node.taints.iter().any(|taint| taint.key == "CriticalAddonsOnly")
        || ["node-role.kubernetes.io/system", "node-role.kubernetes.io/infra"]
            .iter()
            .any(|key| node.meta.labels.contains_key(key))
        || node.label("node-role") == Some("system")
        || name_of(node, None)
            .is_some_and(|(_, name)| name.split(['-', '_']).any(|word| matches!(word, "system" | "infra" | "critical")))
}
