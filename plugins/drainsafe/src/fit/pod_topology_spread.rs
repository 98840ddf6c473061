//! PodTopologySpread: the constraints with DoNotSchedule (`plugins/podtopologyspread/{common,filtering}.go`).

use std::sync::Arc;

use patchkit::rules::{
    LabelSelector, Labels,
    pod::{PodSpec, TopologySpreadConstraint},
    taint::first_untolerated,
};

use super::{
    candidate::Candidate,
    filter::Reason,
    index::{Index, NodeState},
    node_affinity::RequiredAffinity,
    topology::Topology,
};

/// What is counted before any node is looked at.
#[derive(Debug)]
pub(super) struct Spread {
    constraints: Vec<Counted>,
}

/// One constraint with the matching pods of each domain.
#[derive(Debug)]
struct Counted {
    topology: Arc<Topology>,
    max_skew: i64,
    /// 1 where the pod itself is counted where it goes.
    own: i64,
    /// The fewest matching pods of any eligible domain.
    fewest: i64,
    matching: Vec<i64>,
}

/// The selector of a constraint; an absent one matches nothing.
struct Selector<'a> {
    selector: Option<&'a LabelSelector>,
    /// Values of the pod's own labels that must match too (`matchLabelKeys`).
    own_labels: Vec<(&'a str, &'a str)>,
}

impl<'a> Selector<'a> {
    fn of(constraint: &'a TopologySpreadConstraint, labels: &'a Labels) -> Self {
        let keys = constraint.match_label_keys.iter();
        let own_labels = keys.filter_map(|key| Some((key.as_str(), labels.get(key)?))).collect();
        Self { selector: constraint.label_selector.as_ref(), own_labels }
    }

    /// An empty selector matches the pod itself but counts no existing pod, as upstream has it.
    fn is_empty(&self) -> bool {
        self.selector.is_some_and(LabelSelector::is_empty) && self.own_labels.is_empty()
    }

    fn matches(&self, labels: &Labels) -> bool {
        self.selector.is_some_and(|selector| selector.matches(labels))
            && self.own_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
    }
}

/// Counts the matching pods by domain; `None` where no constraint filters.
pub(super) fn prepare(candidate: &Candidate, index: &Index<'_>, affinity: &RequiredAffinity<'_>) -> Option<Spread> {
    let constraints: Vec<&TopologySpreadConstraint> = candidate
        .spec
        .topology_spread_constraints
        .iter()
        .filter(|constraint| matches!(constraint.when_unsatisfiable.as_str(), "DoNotSchedule" | ""))
        .collect();
    if constraints.is_empty() {
        return None;
    }
    let topologies: Vec<Arc<Topology>> = constraints.iter().map(|it| index.topology(&it.topology_key)).collect();
    let has_all_keys = |node: usize| topologies.iter().all(|topology| topology.domain(node).is_some());
    let counted = constraints.iter().zip(&topologies).map(|(constraint, topology)| {
        let selector = Selector::of(constraint, &candidate.labels);
        let per_node = if selector.is_empty() {
            vec![0; index.nodes().len()]
        } else {
            index.count_live_pods(&candidate.namespace, |labels| selector.matches(labels))
        };
        let mut matching = vec![None; topology.count()];
        for (number, node) in index.nodes().iter().enumerate() {
            let Some(domain) = topology.domain(number) else { continue };
            if has_all_keys(number) && counts(constraint, &candidate.spec, affinity, node) {
                *matching[domain].get_or_insert(0) += per_node[number];
            }
        }
        let eligible = matching.iter().flatten().count();
        let fewest = matching.iter().flatten().copied().min().unwrap_or(i64::from(i32::MAX));
        let too_few_domains =
            i64::try_from(eligible).unwrap_or(i64::MAX) < i64::from(constraint.min_domains.unwrap_or(1));
        Counted {
            topology: Arc::clone(topology),
            max_skew: i64::from(constraint.max_skew),
            own: i64::from(selector.matches(&candidate.labels)),
            fewest: if too_few_domains { 0 } else { fewest },
            matching: matching.into_iter().map(Option::unwrap_or_default).collect(),
        }
    });
    Some(Spread { constraints: counted.collect() })
}

/// Whether a node and its pods count for a constraint.
fn counts(
    constraint: &TopologySpreadConstraint,
    spec: &PodSpec,
    affinity: &RequiredAffinity<'_>,
    node: &NodeState<'_>,
) -> bool {
    let honours_affinity = constraint.node_affinity_policy.as_deref() != Some("Ignore");
    let honours_taints = constraint.node_taints_policy.as_deref() == Some("Honor");
    (!honours_affinity || affinity.matches(node.node))
        && (!honours_taints || first_untolerated(&node.taints, &spec.tolerations).is_none())
}

impl Spread {
    /// Whether the pod may be put on this node.
    pub(super) fn filter(&self, node: usize) -> Result<(), Reason> {
        for constraint in &self.constraints {
            let Some(domain) = constraint.topology.domain(node) else {
                return Err(Reason::from(
                    "node(s) didn't match pod topology spread constraints (missing required label)",
                ));
            };
            if constraint.matching[domain] + constraint.own - constraint.fewest > constraint.max_skew {
                return Err(Reason::from("node(s) didn't match pod topology spread constraints"));
            }
        }
        Ok(())
    }
}
