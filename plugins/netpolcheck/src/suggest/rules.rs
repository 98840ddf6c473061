//! Wishes as the rules of a NetworkPolicy, in the API's own form.

use std::collections::BTreeMap;

use patchkit::rules::{LabelSelector, Operator, Requirement};
use serde_json::{Value, json};

use super::{
    select::{Selection, select},
    wish::{Allowed, Peer},
};
use crate::{
    address::{Family, cidrs},
    engine::Analysis,
    policy::Direction,
    ports::PortSet,
    range_set::RangeSet,
    world::OwnerId,
};

/// The label with a namespace's name, which the API server sets itself.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Those who have the same ports: by labels, and by addresses.
type Alike = (Vec<Peer>, BTreeMap<Family, RangeSet<u128>>);

/// Makes rules; remembers the selectors that it has found.
pub struct RuleMaker<'a> {
    analysis: &'a Analysis<'a>,
    known: BTreeMap<OwnerId, Selection>,
}

impl<'a> RuleMaker<'a> {
    /// For the workloads of an analysis.
    #[must_use]
    pub fn new(analysis: &'a Analysis<'a>) -> Self {
        Self { analysis, known: BTreeMap::new() }
    }

    /// The selector for a workload.
    pub fn selection(&mut self, owner: OwnerId) -> &Selection {
        self.known.entry(owner).or_insert_with(|| select(self.analysis, owner))
    }

    /// Every selector that was needed.
    pub fn selections(&self) -> impl Iterator<Item = (OwnerId, &Selection)> {
        self.known.iter().map(|(owner, selection)| (*owner, selection))
    }

    /// The rules of one direction, for a policy of this namespace.
    pub fn rules(&mut self, allowed: &Allowed, direction: Direction, namespace: &str) -> Vec<Value> {
        let side = if direction == Direction::Ingress { "from" } else { "to" };
        let mut by_ports: BTreeMap<PortSet, Alike> = BTreeMap::new();
        for (peer, ports) in self.least(allowed) {
            by_ports.entry(ports).or_default().0.push(peer);
        }
        let everyone = allowed.peers.get(&Peer::Everyone).cloned().unwrap_or_default();
        for (family, sets) in &allowed.outside {
            for (addresses, ports) in sets {
                let ports = ports.difference(&everyone);
                if !ports.is_empty() {
                    let known = by_ports.entry(ports).or_default().1.entry(*family).or_default();
                    *known = known.union(addresses);
                }
            }
        }
        let mut rules = Vec::new();
        for (ports, (peers, outside)) in by_ports {
            let mut rule = json!({});
            if !ports.is_all() {
                rule["ports"] = ports_of(&ports);
            }
            if !peers.contains(&Peer::Everyone) {
                let mut list = self.peers(&peers, namespace);
                list.extend(outside.iter().flat_map(|(family, addresses)| blocks(*family, addresses)));
                // An empty list would mean everyone.
                if list.is_empty() {
                    continue;
                }
                rule[side] = list.into();
            }
            rules.push(rule);
        }
        rules
    }

    /// Peers without what a wider one allows already.
    fn least(&self, allowed: &Allowed) -> Vec<(Peer, PortSet)> {
        let of = |peer: &Peer| allowed.peers.get(peer).cloned().unwrap_or_default();
        let (everyone, every_pod) = (of(&Peer::Everyone), of(&Peer::EveryPod));
        let mut least = Vec::new();
        for (peer, ports) in &allowed.peers {
            let wider = match peer {
                Peer::Everyone => PortSet::default(),
                Peer::EveryPod => everyone.clone(),
                Peer::Namespace(_) | Peer::UsualDns => everyone.union(&every_pod),
                Peer::Owner(owner) => {
                    let namespace = self.analysis.world.owner(*owner).namespace.clone();
                    everyone.union(&every_pod).union(&of(&Peer::Namespace(namespace)))
                }
            };
            let left = ports.difference(&wider);
            if !left.is_empty() {
                least.push((peer.clone(), left));
            }
        }
        least
    }

    fn peers(&mut self, peers: &[Peer], namespace: &str) -> Vec<Value> {
        let mut list = Vec::new();
        let mut owners: BTreeMap<String, Vec<OwnerId>> = BTreeMap::new();
        for peer in peers {
            match peer {
                Peer::Everyone => {}
                Peer::EveryPod => list.push(json!({"namespaceSelector": {}})),
                Peer::Namespace(name) if name == namespace => list.push(json!({"podSelector": {}})),
                Peer::Namespace(name) => list.push(json!({"namespaceSelector": named(name)})),
                Peer::UsualDns => list.push(json!({
                    "namespaceSelector": named("kube-system"),
                    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
                })),
                Peer::Owner(owner) => {
                    owners.entry(self.analysis.world.owner(*owner).namespace.clone()).or_default().push(*owner);
                }
            }
        }
        for (of, owners) in owners {
            for selector in self.merged(&owners) {
                let mut peer = json!({"podSelector": selector_json(&selector)});
                if of != namespace {
                    peer["namespaceSelector"] = named(&of);
                }
                list.push(peer);
            }
        }
        list
    }

    /// Selectors for several workloads of a namespace: those that ask for one label with different values become one.
    pub fn merged(&mut self, owners: &[OwnerId]) -> Vec<LabelSelector> {
        let mut by_key: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut selectors = Vec::new();
        for owner in owners {
            let selector = self.selection(*owner).selector.clone();
            let mut labels = selector.match_labels.iter();
            match (labels.next(), labels.next(), selector.match_expressions.is_empty()) {
                (Some((key, value)), None, true) => {
                    by_key.entry(key.to_owned()).or_default().push(value.to_owned());
                }
                _ => selectors.push(selector.clone()),
            }
        }
        for (key, mut values) in by_key {
            values.sort();
            values.dedup();
            selectors.push(match values.as_slice() {
                [value] => {
                    let match_labels = [(key.as_str(), value.as_str())].into_iter().collect();
                    LabelSelector { match_labels, match_expressions: Vec::new() }
                }
                _ => {
                    let values = values.iter().map(|value| value.as_str().into()).collect();
                    let requirement = Requirement { key: key.as_str().into(), operator: Operator::In, values };
                    LabelSelector { match_expressions: vec![requirement], ..LabelSelector::default() }
                }
            });
        }
        selectors.sort();
        selectors.dedup();
        selectors
    }
}

/// A selector as the API writes it, without what is empty.
pub(super) fn selector_json(selector: &LabelSelector) -> Value {
    let mut written = json!({});
    if !selector.match_labels.is_empty() {
        written["matchLabels"] = json!(selector.match_labels);
    }
    if !selector.match_expressions.is_empty() {
        let expressions = selector.match_expressions.iter().map(|requirement| {
            let mut written = json!({"key": requirement.key, "operator": requirement.operator});
            if !requirement.values.is_empty() {
                written["values"] = json!(requirement.values);
            }
            written
        });
        written["matchExpressions"] = expressions.collect();
    }
    written
}

fn named(namespace: &str) -> Value {
    json!({"matchLabels": {NAME_LABEL: namespace}})
}

fn ports_of(ports: &PortSet) -> Value {
    ports
        .ranges()
        .map(|range| match (range.first, range.last) {
            (1, u16::MAX) => json!({"protocol": range.protocol}),
            (first, last) if first == last => json!({"protocol": range.protocol, "port": first}),
            (first, last) => json!({"protocol": range.protocol, "port": first, "endPort": last}),
        })
        .collect()
}

/// Addresses as ipBlocks: as blocks one by one, or as everything without some, whichever is shorter.
fn blocks(family: Family, addresses: &RangeSet<u128>) -> Vec<Value> {
    let own = cidrs(family, addresses);
    let except = cidrs(family, &family.whole().difference(addresses));
    if except.len() + 1 < own.len() {
        let whole = cidrs(family, &family.whole());
        return whole.into_iter().map(|cidr| json!({"ipBlock": {"cidr": cidr, "except": except}})).collect();
    }
    own.into_iter().map(|cidr| json!({"ipBlock": {"cidr": cidr}})).collect()
}
