//! The rules read one by one, for one connection at a time, with nothing kept and nothing shared. Where something is
//! not known, every case is tried.

use std::net::IpAddr;

use kubectl_netpolcheck::{
    address::{Address, Family},
    policy::Direction,
    ports::Protocol,
    profile::Profile,
};

use super::cluster::{Cluster, Kind, Labels, Peer, Pod, Policy, Port, Rule, Selector};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Yes,
    No,
    Depends,
}

#[derive(Clone, Copy, Debug)]
pub enum End<'c> {
    Pod(&'c Pod),
    Address(Address),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fits {
    No,
    Maybe,
    Yes,
}

pub struct Obvious<'c> {
    pub cluster: &'c Cluster,
    pub profile: Profile,
}

impl Obvious<'_> {
    /// Whether an end has an address of a family, or may have one.
    pub fn has(&self, end: End<'_>, family: Family) -> bool {
        match end {
            End::Address(address) => address.family == family,
            End::Pod(pod) => {
                pod.addresses.is_empty() || pod.addresses.iter().any(|ip| Address::from(*ip).family == family)
            }
        }
    }

    /// What the policies of one end say.
    pub fn side(
        &self,
        direction: Direction,
        from: End<'_>,
        to: End<'_>,
        family: Family,
        protocol: Protocol,
        port: u16,
    ) -> Said {
        let (subject, peer) = if direction == Direction::Egress { (from, to) } else { (to, from) };
        let End::Pod(subject) = subject else { return Said::Yes };
        if self.is_host(subject) {
            return Said::Yes;
        }
        let own_node = match (direction, from) {
            (Direction::Ingress, End::Pod(from)) if self.is_host(from) => match (from.node, subject.node) {
                ("", _) | (_, "") => Fits::Maybe,
                (a, b) => {
                    if a == b {
                        Fits::Yes
                    } else {
                        Fits::No
                    }
                }
            },
            _ => Fits::No,
        };
        if own_node == Fits::Yes {
            return Said::Yes;
        }
        let policies: Vec<&Policy> =
            self.cluster.policies.iter().filter(|policy| self.speaks(policy, direction, subject)).collect();
        // For each policy its rules, with how each fits.
        let fits: Vec<Vec<(Rule, Fits)>> = policies
            .iter()
            .map(|policy| {
                let rules = if direction == Direction::Ingress { &policy.ingress } else { &policy.egress };
                rules
                    .iter()
                    .map(|rule| closed(rule, policy.kind))
                    .map(|rule| {
                        let fit = self.rule(&rule, policy, peer, to, family, protocol, port);
                        (rule, fit)
                    })
                    .collect()
            })
            .collect();
        let open: usize = fits.iter().flatten().filter(|(_, fit)| *fit == Fits::Maybe).count();
        let (mut allows, mut denies) = (own_node == Fits::Maybe, false);
        // Policies of which no rule fits say nothing, in whichever order they are asked.
        let speaking: Vec<usize> =
            (0..policies.len()).filter(|place| fits[*place].iter().any(|(_, fit)| *fit != Fits::No)).collect();
        for order in orders(&policies, &speaking) {
            for world in 0..(1_u32 << open) {
                let mut next = 0;
                let decided: Vec<Vec<(&'static str, bool)>> = fits
                    .iter()
                    .map(|rules| {
                        rules
                            .iter()
                            .map(|(rule, fit)| {
                                let fits = match fit {
                                    Fits::Yes => true,
                                    Fits::No => false,
                                    Fits::Maybe => {
                                        next += 1;
                                        world & (1 << (next - 1)) != 0
                                    }
                                };
                                (rule.action, fits)
                            })
                            .collect()
                    })
                    .collect();
                if allowed(&policies, &order, &decided) { allows = true } else { denies = true }
            }
        }
        match (allows, denies) {
            (true, false) => Said::Yes,
            (false, _) => Said::No,
            (true, true) => Said::Depends,
        }
    }

    fn is_host(&self, pod: &Pod) -> bool {
        pod.host_network && self.profile != Profile::Analyzer
    }

    fn speaks(&self, policy: &Policy, direction: Direction, pod: &Pod) -> bool {
        let about = if policy.kind == Kind::Np {
            policy.namespace == pod.namespace
        } else {
            matches(&policy.subject.0, &self.namespace_labels(&pod.namespace))
        };
        let types = match (policy.kind, policy.types) {
            (Kind::Np, Some(types)) => types,
            (Kind::Np, None) => (true, !policy.egress.is_empty()),
            _ => (true, true),
        };
        let in_direction = if direction == Direction::Ingress { types.0 } else { types.1 };
        about && in_direction && matches(&policy.subject.1, &owned(&pod.labels))
    }

    fn namespace_labels(&self, name: &str) -> Vec<(String, String)> {
        let namespace = self.cluster.namespaces.iter().find(|namespace| namespace.name == name);
        let mut labels = owned(&namespace.filter(|it| it.written).map(|it| it.labels.clone()).unwrap_or_default());
        labels.push(("kubernetes.io/metadata.name".into(), name.into()));
        labels
    }

    #[allow(clippy::too_many_arguments)]
    fn rule(
        &self,
        rule: &Rule,
        policy: &Policy,
        peer: End<'_>,
        to: End<'_>,
        family: Family,
        protocol: Protocol,
        port: u16,
    ) -> Fits {
        let on_port = rule.ports.is_empty()
            || rule.ports.iter().any(|wanted| match wanted {
                Port::Range(of, first, last) => *of == protocol && *first <= port && port <= *last,
                Port::Named(of, name) => match to {
                    End::Pod(pod) => {
                        of.is_none_or(|of| of == protocol)
                            && pod
                                .named_ports
                                .iter()
                                .any(|(n, p, number)| n == name && *p == protocol && *number == port)
                    }
                    End::Address(_) => false,
                },
            });
        if !on_port {
            return Fits::No;
        }
        if rule.peers.is_empty() && policy.kind == Kind::Np {
            return Fits::Yes;
        }
        rule.peers.iter().map(|it| self.peer(it, policy, peer, family)).max().unwrap_or(Fits::No)
    }

    fn peer(&self, peer: &Peer, policy: &Policy, end: End<'_>, family: Family) -> Fits {
        let sure = |fits: bool| if fits { Fits::Yes } else { Fits::No };
        match (peer, end) {
            (Peer::Own(pods), End::Pod(pod)) => {
                sure(!self.is_host(pod) && policy.namespace == pod.namespace && matches(pods, &owned(&pod.labels)))
            }
            (Peer::Pods(namespaces, pods), End::Pod(pod)) => sure(
                !self.is_host(pod)
                    && matches(namespaces, &self.namespace_labels(&pod.namespace))
                    && matches(pods, &owned(&pod.labels)),
            ),
            (Peer::Own(_) | Peer::Pods(..), End::Address(_)) => Fits::No,
            (Peer::Block(cidr, except), End::Address(address)) => {
                sure(address.family == family && in_block(cidr, except, address))
            }
            (Peer::Block(cidr, except), End::Pod(pod)) => {
                if matches!(self.profile, Profile::Cilium | Profile::Analyzer) {
                    return Fits::No;
                }
                let of_family = (if cidr.contains(':') { Family::V6 } else { Family::V4 }) == family;
                let known = pod.addresses.iter().map(|ip| Address::from(*ip)).find(|it| it.family == family);
                match known {
                    Some(address) => sure(in_block(cidr, except, address)),
                    None if !of_family => Fits::No,
                    None => {
                        if cidr.ends_with("/0") && except.is_empty() {
                            Fits::Yes
                        } else {
                            Fits::Maybe
                        }
                    }
                }
            }
            (Peer::Nodes(_) | Peer::Domains, _) if self.profile == Profile::Analyzer => Fits::No,
            (Peer::Nodes(_), End::Address(_)) => {
                if self.cluster.nodes.is_empty() {
                    Fits::Maybe
                } else {
                    Fits::No
                }
            }
            (Peer::Nodes(selector), End::Pod(pod)) => {
                if !self.is_host(pod) {
                    return Fits::No;
                }
                match self.cluster.nodes.iter().find(|node| node.name == pod.node) {
                    Some(node) => sure(matches(selector, &owned(&node.labels))),
                    None => Fits::Maybe,
                }
            }
            (Peer::Domains, End::Address(_)) => Fits::Maybe,
            (Peer::Domains, End::Pod(_)) => Fits::No,
            // Only rules that deny everything still have it.
            (Peer::Strange, _) => Fits::Yes,
        }
    }
}

/// A rule that is not understood fails closed.
fn closed(rule: &Rule, kind: Kind) -> Rule {
    let strange = rule.peers.iter().any(|peer| matches!(peer, Peer::Strange));
    match (strange, kind, rule.action) {
        (false, ..) | (_, Kind::Np, _) => rule.clone(),
        (true, _, "Allow") => Rule { peers: Vec::new(), ..rule.clone() },
        (true, ..) => Rule { action: "Deny", peers: vec![Peer::Strange], ports: Vec::new() },
    }
}

/// Every order in which the policies may be asked: of those with the same priority each may come first.
fn orders(policies: &[&Policy], speaking: &[usize]) -> Vec<Vec<usize>> {
    fn permutations(rest: Vec<usize>) -> Vec<Vec<usize>> {
        if rest.is_empty() {
            return vec![Vec::new()];
        }
        let mut all = Vec::new();
        for place in 0..rest.len() {
            let mut others = rest.clone();
            let first = others.remove(place);
            all.extend(permutations(others).into_iter().map(|mut order| {
                order.insert(0, first);
                order
            }));
        }
        all
    }
    let priority = |policy: &Policy| if policy.kind == Kind::Banp { i64::MAX } else { policy.priority };
    let key = |place: &usize| (tier(policies[*place]), priority(policies[*place]));
    let ordered: Vec<usize> = speaking.iter().copied().filter(|place| policies[*place].kind != Kind::Np).collect();
    let mut all = permutations(ordered);
    all.retain(|order| order.windows(2).all(|pair| key(&pair[0]) <= key(&pair[1])));
    all
}

fn tier(policy: &Policy) -> u8 {
    match policy.kind {
        Kind::Anp | Kind::CnpAdmin => 0,
        Kind::Np => 1,
        Kind::Banp | Kind::CnpBaseline => 2,
    }
}

/// Whether a connection goes through, where everything is known.
fn allowed(policies: &[&Policy], order: &[usize], rules: &[Vec<(&'static str, bool)>]) -> bool {
    let first = |wanted: u8| {
        let of_tier = order.iter().filter(|place| tier(policies[**place]) == wanted);
        of_tier.flat_map(|place| &rules[*place]).find(|(_, fits)| *fits).map(|(action, _)| *action)
    };
    match first(0) {
        Some("Allow") => return true,
        Some("Deny") => return false,
        _ => {}
    }
    let isolating: Vec<usize> = (0..policies.len()).filter(|place| policies[*place].kind == Kind::Np).collect();
    if !isolating.is_empty() {
        return isolating.iter().any(|place| rules[*place].iter().any(|(_, fits)| *fits));
    }
    first(2) != Some("Deny")
}

pub fn owned(labels: &Labels) -> Vec<(String, String)> {
    labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub fn matches(selector: &Selector, labels: &[(String, String)]) -> bool {
    let value = |key: &str| labels.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str());
    selector.labels.iter().all(|(key, wanted)| value(key) == Some(wanted))
        && selector.expressions.iter().all(|(key, operator, values)| match *operator {
            "In" => value(key).is_some_and(|value| values.contains(&value)),
            "NotIn" => value(key).is_none_or(|value| !values.contains(&value)),
            "Exists" => value(key).is_some(),
            _ => value(key).is_none(),
        })
}

/// Bit by bit.
fn in_cidr(cidr: &str, address: Address) -> bool {
    let (base, length) = cidr.split_once('/').unwrap();
    let (base, length): (IpAddr, usize) = (base.parse().unwrap(), length.parse().unwrap());
    let bits = |ip: IpAddr| -> Vec<bool> {
        let bytes = match ip {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte & (1 << bit) != 0)).collect()
    };
    let address: IpAddr = address.to_string().parse().unwrap();
    address.is_ipv4() == base.is_ipv4() && bits(address)[..length] == bits(base)[..length]
}

fn in_block(cidr: &str, except: &[&str], address: Address) -> bool {
    in_cidr(cidr, address) && !except.iter().any(|part| in_cidr(part, address))
}
