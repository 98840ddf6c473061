//! From the objects of a snapshot to policies of one form.

use compact_str::CompactString;
use patchkit::{
    report::NotEvaluated,
    rules::{IntOrString, LabelSelector},
    snapshot::{
        Snapshot,
        objects::{
            cluster_policy::{ClusterPeer, ClusterPolicy, ClusterPolicyKind, ClusterPort, ClusterRule, Subject},
            network::{NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort},
        },
    },
};

use super::{Action, Peers, Policy, PolicyId, PolicyKind, PortMatch, Rule, Scope, Term, TermId, Terms, Tier};
use crate::{address::Block, ports::Protocol, world::namespace_of};

/// A BaselineAdminNetworkPolicy has no priority: there is one. Where a cluster has ClusterNetworkPolicies of the
/// Baseline tier as well, they are asked before it.
const LAST: i64 = i64::MAX;

/// The policies of a snapshot.
#[derive(Debug, Default)]
pub struct Policies<'s> {
    /// All of them.
    pub all: Vec<Policy<'s>>,
    /// Whom they speak about.
    pub terms: Terms,
    /// What of them could not be understood. The API server accepts none of it, so it is found in files only.
    pub problems: Vec<NotEvaluated>,
}

impl<'s> Policies<'s> {
    /// Reads all policies of a snapshot.
    #[must_use]
    pub fn of(snapshot: &'s Snapshot) -> Self {
        let mut policies = Self::default();
        for policy in &snapshot.network_policies {
            policies.add_network_policy(policy);
        }
        for policy in &snapshot.cluster_policies {
            policies.add_cluster_policy(policy);
        }
        policies
    }

    /// The policy of this place.
    #[must_use]
    pub fn get(&self, id: PolicyId) -> &Policy<'s> {
        &self.all[id.0 as usize]
    }

    /// All policies with their places.
    pub fn iter(&self) -> impl Iterator<Item = (PolicyId, &Policy<'s>)> {
        (0..).map(PolicyId).zip(&self.all)
    }

    fn add_network_policy(&mut self, policy: &'s NetworkPolicy) {
        let meta = &policy.meta;
        let spec = &policy.spec;
        let mut reader = Reader::new(meta.object_ref("NetworkPolicy").display(), self);
        let namespace = CompactString::from(namespace_of(meta));
        let subject = reader.pods(Scope::One(namespace.clone()), spec.pod_selector.clone());
        // Absent types mean Ingress, and Egress where there are egress rules (`networking/v1/types.go`).
        let listed = |name: &str| spec.policy_types.iter().any(|listed| listed == name);
        let (ingress, egress) = match spec.policy_types.is_empty() {
            true => (true, !spec.egress.is_empty()),
            false => (listed("Ingress"), listed("Egress")),
        };
        let ingress = ingress.then(|| {
            let rules = spec.ingress.iter().enumerate();
            rules.map(|(index, rule)| reader.rule(index, "ingress", &namespace, &rule.from, &rule.ports)).collect()
        });
        let egress = egress.then(|| {
            let rules = spec.egress.iter().enumerate();
            rules.map(|(index, rule)| reader.rule(index, "egress", &namespace, &rule.to, &rule.ports)).collect()
        });
        let kind = PolicyKind::NetworkPolicy;
        let lines = &policy.lines;
        self.all.push(Policy { kind, meta, lines, tier: Tier::NetworkPolicy, priority: 0, subject, ingress, egress });
    }

    fn add_cluster_policy(&mut self, policy: &'s ClusterPolicy) {
        let meta = &policy.meta;
        let mut reader = Reader::new(meta.object_ref(policy.kind.as_str()).display(), self);
        let (kind, tier) = match policy.kind {
            ClusterPolicyKind::AdminNetworkPolicy => (PolicyKind::AdminNetworkPolicy, Tier::Admin),
            ClusterPolicyKind::BaselineAdminNetworkPolicy => (PolicyKind::BaselineAdminNetworkPolicy, Tier::Baseline),
            ClusterPolicyKind::ClusterNetworkPolicy => match policy.tier.as_str() {
                "Admin" => (PolicyKind::ClusterNetworkPolicy, Tier::Admin),
                "Baseline" => (PolicyKind::ClusterNetworkPolicy, Tier::Baseline),
                other => {
                    reader.note(&format!("spec.tier is {other:?}: expected Admin or Baseline; the policy is left out"));
                    return;
                }
            },
        };
        let priority = match (kind, policy.priority) {
            (PolicyKind::BaselineAdminNetworkPolicy, _) => LAST,
            (_, Some(priority)) => priority,
            (_, None) => {
                reader.note("spec.priority is missing; the policy is asked last in its tier");
                LAST
            }
        };
        let subject = reader.subject(&policy.subject);
        let mut rules = |rules: &[ClusterRule], direction: &str| -> Option<Vec<Rule>> {
            let rules: Vec<Rule> =
                rules.iter().enumerate().map(|(index, rule)| reader.cluster_rule(index, direction, rule)).collect();
            // Without rules for a direction it says nothing of it; unlike a NetworkPolicy it never isolates.
            (!rules.is_empty()).then_some(rules)
        };
        let ingress = rules(&policy.ingress, "ingress");
        let egress = rules(&policy.egress, "egress");
        self.all.push(Policy { kind, meta, lines: &policy.lines, tier, priority, subject, ingress, egress });
    }
}

/// Reads the parts of one policy.
struct Reader<'r> {
    name: String,
    terms: &'r mut Terms,
    problems: &'r mut Vec<NotEvaluated>,
}

impl<'r> Reader<'r> {
    fn new(name: String, policies: &'r mut Policies<'_>) -> Self {
        Self { name, terms: &mut policies.terms, problems: &mut policies.problems }
    }

    fn note(&mut self, why: &str) {
        self.problems.push(NotEvaluated::new(self.name.as_str(), why));
    }

    fn pods(&mut self, scope: Scope, pods: LabelSelector) -> TermId {
        self.terms.add(Term::Pods { scope, pods })
    }

    fn rule(
        &mut self,
        index: usize,
        direction: &str,
        namespace: &CompactString,
        peers: &[NetworkPolicyPeer],
        ports: &[NetworkPolicyPort],
    ) -> Rule {
        let place = format!("spec.{direction}[{index}]");
        let peers = if peers.is_empty() {
            Peers::Everyone
        } else {
            Peers::Any(peers.iter().filter_map(|peer| self.peer(&place, namespace, peer)).collect())
        };
        let ports =
            (!ports.is_empty()).then(|| ports.iter().filter_map(|port| self.port(&place, port)).collect::<Vec<_>>());
        Rule { index, name: CompactString::default(), action: Action::Allow, peers, ports }
    }

    fn peer(&mut self, place: &str, namespace: &CompactString, peer: &NetworkPolicyPeer) -> Option<TermId> {
        match peer {
            NetworkPolicyPeer { ip_block: Some(block), pod_selector: None, namespace_selector: None } => {
                let Some(whole) = Block::parse(&block.cidr) else {
                    self.note(&format!("{place}: {:?} is no CIDR; it may match anything", block.cidr));
                    return Some(self.terms.add(Term::Unknown));
                };
                let mut except = Vec::new();
                for part in &block.except {
                    match Block::parse(part) {
                        Some(part) => except.push(part),
                        None => {
                            self.note(&format!("{place}: {part:?} in except is no CIDR; the peer may match anything"));
                            return Some(self.terms.add(Term::Unknown));
                        }
                    }
                }
                Some(self.terms.add(Term::Addresses { block: whole, except }))
            }
            NetworkPolicyPeer { ip_block: None, pod_selector, namespace_selector: Some(namespaces) } => {
                let pods = pod_selector.clone().unwrap_or_default();
                Some(self.pods(Scope::Labelled(namespaces.clone()), pods))
            }
            NetworkPolicyPeer { ip_block: None, pod_selector: Some(pods), namespace_selector: None } => {
                Some(self.pods(Scope::One(namespace.clone()), pods.clone()))
            }
            NetworkPolicyPeer { ip_block: None, .. } => {
                self.note(&format!("{place}: a peer without a selector and without an ipBlock; it matches nothing"));
                None
            }
            NetworkPolicyPeer { ip_block: Some(_), .. } => {
                self.note(&format!("{place}: a peer with an ipBlock and a selector; it matches nothing"));
                None
            }
        }
    }

    fn port(&mut self, place: &str, port: &NetworkPolicyPort) -> Option<PortMatch> {
        let name = port.protocol.as_deref().filter(|name| !name.is_empty()).unwrap_or("TCP");
        let Ok(protocol) = name.parse::<Protocol>() else {
            self.note(&format!("{place}: protocol {name:?}: expected TCP, UDP or SCTP; the port matches nothing"));
            return None;
        };
        let (first, last) = match (&port.port, port.end_port) {
            (None, None) => (1, i64::from(u16::MAX)),
            (Some(IntOrString::Int(number)), None) => (i64::from(*number), i64::from(*number)),
            (Some(IntOrString::Int(number)), Some(end)) => (i64::from(*number), i64::from(end)),
            (Some(IntOrString::String(name)), None) => {
                return Some(PortMatch::Named { protocol: Some(protocol), name: name.clone() });
            }
            (_, Some(_)) => {
                self.note(&format!("{place}: endPort without a port number; the port matches nothing"));
                return None;
            }
        };
        self.range(place, protocol, first, last)
    }

    fn range(&mut self, place: &str, protocol: Protocol, first: i64, last: i64) -> Option<PortMatch> {
        match (u16::try_from(first), u16::try_from(last)) {
            (Ok(start), Ok(end)) if start >= 1 && start <= end => {
                Some(PortMatch::Range { protocol, first: start, last: end })
            }
            _ => {
                self.note(&format!("{place}: {first} to {last} are no ports; they match nothing"));
                None
            }
        }
    }

    fn subject(&mut self, subject: &Subject) -> TermId {
        match subject {
            Subject { pods: Some(it), .. } => {
                self.pods(Scope::Labelled(it.namespace_selector.clone()), it.pod_selector.clone())
            }
            Subject { namespaces: Some(namespaces), .. } => {
                self.pods(Scope::Labelled(namespaces.clone()), LabelSelector::default())
            }
            Subject { .. } => {
                self.note("spec.subject is of a form that is not known; the policy may speak about any pod");
                self.terms.add(Term::Unknown)
            }
        }
    }

    /// "Fail closed" where something is not understood: a rule that allows then matches nothing, and one that denies
    /// or passes denies everything (`apis/v1alpha2/clusternetworkpolicy_types.go`, `ClusterNetworkPolicyEgressPeer`).
    fn cluster_rule(&mut self, index: usize, direction: &str, rule: &ClusterRule) -> Rule {
        let place = format!("spec.{direction}[{index}]");
        let action = match rule.action.as_str() {
            "Allow" | "Accept" => Action::Allow,
            "Deny" => Action::Deny,
            "Pass" => Action::Pass,
            other => {
                self.note(&format!(
                    "{place}: action {other:?}: expected Accept, Allow, Deny or Pass; it is read as Deny"
                ));
                Action::Deny
            }
        };
        let mut understood = true;
        let mut peers = Vec::new();
        for peer in &rule.peers {
            match self.cluster_peer(&place, direction, peer, action) {
                Some(terms) => peers.extend(terms),
                None => understood = false,
            }
        }
        let ports = rule.ports.as_ref().map(|ports| {
            let mut read = Vec::new();
            for port in ports {
                match self.cluster_port(&place, port) {
                    Some(port) => read.push(port),
                    None => understood = false,
                }
            }
            read
        });
        let name = rule.name.clone();
        match (understood, action) {
            (true, _) => Rule { index, name, action, peers: Peers::Any(peers), ports },
            (false, Action::Allow) => Rule { index, name, action, peers: Peers::Any(Vec::new()), ports },
            (false, Action::Deny | Action::Pass) => {
                Rule { index, name, action: Action::Deny, peers: Peers::Everyone, ports: None }
            }
        }
    }

    fn cluster_peer(
        &mut self,
        place: &str,
        direction: &str,
        peer: &ClusterPeer,
        action: Action,
    ) -> Option<Vec<TermId>> {
        let egress = direction == "egress";
        match peer {
            ClusterPeer { pods: Some(it), .. } => {
                Some(vec![self.pods(Scope::Labelled(it.namespace_selector.clone()), it.pod_selector.clone())])
            }
            ClusterPeer { namespaces: Some(namespaces), .. } => {
                Some(vec![self.pods(Scope::Labelled(namespaces.clone()), LabelSelector::default())])
            }
            ClusterPeer { networks: Some(networks), .. } if egress => {
                let mut terms = Vec::new();
                for cidr in networks {
                    let Some(block) = Block::parse(cidr) else {
                        self.note(&format!("{place}: {cidr:?} is no CIDR; the rule fails closed"));
                        return None;
                    };
                    terms.push(self.terms.add(Term::Addresses { block, except: Vec::new() }));
                }
                Some(terms)
            }
            ClusterPeer { nodes: Some(nodes), .. } if egress => Some(vec![self.terms.add(Term::Nodes(nodes.clone()))]),
            ClusterPeer { domain_names: Some(names), .. } if egress && action == Action::Allow => {
                Some(vec![self.terms.add(Term::Domains(names.clone()))])
            }
            _ => {
                self.note(&format!("{place}: a peer of a form that is not known here; the rule fails closed"));
                None
            }
        }
    }

    fn cluster_port(&mut self, place: &str, port: &ClusterPort) -> Option<PortMatch> {
        match port {
            ClusterPort::Named(name) => Some(PortMatch::Named { protocol: None, name: name.clone() }),
            ClusterPort::Range { protocol, start, end } => {
                let Ok(known) = protocol.parse::<Protocol>() else {
                    self.note(&format!("{place}: protocol {protocol:?} is not known here; the rule fails closed"));
                    return None;
                };
                self.range(place, known, *start, *end)
            }
            ClusterPort::Unknown => {
                self.note(&format!("{place}: a port of a form that is not known here; the rule fails closed"));
                None
            }
        }
    }
}
