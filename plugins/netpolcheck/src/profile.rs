//! What the standard leaves open, and how network plugins fill it.
//!
//! Sources: the website's network-policies page ("hostNetwork pods", "Behavior of `to` and `from` selectors", "What
//! you can't do with network policies"), the e2e tests `test/e2e/network/netpol` (an ipBlock matches pods), Calico's
//! "Host endpoints" and Cilium's "Layer 3 policies" (a CIDR never matches what Cilium manages, nor nodes unless
//! `policy-cidr-match-mode` says so), `kubectl-netpol`'s `netpol-analyzer` for its own reading.

use std::fmt;

use clap::ValueEnum;
use patchkit::snapshot::Snapshot;
use serde::{Serialize, Serializer};

/// A way to read what the standard leaves open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Profile {
    /// As the conformance tests and the documentation of Kubernetes have it
    #[default]
    Strict,
    /// As Calico has it
    Calico,
    /// As Cilium has it
    Cilium,
    /// As netpol-analyzer reads it: an ipBlock never matches pods, pods in the host's network and finished pods count
    Analyzer,
}

/// The points in which profiles differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Semantics {
    /// An ipBlock matches the addresses of pods.
    pub blocks_match_pods: Matching,
    /// An ipBlock matches the addresses of nodes, and so of pods in the host's network.
    pub blocks_match_nodes: Matching,
    /// Pods in the host's network are like other pods: selectors select them and their policies hold.
    pub host_pods_are_pods: bool,
    /// Pods that have ended still count.
    pub finished_pods_count: bool,
    /// What runs on a pod's own node reaches the pod, whatever the policies say.
    pub own_node_reaches: bool,
    /// `nodes` and `domainNames` of cluster-wide policies are understood; where not, they match nothing.
    pub knows_experimental_peers: bool,
    /// IPv6 is looked at.
    pub ipv6: bool,
}

/// Whether something matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It depends on who is asked.
    Maybe,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Strict, Self::Calico, Self::Cilium, Self::Analyzer];

    /// The word on the command line and in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Calico => "calico",
            Self::Cilium => "cilium",
            Self::Analyzer => "analyzer",
        }
    }

    /// What it says of each point.
    #[must_use]
    pub const fn semantics(self) -> Semantics {
        let strict = Semantics {
            blocks_match_pods: Matching::Yes,
            blocks_match_nodes: Matching::Yes,
            host_pods_are_pods: false,
            finished_pods_count: false,
            own_node_reaches: true,
            knows_experimental_peers: true,
            ipv6: true,
        };
        match self {
            Self::Strict | Self::Calico => strict,
            Self::Cilium => Semantics { blocks_match_pods: Matching::No, blocks_match_nodes: Matching::No, ..strict },
            Self::Analyzer => Semantics {
                blocks_match_pods: Matching::No,
                blocks_match_nodes: Matching::No,
                host_pods_are_pods: true,
                finished_pods_count: true,
                own_node_reaches: false,
                knows_experimental_peers: false,
                ipv6: false,
            },
        }
    }

    /// The profile of the network plugin that a cluster runs, by the DaemonSet that every node has, with the object
    /// that shows it.
    #[must_use]
    pub fn seen_in(snapshot: &Snapshot) -> Option<(Self, String)> {
        let named = |name: &str| match name {
            "cilium" => Some(Self::Cilium),
            "calico-node" | "canal" => Some(Self::Calico),
            _ => None,
        };
        let workloads = snapshot.workloads.iter().map(|workload| ("DaemonSet", workload.kind.as_str(), &workload.meta));
        workloads
            .filter(|(wanted, kind, _)| wanted == kind)
            .find_map(|(kind, _, meta)| Some((named(&meta.name)?, meta.object_ref(kind).display())))
            .or_else(|| {
                snapshot.pods.iter().find_map(|pod| {
                    let app = pod.meta.labels.get("k8s-app")?;
                    Some((named(app)?, pod.meta.object_ref("Pod").display()))
                })
            })
    }
}

impl Semantics {
    /// The same, with every point on which the profiles differ left open. What is certain under it is certain under
    /// each of them.
    #[must_use]
    pub const fn undecided(self) -> Self {
        Self { blocks_match_pods: Matching::Maybe, blocks_match_nodes: Matching::Maybe, ..self }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Profile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
