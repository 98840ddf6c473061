//! Nodes.

use compact_str::CompactString;
use jiff::Timestamp;
use serde::Deserialize;

use super::{Context, Meta, Resource, meta::WireMeta, pod::WireCondition};
use crate::rules::{Resources, Taint, null::or_default};

/// A node.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// Identity, labels, annotations.
    pub meta: Meta,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// Cordoned: `spec.unschedulable`.
    pub unschedulable: bool,
    /// The provider's name of the machine, such as `aws:///eu-west-1a/i-0123`.
    pub provider_id: CompactString,
    /// The address ranges for its pods.
    pub pod_cidrs: Vec<CompactString>,
    /// The versions that the kubelet reports.
    pub info: NodeInfo,
    /// What the machine has.
    pub capacity: Resources,
    /// What pods may use of it.
    pub allocatable: Resources,
    /// The conditions with their status.
    pub conditions: Vec<NodeCondition>,
    /// Its addresses, of every type.
    pub addresses: Vec<NodeAddress>,
    /// Features that the kubelet declares (KEP-5328).
    pub declared_features: Vec<CompactString>,
}

/// `status.nodeInfo`: what runs on the node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct NodeInfo {
    #[serde(deserialize_with = "or_default")]
    pub kubelet_version: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub kube_proxy_version: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub container_runtime_version: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub kernel_version: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub os_image: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub operating_system: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub architecture: CompactString,
}

/// A condition of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeCondition {
    /// `Ready`, `MemoryPressure`, …
    pub kind: CompactString,
    /// `True`, `False` or `Unknown`.
    pub status: CompactString,
    /// The reason in one word.
    pub reason: CompactString,
    /// Since when it has its status.
    pub since: Option<Timestamp>,
}

/// An address of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct NodeAddress {
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub address: CompactString,
}

impl Node {
    /// A label's value.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.meta.labels.get(key)
    }

    /// The zone, by the current label or the beta one.
    #[must_use]
    pub fn zone(&self) -> Option<&str> {
        self.label("topology.kubernetes.io/zone").or_else(|| self.label("failure-domain.beta.kubernetes.io/zone"))
    }

    /// The status of the condition Ready (`True`, `False`, `Unknown`), where the node reports it.
    #[must_use]
    pub fn ready(&self) -> Option<&str> {
        self.conditions.iter().find(|condition| condition.kind == "Ready").map(|condition| condition.status.as_str())
    }

    /// Whether it runs Windows, by what the kubelet reports or by the label.
    #[must_use]
    pub fn is_windows(&self) -> bool {
        self.info.operating_system == "windows" || self.label("kubernetes.io/os") == Some("windows")
    }

    /// Whether it is marked as a machine of the control plane (also by the label that was removed in 1.24).
    #[must_use]
    pub fn is_control_plane(&self) -> bool {
        ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"]
            .iter()
            .any(|key| self.meta.labels.contains_key(key))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireNode {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: WireSpec,
    #[serde(deserialize_with = "or_default")]
    status: WireStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireSpec {
    #[serde(deserialize_with = "or_default")]
    taints: Vec<Taint>,
    #[serde(deserialize_with = "or_default")]
    unschedulable: bool,
    #[serde(rename = "providerID", deserialize_with = "or_default")]
    provider_id: CompactString,
    #[serde(rename = "podCIDR", deserialize_with = "or_default")]
    pod_cidr: CompactString,
    #[serde(rename = "podCIDRs", deserialize_with = "or_default")]
    pod_cidrs: Vec<CompactString>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireStatus {
    #[serde(deserialize_with = "or_default")]
    node_info: NodeInfo,
    #[serde(deserialize_with = "or_default")]
    capacity: Resources,
    #[serde(deserialize_with = "or_default")]
    allocatable: Resources,
    #[serde(deserialize_with = "or_default")]
    conditions: Vec<WireCondition>,
    #[serde(deserialize_with = "or_default")]
    addresses: Vec<NodeAddress>,
    #[serde(deserialize_with = "or_default")]
    declared_features: Vec<CompactString>,
}

impl Resource for Node {
    type Wire = WireNode;

    fn keep(wire: WireNode, context: &mut Context) -> Self {
        let mut pod_cidrs = wire.spec.pod_cidrs;
        if pod_cidrs.is_empty() && !wire.spec.pod_cidr.is_empty() {
            pod_cidrs.push(wire.spec.pod_cidr);
        }
        Self {
            meta: wire.metadata.keep(context),
            taints: wire.spec.taints,
            unschedulable: wire.spec.unschedulable,
            provider_id: wire.spec.provider_id,
            pod_cidrs,
            info: wire.status.node_info,
            // The API server defaults allocatable to capacity (pkg/apis/core/v1/defaults.go, SetDefaults_NodeStatus).
            allocatable: if wire.status.allocatable.is_empty() {
                wire.status.capacity.clone()
            } else {
                wire.status.allocatable
            },
            capacity: wire.status.capacity,
            conditions: wire
                .status
                .conditions
                .into_iter()
                .map(|condition| NodeCondition {
                    kind: condition.kind,
                    status: condition.status,
                    reason: condition.reason,
                    since: condition.last_transition_time,
                })
                .collect(),
            addresses: wire.status.addresses,
            declared_features: wire.status.declared_features,
        }
    }
}
