//! Room on nodes as numbers: for choosing between nodes, and for proofs about what is left.

use patchkit::rules::{Labels, requests};
use rustc_hash::FxHashMap;

use super::{
    amounts::Amounts,
    candidate::Candidate,
    index::Index,
    inter_pod_affinity::{anti_affinity_terms, has_affinity},
    node_ports::host_ports,
    storage::has_filtered_volumes,
};

/// Parts of a whole.
const WHOLE: i128 = 1_000_000;

impl Candidate {
    pub(crate) fn requests(&self) -> Amounts {
        Amounts::of(&requests::of_spec(&self.spec))
    }

    /// Whether its required anti-affinity may keep a pod with these labels away, in whatever namespace.
    pub(crate) fn may_shun(&self, labels: &Labels) -> bool {
        let selects = |term: &patchkit::rules::pod::PodAffinityTerm| {
            term.label_selector.as_ref().is_some_and(|selector| selector.matches(labels))
        };
        anti_affinity_terms(&self.spec).iter().any(selects)
    }
}

impl Index<'_> {
    /// How full a node would be with the pod, in millionths: the mean of cpu and memory, as LeastAllocated and
    /// MostAllocated score (`plugins/noderesources`).
    pub(crate) fn load_with(&self, wanted: &Amounts, node: usize) -> i128 {
        let state = &self.nodes()[node];
        let share = |taken: i64, wanted: i64, has: i64| {
            if has > 0 { (i128::from(taken) + i128::from(wanted)) * WHOLE / i128::from(has) } else { WHOLE }
        };
        let (taken, has) = (&state.requested, &state.allocatable);
        (share(taken.cpu, wanted.cpu, has.cpu) + share(taken.memory, wanted.memory, has.memory)) / 2
    }

    /// How large a pod is beside the largest node, in millionths of its cpu or memory, whichever is more.
    pub(crate) fn share_of(&self, candidate: &Candidate) -> u64 {
        let wanted = candidate.requests();
        let most =
            |of: fn(&Amounts) -> i64| self.nodes().iter().map(|it| of(&it.allocatable)).max().unwrap_or(0).max(1);
        let share = |wanted: i64, most: i64| i128::from(wanted) * WHOLE / i128::from(most);
        let largest = share(wanted.cpu, most(|it| it.cpu)).max(share(wanted.memory, most(|it| it.memory)));
        u64::try_from(largest).unwrap_or(0)
    }

    /// Whether other new pods can keep this one from a node by nothing but the room that they take.
    pub(crate) fn only_room_decides(&self, candidate: &Candidate) -> bool {
        let spec = &candidate.spec;
        let spreads = spec.topology_spread_constraints.iter().any(|it| it.when_unsatisfiable != "ScheduleAnyway");
        !spreads && !has_affinity(spec) && !has_filtered_volumes(spec) && host_ports(spec).is_empty()
    }

    /// The first of these nodes that had room for the pod if all pods of a lower priority were gone.
    pub(crate) fn room_without_lower(&self, candidate: &Candidate, nodes: &[usize], priority: i32) -> Option<usize> {
        if nodes.is_empty() {
            return None;
        }
        let mut lower: FxHashMap<usize, (i64, Amounts)> = FxHashMap::default();
        for (number, pod) in self.snapshot().pods.iter().enumerate() {
            if pod.spec.priority.unwrap_or_default() < priority
                && let Some((node, requests)) = self.taken_by(number)
            {
                let of_node = lower.entry(node).or_default();
                of_node.0 += 1;
                of_node.1.add(requests);
            }
        }
        let wanted = candidate.requests();
        nodes.iter().copied().find(|node| {
            lower.get(node).is_some_and(|(pods, requests)| {
                let mut without = self.nodes()[*node].clone();
                without.pods -= pods;
                without.requested.subtract(requests);
                super::node_resources_fit::filter(&wanted, &without).is_ok()
            })
        })
    }
}

/// What several pods request together.
#[derive(Clone, Debug, Default)]
pub(crate) struct RoomSum {
    pods: i64,
    sum: Amounts,
}

impl RoomSum {
    pub(crate) fn of<'a>(candidates: impl Iterator<Item = &'a Candidate>) -> Self {
        let mut all = Self::default();
        for candidate in candidates {
            all.pods += 1;
            all.sum.add(&candidate.requests());
        }
        all
    }

    /// For each resource that the pod needs: what is left beside it on each of the nodes, and what the others request in
    /// all.
    pub(crate) fn beside(&self, index: &Index<'_>, candidate: &Candidate, nodes: &[usize]) -> Vec<(Vec<i64>, i64)> {
        let wanted = candidate.requests();
        let states = || nodes.iter().map(|node| &index.nodes()[*node]);
        let mut all = vec![(states().map(|it| it.most_pods - it.pods - 1).collect(), self.pods - 1)];
        let mut add = |wanted_of: i64, of: &dyn Fn(&Amounts) -> i64, sum: i64| {
            if wanted_of > 0 {
                let left = states().map(|it| of(&it.allocatable) - of(&it.requested) - wanted_of).collect();
                all.push((left, sum - wanted_of));
            }
        };
        add(wanted.cpu, &|it| it.cpu, self.sum.cpu);
        add(wanted.memory, &|it| it.memory, self.sum.memory);
        add(wanted.ephemeral_storage, &|it| it.ephemeral_storage, self.sum.ephemeral_storage);
        for (name, amount) in &wanted.others {
            add(*amount, &|it| it.other(name), self.sum.other(name));
        }
        all
    }
}
