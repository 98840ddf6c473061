//! Services, their endpoints, and network policies.

use std::sync::Arc;

use compact_str::CompactString;
use serde::Deserialize;

use super::{Context, Meta, Resource, meta::WireMeta, rule_lines::RuleLines};
use crate::rules::{IntOrString, LabelSelector, Labels, null::or_default};

/// A Service.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct Service {
    pub meta: Meta,
    /// `ClusterIP` (also where absent), `NodePort`, `LoadBalancer` or `ExternalName`.
    pub kind: CompactString,
    /// Empty where endpoints are written by somebody else.
    pub selector: Arc<Labels>,
    pub ports: Vec<ServicePort>,
    pub cluster_ips: Vec<CompactString>,
    pub external_ips: Vec<CompactString>,
    pub external_name: CompactString,
    pub external_traffic_policy: CompactString,
    pub publish_not_ready_addresses: bool,
    /// Addresses of its load balancer, where one has been made.
    pub load_balancer_ips: Vec<CompactString>,
}

impl Service {
    /// Whether it has no address of its own: clients are given its pods'.
    #[must_use]
    pub fn is_headless(&self) -> bool {
        self.cluster_ips.iter().any(|ip| ip == "None")
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct ServicePort {
    #[serde(deserialize_with = "or_default")]
    pub name: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub protocol: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub port: i32,
    pub target_port: Option<IntOrString>,
    pub node_port: Option<i32>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireService {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: WireServiceSpec,
    #[serde(deserialize_with = "or_default")]
    status: WireServiceStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireServiceStatus {
    #[serde(deserialize_with = "or_default")]
    load_balancer: WireLoadBalancer,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireLoadBalancer {
    #[serde(deserialize_with = "or_default")]
    ingress: Vec<WireLoadBalancerAddress>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireLoadBalancerAddress {
    #[serde(deserialize_with = "or_default")]
    ip: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireServiceSpec {
    #[serde(rename = "type", deserialize_with = "or_default")]
    kind: CompactString,
    #[serde(deserialize_with = "or_default")]
    selector: Labels,
    #[serde(deserialize_with = "or_default")]
    ports: Vec<ServicePort>,
    #[serde(rename = "clusterIP", deserialize_with = "or_default")]
    cluster_ip: CompactString,
    #[serde(rename = "clusterIPs", deserialize_with = "or_default")]
    cluster_ips: Vec<CompactString>,
    #[serde(rename = "externalIPs", deserialize_with = "or_default")]
    external_ips: Vec<CompactString>,
    #[serde(deserialize_with = "or_default")]
    external_name: CompactString,
    #[serde(deserialize_with = "or_default")]
    external_traffic_policy: CompactString,
    #[serde(deserialize_with = "or_default")]
    publish_not_ready_addresses: bool,
}

impl Resource for Service {
    type Wire = WireService;

    fn keep(wire: WireService, context: &mut Context) -> Self {
        let mut spec = wire.spec;
        spec.ports.shrink_to_fit();
        let mut cluster_ips = spec.cluster_ips;
        if cluster_ips.is_empty() && !spec.cluster_ip.is_empty() {
            cluster_ips.push(spec.cluster_ip);
        }
        cluster_ips.shrink_to_fit();
        Self {
            meta: wire.metadata.keep(context),
            kind: spec.kind,
            selector: context.labels(spec.selector),
            ports: spec.ports,
            cluster_ips,
            external_ips: spec.external_ips,
            external_name: spec.external_name,
            external_traffic_policy: spec.external_traffic_policy,
            publish_not_ready_addresses: spec.publish_not_ready_addresses,
            load_balancer_ips: wire
                .status
                .load_balancer
                .ingress
                .into_iter()
                .map(|address| address.ip)
                .filter(|ip| !ip.is_empty())
                .collect(),
        }
    }
}

/// An EndpointSlice, or an Endpoints object read as one.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct EndpointSlice {
    pub meta: Meta,
    /// The Service that it belongs to.
    pub service: CompactString,
    /// `IPv4`, `IPv6` or `FQDN`.
    pub address_type: CompactString,
    pub endpoints: Box<[Endpoint]>,
    pub ports: Box<[EndpointPort]>,
}

/// One endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// Its addresses.
    pub addresses: Box<[CompactString]>,
    /// Whether it takes traffic; absent in the API means that it does.
    pub ready: bool,
    /// The pod behind it, where it is one.
    pub pod: CompactString,
    /// The node that it runs on, where that is known.
    pub node: Arc<str>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct EndpointPort {
    #[serde(deserialize_with = "or_default")]
    pub name: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub protocol: CompactString,
    pub port: Option<i32>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WireSlice {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    address_type: CompactString,
    #[serde(deserialize_with = "or_default")]
    endpoints: Vec<WireEndpoint>,
    #[serde(deserialize_with = "or_default")]
    ports: Vec<EndpointPort>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireEndpoint {
    #[serde(deserialize_with = "or_default")]
    addresses: Vec<CompactString>,
    #[serde(deserialize_with = "or_default")]
    conditions: WireConditions,
    target_ref: Option<WireTarget>,
    node_name: Option<CompactString>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireConditions {
    ready: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireTarget {
    #[serde(deserialize_with = "or_default")]
    kind: CompactString,
    #[serde(deserialize_with = "or_default")]
    name: CompactString,
}

fn pod_name(target: Option<WireTarget>) -> CompactString {
    target.filter(|target| target.kind == "Pod").map(|target| target.name).unwrap_or_default()
}

impl Resource for EndpointSlice {
    type Wire = WireSlice;

    fn keep(wire: WireSlice, context: &mut Context) -> Self {
        let meta = wire.metadata.keep(context);
        // Collected anew, not in the place of what was read, which has room for more and for larger ones.
        let endpoints = wire.endpoints.into_iter().map(|endpoint| Endpoint {
            addresses: endpoint.addresses.into_boxed_slice(),
            ready: endpoint.conditions.ready.unwrap_or(true),
            pod: pod_name(endpoint.target_ref),
            node: context.text(&endpoint.node_name.unwrap_or_default()),
        });
        let mut kept = Vec::with_capacity(endpoints.len());
        kept.extend(endpoints);
        Self {
            service: meta.labels.get("kubernetes.io/service-name").unwrap_or_default().into(),
            address_type: wire.address_type,
            endpoints: kept.into_boxed_slice(),
            ports: wire.ports.into_boxed_slice(),
            meta,
        }
    }
}

/// An Endpoints object (deprecated since 1.33).
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// Identity, labels: the controller that mirrors it leaves its mark there.
    pub meta: Meta,
    /// How many addresses take traffic.
    pub ready_addresses: usize,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireEndpoints {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    subsets: Vec<WireSubset>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireSubset {
    #[serde(deserialize_with = "or_default")]
    addresses: Vec<serde::de::IgnoredAny>,
}

impl Resource for Endpoints {
    type Wire = WireEndpoints;

    fn keep(wire: WireEndpoints, context: &mut Context) -> Self {
        Self {
            meta: wire.metadata.keep(context),
            ready_addresses: wire.subsets.iter().map(|subset| subset.addresses.len()).sum(),
        }
    }
}

/// A NetworkPolicy of `networking.k8s.io/v1`.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct NetworkPolicy {
    pub meta: Meta,
    pub spec: NetworkPolicySpec,
    /// Where its rules stand in the input files.
    pub lines: RuleLines,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct NetworkPolicySpec {
    #[serde(deserialize_with = "or_default")]
    pub pod_selector: LabelSelector,
    #[serde(deserialize_with = "or_default")]
    pub policy_types: Vec<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pub ingress: Vec<IngressRule>,
    #[serde(deserialize_with = "or_default")]
    pub egress: Vec<EgressRule>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct IngressRule {
    #[serde(deserialize_with = "or_default")]
    pub from: Vec<NetworkPolicyPeer>,
    #[serde(deserialize_with = "or_default")]
    pub ports: Vec<NetworkPolicyPort>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct EgressRule {
    #[serde(deserialize_with = "or_default")]
    pub to: Vec<NetworkPolicyPeer>,
    #[serde(deserialize_with = "or_default")]
    pub ports: Vec<NetworkPolicyPort>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct NetworkPolicyPeer {
    pub pod_selector: Option<LabelSelector>,
    pub namespace_selector: Option<LabelSelector>,
    pub ip_block: Option<IpBlock>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct IpBlock {
    #[serde(deserialize_with = "or_default")]
    pub cidr: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub except: Vec<CompactString>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct NetworkPolicyPort {
    pub protocol: Option<CompactString>,
    pub port: Option<IntOrString>,
    pub end_port: Option<i32>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WirePolicy {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: NetworkPolicySpec,
}

impl Resource for NetworkPolicy {
    type Wire = WirePolicy;

    fn keep(wire: WirePolicy, context: &mut Context) -> Self {
        let lines = context.rule_lines(wire.spec.ingress.len(), wire.spec.egress.len());
        Self { meta: wire.metadata.keep(context), spec: wire.spec, lines }
    }
}
