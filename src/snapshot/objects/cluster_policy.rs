//! Policies of the whole cluster: AdminNetworkPolicy and BaselineAdminNetworkPolicy of `policy.networking.k8s.io`
//! v1alpha1, and ClusterNetworkPolicy of v1alpha2, which takes the place of both.
//!
//! Source: `apis/v1alpha1` and `apis/v1alpha2` of `sigs.k8s.io/network-policy-api`.

use compact_str::CompactString;
use serde::Deserialize;

use super::{Context, Meta, Resource, meta::WireMeta, rule_lines::RuleLines};
use crate::rules::{LabelSelector, null::or_default};

/// The kinds of policies of the whole cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub enum ClusterPolicyKind {
    AdminNetworkPolicy,
    BaselineAdminNetworkPolicy,
    ClusterNetworkPolicy,
}

impl ClusterPolicyKind {
    /// The kind as the API names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AdminNetworkPolicy => "AdminNetworkPolicy",
            Self::BaselineAdminNetworkPolicy => "BaselineAdminNetworkPolicy",
            Self::ClusterNetworkPolicy => "ClusterNetworkPolicy",
        }
    }
}

/// A policy of the whole cluster.
#[derive(Clone, Debug)]
pub struct ClusterPolicy {
    /// Identity, labels.
    pub meta: Meta,
    /// Which kind it is.
    pub kind: ClusterPolicyKind,
    /// `spec.tier` of a ClusterNetworkPolicy: `Admin` or `Baseline`; empty for the other kinds.
    pub tier: CompactString,
    /// From 0 to 1000, the lowest first; `None` for a BaselineAdminNetworkPolicy, of which there is one.
    pub priority: Option<i64>,
    /// The pods that it speaks about.
    pub subject: Subject,
    /// Rules for traffic to these pods, in their order.
    pub ingress: Vec<ClusterRule>,
    /// Rules for traffic from these pods, in their order.
    pub egress: Vec<ClusterRule>,
    /// Where its rules stand in the input files.
    pub lines: RuleLines,
}

/// Whom a policy speaks about: one of the two is set. Neither is a form that is not known here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Subject {
    /// All pods of these namespaces.
    pub namespaces: Option<LabelSelector>,
    /// These pods of these namespaces.
    pub pods: Option<NamespacedPods>,
}

/// Pods of namespaces, each by a selector; an empty one selects all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct NamespacedPods {
    #[serde(deserialize_with = "or_default")]
    pub namespace_selector: LabelSelector,
    #[serde(deserialize_with = "or_default")]
    pub pod_selector: LabelSelector,
}

/// A rule: what happens to traffic with any of these peers on any of these ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterRule {
    /// Its name; often empty.
    pub name: CompactString,
    /// `Allow` (`Accept` in a ClusterNetworkPolicy), `Deny` or `Pass`, as it was read.
    pub action: CompactString,
    /// `from` or `to`. At least one is required; none matches nothing.
    pub peers: Vec<ClusterPeer>,
    /// `ports` or `protocols`; `None` for all of them.
    pub ports: Option<Vec<ClusterPort>>,
}

/// Whom traffic comes from or goes to: one field is set. None is a form that is not known here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterPeer {
    /// All pods of these namespaces.
    pub namespaces: Option<LabelSelector>,
    /// These pods of these namespaces.
    pub pods: Option<NamespacedPods>,
    /// The addresses of these nodes (egress only).
    pub nodes: Option<LabelSelector>,
    /// Addresses as CIDRs, of pods too (egress only).
    pub networks: Option<Vec<CompactString>>,
    /// Names of hosts (egress only, and only in rules that allow).
    pub domain_names: Option<Vec<CompactString>>,
}

/// Ports of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterPort {
    /// Ports from one number to another, both included.
    Range {
        /// `TCP`, `UDP` or `SCTP`, as it was read.
        protocol: CompactString,
        /// The first port.
        start: i64,
        /// The last port.
        end: i64,
    },
    /// The port of this name, of whichever protocol the pod gives it.
    Named(CompactString),
    /// A form that is not known here.
    Unknown,
}

/// A port of v1alpha1.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WirePort {
    port_number: Option<WireNumber>,
    port_range: Option<WireRange>,
    named_port: Option<CompactString>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireNumber {
    #[serde(deserialize_with = "or_default")]
    protocol: CompactString,
    #[serde(deserialize_with = "or_default")]
    port: i64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireRange {
    #[serde(deserialize_with = "or_default")]
    protocol: CompactString,
    #[serde(deserialize_with = "or_default")]
    start: i64,
    #[serde(deserialize_with = "or_default")]
    end: i64,
}

impl WirePort {
    fn keep(self) -> ClusterPort {
        // The API server writes TCP where the protocol is left out.
        let protocol = |name: CompactString| if name.is_empty() { CompactString::const_new("TCP") } else { name };
        match self {
            Self { port_number: Some(it), .. } => {
                ClusterPort::Range { protocol: protocol(it.protocol), start: it.port, end: it.port }
            }
            Self { port_range: Some(it), .. } => {
                ClusterPort::Range { protocol: protocol(it.protocol), start: it.start, end: it.end }
            }
            Self { named_port: Some(name), .. } => ClusterPort::Named(name),
            _ => ClusterPort::Unknown,
        }
    }
}

/// A protocol of v1alpha2.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireProtocol {
    tcp: Option<WireDestination>,
    udp: Option<WireDestination>,
    sctp: Option<WireDestination>,
    destination_named_port: Option<CompactString>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireDestination {
    destination_port: Option<WireDestinationPort>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireDestinationPort {
    number: Option<i64>,
    range: Option<WireRange>,
}

impl WireProtocol {
    fn keep(self) -> ClusterPort {
        let of = |name: &'static str, wire: WireDestination| {
            let protocol = CompactString::const_new(name);
            match wire.destination_port {
                None => ClusterPort::Range { protocol, start: 1, end: 65535 },
                Some(WireDestinationPort { number: Some(port), .. }) => {
                    ClusterPort::Range { protocol, start: port, end: port }
                }
                Some(WireDestinationPort { range: Some(range), .. }) => {
                    ClusterPort::Range { protocol, start: range.start, end: range.end }
                }
                Some(_) => ClusterPort::Unknown,
            }
        };
        match self {
            Self { tcp: Some(wire), .. } => of("TCP", wire),
            Self { udp: Some(wire), .. } => of("UDP", wire),
            Self { sctp: Some(wire), .. } => of("SCTP", wire),
            Self { destination_named_port: Some(name), .. } => ClusterPort::Named(name),
            _ => ClusterPort::Unknown,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireRule {
    #[serde(deserialize_with = "or_default")]
    name: CompactString,
    #[serde(deserialize_with = "or_default")]
    action: CompactString,
    #[serde(deserialize_with = "or_default")]
    from: Vec<ClusterPeer>,
    #[serde(deserialize_with = "or_default")]
    to: Vec<ClusterPeer>,
    ports: Option<Vec<WirePort>>,
    protocols: Option<Vec<WireProtocol>>,
}

impl WireRule {
    fn keep(self) -> ClusterRule {
        let mut peers = self.from;
        peers.extend(self.to);
        let ports = self.ports.map(|ports| ports.into_iter().map(WirePort::keep).collect());
        let protocols = self.protocols.map(|them| them.into_iter().map(WireProtocol::keep).collect());
        // An empty list is left out when the object is stored, and then means all of them.
        let ports = ports.or(protocols).filter(|ports: &Vec<_>| !ports.is_empty());
        ClusterRule { name: self.name, action: self.action, peers, ports }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WirePolicy {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: WireSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireSpec {
    #[serde(deserialize_with = "or_default")]
    tier: CompactString,
    priority: Option<i64>,
    #[serde(deserialize_with = "or_default")]
    subject: Subject,
    #[serde(deserialize_with = "or_default")]
    ingress: Vec<WireRule>,
    #[serde(deserialize_with = "or_default")]
    egress: Vec<WireRule>,
}

macro_rules! cluster_policies {
    ($($kind:ident),+) => {$(
        pub(crate) struct $kind(pub(crate) ClusterPolicy);

        impl Resource for $kind {
            type Wire = WirePolicy;

            fn keep(wire: WirePolicy, context: &mut Context) -> Self {
                let lines = context.rule_lines(wire.spec.ingress.len(), wire.spec.egress.len());
                Self(ClusterPolicy {
                    meta: wire.metadata.keep(context),
                    kind: ClusterPolicyKind::$kind,
                    tier: wire.spec.tier,
                    priority: wire.spec.priority,
                    subject: wire.spec.subject,
                    ingress: wire.spec.ingress.into_iter().map(WireRule::keep).collect(),
                    egress: wire.spec.egress.into_iter().map(WireRule::keep).collect(),
                    lines,
                })
            }
        }
    )+};
}

cluster_policies!(AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> ClusterPolicy {
        let wire: WirePolicy = serde_json::from_str(json).unwrap();
        ClusterNetworkPolicy::keep(wire, &mut Context::default()).0
    }

    #[test]
    fn both_forms_of_ports_are_read() {
        let policy = read(
            r#"{"metadata": {"name": "p"}, "spec": {"tier": "Admin", "priority": 3, "subject": {"namespaces": {}},
                "ingress": [{"action": "Deny", "from": [{"pods": {"podSelector": {}}}],
                  "ports": [{"portNumber": {"port": 80}}, {"portRange": {"protocol": "UDP", "start": 1, "end": 9}},
                            {"namedPort": "web"}, {"other": 1}]}],
                "egress": [{"action": "Accept", "to": [{"networks": ["::/0"]}, {"galaxies": []}],
                  "protocols": [{"tcp": {"destinationPort": {"number": 53}}}, {"sctp": {}},
                                {"udp": {"destinationPort": {"range": {"start": 5, "end": 6}}}},
                                {"destinationNamedPort": "dns"}]},
                 {"action": "Pass", "to": [], "protocols": []}]}}"#,
        );
        let range = |protocol: &'static str, start, end| ClusterPort::Range { protocol: protocol.into(), start, end };
        assert_eq!((policy.tier.as_str(), policy.priority), ("Admin", Some(3)));
        assert_eq!(
            policy.ingress[0].ports.as_deref(),
            Some(
                &[range("TCP", 80, 80), range("UDP", 1, 9), ClusterPort::Named("web".into()), ClusterPort::Unknown][..]
            )
        );
        assert_eq!(
            policy.egress[0].ports.as_deref(),
            Some(
                &[range("TCP", 53, 53), range("SCTP", 1, 65535), range("UDP", 5, 6), ClusterPort::Named("dns".into())]
                    [..]
            )
        );
        assert_eq!(policy.egress[0].peers[1], ClusterPeer::default(), "a peer of a form that is not known");
        assert_eq!(policy.egress[1].ports, None);
    }
}
