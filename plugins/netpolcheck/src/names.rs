//! What peers are called.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    address::{Family, written},
    engine::{Analysis, Peer, View},
    range_set::RangeSet,
    world::PodId,
};

/// A peer as reports name it: a workload or a pod by kind, namespace and name, or a block of addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerRef {
    /// `Deployment`, `Pod`, …; `IPBlock` for addresses.
    pub kind: String,
    /// The namespace; absent for addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name; absent for addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `a.b.c.d-e.f.g.h`, each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<String>,
    /// Its pods use the network of their nodes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub host_network: bool,
}

impl PeerRef {
    /// A peer of an analysis.
    #[must_use]
    pub fn of(analysis: &Analysis<'_>, view: View, peer: &Peer) -> Self {
        let host_network = peer.pods.iter().any(|pod| analysis.world.pod(*pod).in_host_network);
        match (view, peer.pods.as_slice()) {
            (View::Pods, [pod]) => Self { host_network, ..Self::of_pod(analysis, *pod) },
            _ => {
                let owner = analysis.world.owner(peer.owner);
                Self { host_network, ..Self::named(&owner.kind, &owner.namespace, &owner.name) }
            }
        }
    }

    /// A pod; one that stands for a workload's pods is called by the workload.
    #[must_use]
    pub fn of_pod(analysis: &Analysis<'_>, pod: PodId) -> Self {
        let facts = analysis.world.pod(pod);
        let owner = analysis.world.owner(facts.owner);
        let kind = if facts.from_template { owner.kind.as_str() } else { "Pod" };
        let named = Self::named(kind, facts.namespace, &facts.meta.name);
        Self { host_network: facts.in_host_network, ..named }
    }

    /// An object by its kind, namespace and name.
    #[must_use]
    pub fn named(kind: &str, namespace: &str, name: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            namespace: Some(namespace.to_owned()),
            name: Some(name.to_owned()),
            ranges: Vec::new(),
            host_network: false,
        }
    }

    /// Addresses outside of the cluster.
    #[must_use]
    pub fn outside(family: Family, addresses: &RangeSet<u128>) -> Self {
        Self {
            kind: "IPBlock".to_owned(),
            namespace: None,
            name: None,
            ranges: written(family, addresses).collect(),
            host_network: false,
        }
    }

    /// As JSON, on one line.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// For people: `shop/web`, or the addresses.
    #[must_use]
    pub fn display(&self) -> String {
        match (&self.namespace, &self.name) {
            (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
            _ => self.ranges.iter().map(|range| short_range(range)).collect::<Vec<_>>().join(", "),
        }
    }
}

/// A range for people: one address once, and a whole family in words.
fn short_range(range: &str) -> String {
    match range.split_once('-') {
        Some(("0.0.0.0", "255.255.255.255")) => "any IPv4".to_owned(),
        Some(("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")) => "any IPv6".to_owned(),
        Some((first, last)) if first == last => first.to_owned(),
        _ => range.to_owned(),
    }
}

/// Names for people of many peers: `shop/web`, with the kind where two would be called the same.
#[must_use]
pub fn labels(peers: &[PeerRef]) -> Vec<String> {
    let plain: Vec<String> = peers.iter().map(PeerRef::display).collect();
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for name in &plain {
        *count.entry(name).or_default() += 1;
    }
    let label = |(peer, name): (&PeerRef, &String)| {
        if count.get(name.as_str()).is_some_and(|count| *count > 1) {
            format!("{name} [{}]", peer.kind)
        } else {
            name.clone()
        }
    };
    peers.iter().zip(&plain).map(label).collect()
}
