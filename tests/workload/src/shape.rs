//! Which objects a generated cluster has, by number.

/// Mixes a seed and numbers into one number that looks like chance (splitmix64).
#[must_use]
pub fn mix(seed: u64, parts: &[u64]) -> u64 {
    let mut state = seed;
    for part in parts {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15).wrapping_add(*part);
        state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        state ^= state >> 31;
    }
    state
}

/// What owns pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerKind {
    /// One pod on each node.
    DaemonSet,
    /// Through a ReplicaSet.
    Deployment,
    /// With a claim for each pod.
    StatefulSet,
    /// Pods that have ended.
    Job,
}

/// A workload and its pods.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Its number.
    pub number: u64,
    /// What it is.
    pub kind: OwnerKind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The number of its first pod among all pods.
    pub first_pod: u64,
    /// How many pods it has.
    pub pods: u64,
}

/// How many workloads share a namespace.
const WORKLOADS_A_NAMESPACE: u64 = 30;

/// The size of a generated cluster, and where each workload's pods begin.
#[derive(Clone, Debug)]
pub struct Shape {
    /// How many nodes there are.
    pub nodes: u64,
    /// How many pods there are.
    pub pods: u64,
    /// What the chance begins with.
    pub seed: u64,
    daemon_sets: u64,
    /// The number of the first pod of each workload.
    starts: Vec<u64>,
    /// The workloads of each kind, by number.
    groups: Groups,
}

/// Numbers of workloads, so that the n-th object of a kind is found at once.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    /// DaemonSets.
    pub daemon_sets: Vec<u64>,
    /// Deployments.
    pub deployments: Vec<u64>,
    /// StatefulSets.
    pub stateful_sets: Vec<u64>,
    /// Jobs.
    pub jobs: Vec<u64>,
    /// Those that take requests.
    pub served: Vec<u64>,
    /// Those with a disruption budget.
    pub budgeted: Vec<u64>,
    /// The number of the first claim of each StatefulSet, and at the end how many claims there are.
    pub claims: Vec<u64>,
}

impl Shape {
    /// A cluster of this size.
    #[must_use]
    pub fn new(nodes: u64, pods: u64, seed: u64) -> Self {
        // Usual clusters run a network, a proxy and a log agent on each node; small ones get fewer.
        let daemon_sets = (pods.checked_div(nodes).unwrap_or(0) / 2).min(3);
        let mut starts = Vec::new();
        let mut next = 0;
        while next < pods {
            let number = starts.len() as u64;
            starts.push(next);
            next += if number < daemon_sets { nodes } else { Self::size(seed, number) };
        }
        let mut shape = Self { nodes, pods, seed, daemon_sets, starts, groups: Groups::default() };
        shape.groups = shape.group();
        shape
    }

    fn group(&self) -> Groups {
        let mut groups = Groups { claims: vec![0], ..Groups::default() };
        let mut claims = 0;
        for number in 0..self.owners() {
            let owner = self.owner(number);
            match owner.kind {
                OwnerKind::DaemonSet => groups.daemon_sets.push(number),
                OwnerKind::Job => groups.jobs.push(number),
                OwnerKind::Deployment => groups.deployments.push(number),
                OwnerKind::StatefulSet => {
                    groups.stateful_sets.push(number);
                    claims += owner.pods;
                    groups.claims.push(claims);
                }
            }
            if matches!(owner.kind, OwnerKind::Deployment | OwnerKind::StatefulSet) {
                groups.served.push(number);
                if mix(self.seed, &[20, number]) % 10 < 7 {
                    groups.budgeted.push(number);
                }
            }
        }
        groups
    }

    /// The workloads of each kind.
    #[must_use]
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// How many claims there are: one for each pod of a StatefulSet.
    #[must_use]
    pub fn claims(&self) -> u64 {
        self.groups.claims.last().copied().unwrap_or(0)
    }

    /// The StatefulSet and the pod of a claim.
    #[must_use]
    pub fn claimant(&self, claim: u64) -> Option<(Owner, u64)> {
        let index = self.groups.claims.partition_point(|start| *start <= claim).checked_sub(1)?;
        let owner = self.owner(*self.groups.stateful_sets.get(index)?);
        let pod = owner.first_pod + claim - self.groups.claims[index];
        Some((owner, pod))
    }

    /// Most workloads are small and a few are large; the mean is about nine pods.
    fn size(seed: u64, number: u64) -> u64 {
        let chance = mix(seed, &[1, number]);
        match chance % 100 {
            0..30 => 1 + chance / 100 % 2,
            30..70 => 3,
            70..90 => 5 + chance / 100 % 10,
            90..98 => 15 + chance / 100 % 20,
            _ => 60 + chance / 100 % 60,
        }
    }

    /// How many workloads there are.
    #[must_use]
    pub fn owners(&self) -> u64 {
        self.starts.len() as u64
    }

    /// How many namespaces there are beside `kube-system`.
    #[must_use]
    pub fn namespaces(&self) -> u64 {
        self.owners().saturating_sub(self.daemon_sets).div_ceil(WORKLOADS_A_NAMESPACE).max(1)
    }

    /// The name of a namespace.
    #[must_use]
    pub fn namespace(number: u64) -> String {
        format!("team-{number:04}")
    }

    /// The workload with this number.
    #[must_use]
    pub fn owner(&self, number: u64) -> Owner {
        let first_pod = self.starts[number as usize];
        let end = self.starts.get(number as usize + 1).copied().unwrap_or(self.pods);
        let (kind, namespace, name) = if number < self.daemon_sets {
            let name = ["kube-proxy", "log-agent", "node-network"][number as usize];
            (OwnerKind::DaemonSet, "kube-system".to_owned(), name.to_owned())
        } else {
            let chance = mix(self.seed, &[2, number]) % 100;
            let kind = match chance {
                0..86 => OwnerKind::Deployment,
                86..94 => OwnerKind::StatefulSet,
                _ => OwnerKind::Job,
            };
            let word = ["api", "cache", "checkout", "ledger", "mailer", "orders", "search", "web"]
                [(mix(self.seed, &[3, number]) % 8) as usize];
            let namespace = Self::namespace((number - self.daemon_sets) / WORKLOADS_A_NAMESPACE);
            (kind, namespace, format!("{word}-{number:05}"))
        };
        Owner { number, kind, namespace, name, first_pod, pods: end - first_pod }
    }

    /// The number of the workload that this pod belongs to.
    #[must_use]
    pub fn owner_of(&self, pod: u64) -> u64 {
        self.starts.partition_point(|start| *start <= pod).saturating_sub(1) as u64
    }

    /// The node that a pod runs on.
    #[must_use]
    pub fn node_of(&self, owner: &Owner, pod: u64) -> u64 {
        match owner.kind {
            OwnerKind::DaemonSet => (pod - owner.first_pod) % self.nodes.max(1),
            _ => mix(self.seed, &[4, pod]) % self.nodes.max(1),
        }
    }

    /// The name of a node.
    #[must_use]
    pub fn node_name(node: u64) -> String {
        format!("ip-10-{}-{}-{}.eu-west-1.compute.internal", node >> 16 & 255, node >> 8 & 255, node & 255)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pod_has_one_owner() {
        let shape = Shape::new(20, 700, 7);
        let mut next = 0;
        for number in 0..shape.owners() {
            let owner = shape.owner(number);
            assert_eq!(owner.first_pod, next);
            assert!(owner.pods > 0);
            assert_eq!(shape.owner_of(owner.first_pod), number);
            assert_eq!(shape.owner_of(owner.first_pod + owner.pods - 1), number);
            next += owner.pods;
        }
        assert_eq!(next, 700);
        for claim in 0..shape.claims() {
            let (owner, pod) = shape.claimant(claim).unwrap();
            assert_eq!(shape.owner_of(pod), owner.number);
            assert_eq!(owner.kind, OwnerKind::StatefulSet);
        }
        assert!(shape.claimant(shape.claims()).is_none());
    }
}
