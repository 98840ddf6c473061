//! What a map rests on: how many peers and connections there are, and which open points its answers depend on.

use patchkit::{report::words::count, snapshot::Snapshot};
use serde::Serialize;

use crate::{
    engine::{Analysis, End, PortTable, PortsId, Reach},
    policy::{Policy, Term},
    profile::Matching,
};

/// How much there is in a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MapFacts {
    /// Peers: workloads or pods.
    pub peers: usize,
    /// Pairs of peers, or of a peer and addresses outside, with ports that are certain.
    pub connections: usize,
    /// Pairs with ports for which it depends on something that is not known.
    pub depends: usize,
}

impl MapFacts {
    /// Counts without looking at pairs one by one, but for those on one node.
    #[must_use]
    pub fn of(reach: &Reach<'_>, table: &mut PortTable) -> Self {
        let shown = |side: crate::engine::Side| side.from || side.to;
        let mut facts = Self { peers: reach.peers().iter().filter(|peer| shown(peer.side)).count(), ..Self::default() };
        reach.each(table, |flow, _| {
            let peers = |end: End<'_>| match end {
                End::Group(group) => reach.group(group).peers.len(),
                End::Outside(..) => 1,
            };
            let near = matches!(flow.from, End::Group(group) if reach.group(group).in_host_network);
            if near {
                reach.pairs(flow, |pair| {
                    facts.connections += usize::from(pair.ports != PortsId::NONE);
                    facts.depends += usize::from(pair.depends != PortsId::NONE);
                });
                return;
            }
            let itself = if flow.from == flow.to { peers(flow.from) } else { 0 };
            let pairs = peers(flow.from) * peers(flow.to) - itself;
            facts.connections += if flow.ports == PortsId::NONE { 0 } else { pairs };
            facts.depends += if flow.depends == PortsId::NONE { 0 } else { pairs };
        });
        facts
    }
}

/// A point that the standard leaves open and that matters here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenPoint {
    /// A stable identifier.
    pub id: &'static str,
    /// What is open, and where it matters.
    pub point: String,
    /// How it is read here.
    pub reading: &'static str,
}

/// The open points that matter for these policies and pods.
#[must_use]
pub fn open_points(analysis: &Analysis<'_>, snapshot: &Snapshot) -> Vec<OpenPoint> {
    let semantics = &analysis.semantics;
    let mut points = Vec::new();
    let hosts = analysis.world.pods.iter().filter(|pod| pod.spec.host_network).count();
    if analysis.profile_matters() {
        let policies = with_blocks(analysis);
        points.push(OpenPoint {
            id: "ip-block-and-pods",
            point: format!("whether an ipBlock matches the addresses of pods ({policies})"),
            reading: match semantics.blocks_match_pods {
                Matching::Yes => "it does, as the conformance tests have it",
                Matching::No => "it does not",
                Matching::Maybe => "left open",
            },
        });
    }
    if hosts > 0 {
        points.push(OpenPoint {
            id: "host-network",
            point: format!("what policies mean for {} in the network of their node", count(hosts, "pod")),
            reading: if semantics.host_pods_are_pods {
                "they are pods like others"
            } else {
                "selectors do not select them, and their traffic is that of the node"
            },
        });
        if semantics.own_node_reaches {
            points.push(OpenPoint {
                id: "own-node",
                point: "what runs on the node of a pod".to_owned(),
                reading: "it reaches the pod, whatever the policies say",
            });
        }
    }
    let finished = snapshot.pods.iter().filter(|pod| pod.is_finished()).count();
    if finished > 0 {
        points.push(OpenPoint {
            id: "finished-pods",
            point: format!("{} that have ended", count(finished, "pod")),
            reading: if semantics.finished_pods_count {
                "they count"
            } else {
                "they do not count: their addresses are used again"
            },
        });
    }
    points
}

/// The policies with blocks, for one line.
fn with_blocks(analysis: &Analysis<'_>) -> String {
    let names_block = |policy: &&Policy<'_>| {
        let rules = policy.ingress.iter().chain(&policy.egress).flatten();
        rules.into_iter().any(|rule| match &rule.peers {
            crate::policy::Peers::Any(terms) => {
                terms.iter().any(|term| matches!(analysis.policies.terms.get(*term), Term::Addresses { .. }))
            }
            crate::policy::Peers::Everyone => false,
        })
    };
    let names: Vec<String> = analysis.policies.all.iter().filter(names_block).map(Policy::display).collect();
    patchkit::report::words::summary(&names)
}
