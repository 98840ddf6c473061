//! Random clusters, small enough that everything in them meets everything else.

use std::net::IpAddr;

use kubectl_netpolcheck::{address::Address, ports::Protocol};
use serde_json::{Value, json};

/// Chance that can be repeated (splitmix64).
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64, case: u64) -> Self {
        let mut chance = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ case.wrapping_mul(0xD134_2543_DE82_EF95));
        chance.next();
        chance
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

pub type Labels = Vec<(&'static str, &'static str)>;

#[derive(Clone, Debug)]
pub struct Namespace {
    pub name: &'static str,
    /// Without the label that holds the name.
    pub labels: Labels,
    /// Its manifest is in the input.
    pub written: bool,
}

#[derive(Clone, Debug)]
pub struct Pod {
    pub namespace: String,
    pub name: String,
    pub labels: Labels,
    pub host_network: bool,
    pub finished: bool,
    pub node: &'static str,
    /// Empty where not known.
    pub addresses: Vec<IpAddr>,
    pub named_ports: Vec<(&'static str, Protocol, u16)>,
}

#[derive(Clone, Debug)]
pub struct Node {
    pub name: &'static str,
    pub labels: Labels,
    pub address: IpAddr,
}

/// Requirements that must all hold.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    pub labels: Labels,
    /// Key, operator, values.
    pub expressions: Vec<(&'static str, &'static str, Vec<&'static str>)>,
}

#[derive(Clone, Debug)]
pub enum Peer {
    /// Pods of the policy's own namespace.
    Own(Selector),
    Pods(Selector, Selector),
    Block(&'static str, Vec<&'static str>),
    Nodes(Selector),
    Domains,
    /// A form that nobody knows.
    Strange,
}

#[derive(Clone, Debug)]
pub enum Port {
    Range(Protocol, u16, u16),
    Named(Option<Protocol>, &'static str),
}

#[derive(Clone, Debug)]
pub struct Rule {
    /// `Allow`, `Deny` or `Pass`.
    pub action: &'static str,
    /// Empty means everyone, in NetworkPolicies.
    pub peers: Vec<Peer>,
    /// Empty means all.
    pub ports: Vec<Port>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Np,
    Anp,
    Banp,
    CnpAdmin,
    CnpBaseline,
}

#[derive(Clone, Debug)]
pub struct Policy {
    pub kind: Kind,
    pub name: String,
    /// Of a NetworkPolicy.
    pub namespace: &'static str,
    pub priority: i64,
    /// Namespaces (of policies of the whole cluster), pods.
    pub subject: (Selector, Selector),
    /// Whether the types are listed, and which (NetworkPolicies).
    pub types: Option<(bool, bool)>,
    pub ingress: Vec<Rule>,
    pub egress: Vec<Rule>,
}

#[derive(Clone, Debug)]
pub struct Cluster {
    pub namespaces: Vec<Namespace>,
    pub pods: Vec<Pod>,
    pub nodes: Vec<Node>,
    pub policies: Vec<Policy>,
}

const BLOCKS_4: &[(&str, &[&str])] = &[
    ("10.0.0.0/8", &["10.0.0.0/24"]),
    ("10.0.0.0/24", &["10.0.0.2/32", "10.0.0.200/32"]),
    ("10.0.1.0/24", &["10.0.1.0/25"]),
    ("0.0.0.0/0", &["10.0.0.0/8"]),
    ("8.8.8.8/32", &["8.8.8.8/32"]),
    ("192.168.0.0/16", &["192.168.0.1/32"]),
];
const BLOCKS_6: &[(&str, &[&str])] =
    &[("::/0", &["fd00::/64"]), ("fd00::/64", &["fd00::2/128"]), ("2001:db8::/32", &["2001:db8::/64"])];
const NUMBERS: &[u16] = &[1, 53, 80, 81, 443, 8080, 65535];
const NAMES: &[&str] = &["web", "dns", "other"];

fn selector(chance: &mut Chance, keys: &[(&'static str, &[&'static str])]) -> Selector {
    let mut selector = Selector::default();
    if chance.percent(30) {
        return selector;
    }
    let (key, values) = chance.one_of(keys);
    if chance.percent(60) {
        selector.labels.push((key, chance.one_of(values)));
    } else {
        let operator = chance.one_of(&["In", "NotIn", "Exists", "DoesNotExist"]);
        let listed = if operator.ends_with("In") { vec![chance.one_of(values)] } else { Vec::new() };
        selector.expressions.push((key, operator, listed));
    }
    selector
}

const POD_KEYS: &[(&str, &[&str])] = &[("app", &["a", "b"]), ("tier", &["x", "y"])];
const NAMESPACE_KEYS: &[(&str, &[&str])] =
    &[("team", &["red", "blue"]), ("kubernetes.io/metadata.name", &["one", "two", "three"])];

fn ports(chance: &mut Chance, named_protocol: bool) -> Vec<Port> {
    if chance.percent(40) {
        return Vec::new();
    }
    (0..=chance.below(2))
        .map(|_| {
            let protocol = chance.one_of(&Protocol::ALL);
            match chance.below(4) {
                0 => Port::Named(named_protocol.then_some(protocol), chance.one_of(NAMES)),
                1 => {
                    let (a, b) = (chance.one_of(NUMBERS), chance.one_of(NUMBERS));
                    // An end that is not greater than the start is refused in v1alpha2.
                    Port::Range(protocol, a.min(b), a.max(b))
                }
                2 => Port::Range(protocol, 1, 65535),
                _ => {
                    let number = chance.one_of(NUMBERS);
                    Port::Range(protocol, number, number)
                }
            }
        })
        .collect()
}

fn block(chance: &mut Chance, except: bool) -> Peer {
    let blocks = if chance.percent(65) { BLOCKS_4 } else { BLOCKS_6 };
    let (cidr, parts) = chance.one_of(blocks);
    let except = if except && chance.percent(40) { parts.to_vec() } else { Vec::new() };
    Peer::Block(cidr, except)
}

fn rules(chance: &mut Chance, kind: Kind, egress: bool) -> Vec<Rule> {
    (0..chance.below(3))
        .map(|_| {
            if kind == Kind::Np {
                let peers = if chance.percent(15) { 0 } else { 1 + chance.below(2) };
                let peers = (0..peers)
                    .map(|_| match chance.below(3) {
                        0 => Peer::Own(selector(chance, POD_KEYS)),
                        1 => Peer::Pods(selector(chance, NAMESPACE_KEYS), selector(chance, POD_KEYS)),
                        _ => block(chance, true),
                    })
                    .collect();
                return Rule { action: "Allow", peers, ports: ports(chance, true) };
            }
            let action = match kind {
                Kind::Banp => chance.one_of(&["Allow", "Deny"]),
                _ => chance.one_of(&["Allow", "Deny", "Pass"]),
            };
            let peers = (0..=chance.below(2))
                .map(|_| match chance.below(12) {
                    0..=2 if egress => block(chance, false),
                    3 if egress => Peer::Nodes(selector(chance, &[("role", &["edge", "core"])])),
                    4 if egress && action == "Allow" => Peer::Domains,
                    5 if chance.percent(20) => Peer::Strange,
                    _ => Peer::Pods(selector(chance, NAMESPACE_KEYS), selector(chance, POD_KEYS)),
                })
                .collect();
            Rule { action, peers, ports: ports(chance, false) }
        })
        .collect()
}

impl Cluster {
    pub fn random(chance: &mut Chance) -> Self {
        let mut namespaces = Vec::new();
        for name in ["one", "two", "three"].into_iter().take(1 + chance.below(3)) {
            let written = chance.percent(85);
            let labels =
                if written && chance.percent(70) { vec![("team", chance.one_of(&["red", "blue"]))] } else { vec![] };
            namespaces.push(Namespace { name, labels, written });
        }
        let nodes = if chance.percent(60) {
            vec![
                Node { name: "n1", labels: vec![("role", "edge")], address: "192.168.0.1".parse().unwrap() },
                Node { name: "n2", labels: vec![("role", "core")], address: "192.168.0.2".parse().unwrap() },
            ]
        } else {
            Vec::new()
        };
        let pods = (0..2 + chance.below(4)).map(|place| Self::pod(chance, &namespaces, place)).collect();
        let mut kinds = vec![Kind::Np; chance.below(4)];
        kinds.extend((0..chance.below(3)).map(|_| chance.one_of(&[Kind::Anp, Kind::CnpAdmin])));
        kinds.extend((0..chance.below(3)).map(|_| chance.one_of(&[Kind::Banp, Kind::CnpBaseline])));
        let mut policies: Vec<Policy> = Vec::new();
        for (place, kind) in kinds.into_iter().enumerate() {
            if kind == Kind::Banp && policies.iter().any(|policy| policy.kind == Kind::Banp) {
                continue; // there is one
            }
            let np = kind == Kind::Np;
            let namespace_selector = selector(chance, NAMESPACE_KEYS);
            policies.push(Policy {
                kind,
                name: if kind == Kind::Banp { "default".to_owned() } else { format!("p{place}") },
                namespace: namespaces[chance.below(namespaces.len())].name,
                priority: chance.below(3) as i64,
                subject: (namespace_selector, selector(chance, POD_KEYS)),
                types: (np && chance.percent(60)).then(|| chance.one_of(&[(true, false), (false, true), (true, true)])),
                ingress: rules(chance, kind, false),
                egress: rules(chance, kind, true),
            });
        }
        Self { namespaces, pods, nodes, policies }
    }

    fn pod(chance: &mut Chance, namespaces: &[Namespace], place: usize) -> Pod {
        let mut labels = Vec::new();
        for (key, values) in POD_KEYS {
            if chance.percent(70) {
                labels.push((*key, chance.one_of(values)));
            }
        }
        let host_network = chance.percent(15);
        let node = chance.one_of(&["n1", "n2", "n3", ""]);
        let four: IpAddr = match (host_network, node) {
            (true, "n1") => "192.168.0.1".parse().unwrap(),
            (true, _) => "192.168.0.2".parse().unwrap(),
            (false, _) => format!("10.0.{}.{}", chance.below(2), place + 1).parse().unwrap(),
        };
        let six: IpAddr = format!("fd00::{}", place + 1).parse().unwrap();
        let addresses = match chance.below(6) {
            0 => Vec::new(),
            1 => vec![six],
            2 => vec![four, six],
            _ => vec![four],
        };
        let mut named_ports = Vec::new();
        for name in ["web", "dns"] {
            if chance.percent(60) {
                named_ports.push((name, chance.one_of(&Protocol::ALL), chance.one_of(NUMBERS)));
            }
        }
        Pod {
            namespace: namespaces[chance.below(namespaces.len())].name.to_owned(),
            name: format!("pod-{place}"),
            labels,
            host_network,
            finished: chance.percent(8),
            node,
            addresses,
            named_ports,
        }
    }

    /// Some addresses outside of the cluster.
    pub fn addresses(&self, chance: &mut Chance) -> Vec<Address> {
        ["10.0.0.200", "10.9.9.9", "8.8.8.8", "fd00::99", "2001:db8::1", "2001:db8:1::1"]
            .into_iter()
            .filter(|_| chance.percent(50))
            .filter_map(Address::parse)
            .collect()
    }

    /// Some of the ports at which anything can change.
    pub fn ports(&self, chance: &mut Chance) -> Vec<(Protocol, u16)> {
        let numbers = [1, 2, 53, 80, 81, 443, 8080, 65535];
        let all = Protocol::ALL.into_iter().flat_map(|protocol| numbers.map(|number| (protocol, number)));
        all.filter(|_| chance.percent(33)).collect()
    }

    /// Everything as manifests.
    pub fn manifests(&self) -> String {
        let mut objects: Vec<Value> = Vec::new();
        for namespace in self.namespaces.iter().filter(|namespace| namespace.written) {
            objects.push(json!({"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": namespace.name, "labels": labels_json(&namespace.labels)}}));
        }
        for node in &self.nodes {
            objects.push(json!({"apiVersion": "v1", "kind": "Node",
                "metadata": {"name": node.name, "labels": labels_json(&node.labels)},
                "status": {"addresses": [{"type": "InternalIP", "address": node.address.to_string()}]}}));
        }
        for pod in &self.pods {
            let ports: Vec<Value> = pod
                .named_ports
                .iter()
                .map(|(name, protocol, port)| json!({"name": name, "protocol": protocol.as_str(), "containerPort": port}))
                .collect();
            let addresses: Vec<Value> = pod.addresses.iter().map(|ip| json!({"ip": ip.to_string()})).collect();
            objects.push(json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": pod.name, "namespace": pod.namespace, "labels": labels_json(&pod.labels)},
                "spec": {"hostNetwork": pod.host_network, "nodeName": pod.node,
                         "containers": [{"name": "c", "ports": ports}]},
                "status": {"phase": if pod.finished { "Succeeded" } else { "Running" }, "podIPs": addresses}}));
        }
        objects.extend(self.policies.iter().map(Policy::json));
        let texts: Vec<String> = objects.iter().map(|object| serde_json::to_string(object).unwrap()).collect();
        texts.join("\n---\n")
    }
}

fn labels_json(labels: &Labels) -> Value {
    Value::Object(labels.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect())
}

impl Selector {
    fn json(&self) -> Value {
        let expressions: Vec<Value> = self
            .expressions
            .iter()
            .map(|(key, operator, values)| json!({"key": key, "operator": operator, "values": values}))
            .collect();
        json!({"matchLabels": labels_json(&self.labels), "matchExpressions": expressions})
    }
}

impl Policy {
    fn json(&self) -> Value {
        if self.kind == Kind::Np {
            let mut spec = json!({"podSelector": self.subject.1.json()});
            let list = |rules: &[Rule], side: &str| -> Value { rules.iter().map(|rule| np_rule(rule, side)).collect() };
            if let Some((ingress, egress)) = self.types {
                let types: Vec<&str> =
                    [(ingress, "Ingress"), (egress, "Egress")].into_iter().filter(|it| it.0).map(|it| it.1).collect();
                spec["policyTypes"] = json!(types);
            }
            spec["ingress"] = list(&self.ingress, "from");
            spec["egress"] = list(&self.egress, "to");
            return json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                          "metadata": {"name": self.name, "namespace": self.namespace}, "spec": spec});
        }
        let (version, kind) = match self.kind {
            Kind::Anp => ("v1alpha1", "AdminNetworkPolicy"),
            Kind::Banp => ("v1alpha1", "BaselineAdminNetworkPolicy"),
            _ => ("v1alpha2", "ClusterNetworkPolicy"),
        };
        let new = version == "v1alpha2";
        let list =
            |rules: &[Rule], side: &str| -> Value { rules.iter().map(|rule| rule.cluster_json(side, new)).collect() };
        let mut spec = json!({
            "subject": {"pods": {"namespaceSelector": self.subject.0.json(), "podSelector": self.subject.1.json()}},
            "ingress": list(&self.ingress, "from"), "egress": list(&self.egress, "to")});
        if self.kind != Kind::Banp {
            spec["priority"] = json!(self.priority);
        }
        if new {
            spec["tier"] = json!(if self.kind == Kind::CnpAdmin { "Admin" } else { "Baseline" });
        }
        json!({"apiVersion": format!("policy.networking.k8s.io/{version}"), "kind": kind,
               "metadata": {"name": self.name}, "spec": spec})
    }
}

fn np_rule(rule: &Rule, side: &str) -> Value {
    let peers: Vec<Value> = rule
        .peers
        .iter()
        .map(|peer| match peer {
            Peer::Own(pods) => json!({"podSelector": pods.json()}),
            Peer::Pods(namespaces, pods) => {
                json!({"namespaceSelector": namespaces.json(), "podSelector": pods.json()})
            }
            Peer::Block(cidr, except) => json!({"ipBlock": {"cidr": cidr, "except": except}}),
            _ => Value::Null,
        })
        .collect();
    let ports: Vec<Value> = rule
        .ports
        .iter()
        .map(|port| match port {
            Port::Named(protocol, name) => json!({"port": name, "protocol": protocol.map(Protocol::as_str)}),
            Port::Range(protocol, 1, 65535) => json!({"protocol": protocol.as_str()}),
            Port::Range(protocol, first, last) if first == last => {
                json!({"protocol": protocol.as_str(), "port": first})
            }
            Port::Range(protocol, first, last) => {
                json!({"protocol": protocol.as_str(), "port": first, "endPort": last})
            }
        })
        .collect();
    json!({side: peers, "ports": ports})
}

impl Rule {
    fn cluster_json(&self, side: &str, new: bool) -> Value {
        let peers: Vec<Value> = self
            .peers
            .iter()
            .map(|peer| match peer {
                Peer::Pods(namespaces, pods) if pods.labels.is_empty() && pods.expressions.is_empty() => {
                    json!({"namespaces": namespaces.json()})
                }
                Peer::Pods(namespaces, pods) => {
                    json!({"pods": {"namespaceSelector": namespaces.json(), "podSelector": pods.json()}})
                }
                Peer::Block(cidr, _) => json!({"networks": [cidr]}),
                Peer::Nodes(selector) => json!({"nodes": selector.json()}),
                Peer::Domains => json!({"domainNames": ["*.example.com"]}),
                Peer::Own(_) | Peer::Strange => json!({"galaxies": {}}),
            })
            .collect();
        let ports: Vec<Value> =
            self.ports.iter().map(|port| if new { new_port(port) } else { old_port(port) }).collect();
        let action = if new && self.action == "Allow" { "Accept" } else { self.action };
        let mut rule = json!({"action": action, side: peers});
        if !ports.is_empty() {
            rule[if new { "protocols" } else { "ports" }] = json!(ports);
        }
        rule
    }
}

fn old_port(port: &Port) -> Value {
    match port {
        Port::Named(_, name) => json!({"namedPort": name}),
        Port::Range(protocol, first, last) if first == last => {
            json!({"portNumber": {"protocol": protocol.as_str(), "port": first}})
        }
        Port::Range(protocol, first, last) => {
            json!({"portRange": {"protocol": protocol.as_str(), "start": first, "end": last}})
        }
    }
}

fn new_port(port: &Port) -> Value {
    match port {
        Port::Named(_, name) => json!({"destinationNamedPort": name}),
        Port::Range(protocol, 1, 65535) => json!({protocol.as_str().to_lowercase(): {}}),
        Port::Range(protocol, first, last) if first == last => {
            json!({protocol.as_str().to_lowercase(): {"destinationPort": {"number": first}}})
        }
        Port::Range(protocol, first, last) => {
            json!({protocol.as_str().to_lowercase(): {"destinationPort": {"range": {"start": first, "end": last}}}})
        }
    }
}
