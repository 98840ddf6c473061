//! Selectors that select the pods of a workload, and as few others as can be.

use std::collections::BTreeSet;

use patchkit::rules::{LabelSelector, Operator, Requirement};

use super::resolve::lasts;
use crate::{
    engine::Analysis,
    world::{OwnerId, PodFacts, namespace_of},
};

/// The labels by which people tell applications apart, those that say most first.
const PREFERRED: &[&str] = &[
    "app.kubernetes.io/name",
    "app",
    "k8s-app",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
    "name",
    "component",
    "instance",
    "tier",
    "role",
];

/// A selector for a workload's pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The selector, within the workload's namespace.
    pub selector: LabelSelector,
    /// Other workloads that it selects too, since no label tells them apart.
    pub also: Vec<OwnerId>,
}

/// Finds a selector for the pods of a workload among those of its namespace.
#[must_use]
pub fn select(analysis: &Analysis<'_>, owner: OwnerId) -> Selection {
    let world = &analysis.world;
    let namespace = world.owner(owner).namespace.as_str();
    let (own, others): (Vec<&PodFacts<'_>>, Vec<&PodFacts<'_>>) = world
        .pods
        .iter()
        .filter(|pod| pod.namespace == namespace && !pod.in_host_network)
        .partition(|pod| pod.owner == owner);
    let candidates = common(&own, &kept(analysis, owner));
    let selector = smallest(&candidates, &others).unwrap_or_else(|| with_exceptions(&candidates, &own, &others));
    let also: BTreeSet<OwnerId> =
        others.iter().filter(|pod| selector.matches(pod.labels)).map(|pod| pod.owner).collect();
    Selection { selector, also: also.into_iter().collect() }
}

type Pair = (String, String);

/// Keys that a workload cannot do without, and so keeps from one rollout to the next whatever they are called: those
/// of its own selector, which is immutable. A Job has no next rollout; its name is what lasts.
fn kept<'a>(analysis: &Analysis<'a>, owner: OwnerId) -> BTreeSet<&'a str> {
    let owner = analysis.world.owner(owner);
    if owner.kind == "Job" {
        return BTreeSet::from(["job-name", "batch.kubernetes.io/job-name"]);
    }
    if !matches!(owner.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet") {
        return BTreeSet::new();
    }
    let mut workloads = analysis.snapshot.workloads.iter();
    let own = workloads.find(|workload| {
        workload.kind.as_str() == owner.kind
            && workload.meta.name == owner.name.as_str()
            && namespace_of(&workload.meta) == owner.namespace
    });
    let selector = own.and_then(|workload| workload.selector.as_ref());
    selector.map(|it| it.match_labels.iter().map(|(key, _)| key).collect()).unwrap_or_default()
}

/// The labels that all pods have in common and that last, those that say most first.
fn common(pods: &[&PodFacts<'_>], kept: &BTreeSet<&str>) -> Vec<Pair> {
    let Some((first, rest)) = pods.split_first() else { return Vec::new() };
    let all = first.labels.iter().filter(|(key, value)| rest.iter().all(|pod| pod.labels.get(key) == Some(value)));
    let lasts = |key: &str| lasts(key) || kept.contains(key);
    let mut pairs: Vec<Pair> =
        all.filter(|(key, _)| lasts(key)).map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let rank = |key: &str| PREFERRED.iter().position(|it| *it == key).unwrap_or(PREFERRED.len());
    pairs.sort_by(|(a, _), (b, _)| (rank(a), a).cmp(&(rank(b), b)));
    pairs
}

fn of_pairs<'p>(pairs: impl IntoIterator<Item = &'p Pair>) -> LabelSelector {
    let match_labels = pairs.into_iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    LabelSelector { match_labels, match_expressions: Vec::new() }
}

/// The fewest labels that select none of the others; `None` where there are none.
fn smallest(candidates: &[Pair], others: &[&PodFacts<'_>]) -> Option<LabelSelector> {
    let exact = |selector: &LabelSelector| !others.iter().any(|pod| selector.matches(pod.labels));
    let everybody = LabelSelector::default();
    // A selector without labels would select whatever is made tomorrow; it is for workloads that have none.
    if candidates.is_empty() && exact(&everybody) {
        return Some(everybody);
    }
    if let Some(one) = candidates.iter().map(|one| of_pairs([one])).find(|it| exact(it)) {
        return Some(one);
    }
    for (place, one) in candidates.iter().enumerate() {
        if let Some(two) = candidates[place + 1..].iter().map(|two| of_pairs([one, two])).find(|it| exact(it)) {
            return Some(two);
        }
    }
    if candidates.is_empty() || !exact(&of_pairs(candidates)) {
        return None;
    }
    // Those that say least go first, where the rest does without them.
    let mut kept: Vec<&Pair> = candidates.iter().collect();
    for pair in candidates.iter().rev() {
        let fewer: Vec<&Pair> = kept.iter().copied().filter(|it| *it != pair).collect();
        if exact(&of_pairs(fewer.iter().copied())) {
            kept = fewer;
        }
    }
    Some(of_pairs(kept))
}

/// All labels, and what the others have and these pods have not.
fn with_exceptions(candidates: &[Pair], own: &[&PodFacts<'_>], others: &[&PodFacts<'_>]) -> LabelSelector {
    let mut selector = of_pairs(candidates);
    loop {
        let left: Vec<&&PodFacts<'_>> = others.iter().filter(|pod| selector.matches(pod.labels)).collect();
        if left.is_empty() {
            return selector;
        }
        let keys: BTreeSet<&str> = left
            .iter()
            .chain(&own.iter().collect::<Vec<_>>())
            .flat_map(|pod| pod.labels.iter().map(|(key, _)| key))
            .collect();
        let requirements = keys.into_iter().filter(|key| lasts(key)).filter_map(|key| requirement(key, own));
        let best = requirements
            .map(|it| (left.iter().filter(|pod| !it.matches(pod.labels)).count(), it))
            .max_by(|(a, one), (b, other)| a.cmp(b).then_with(|| other.key.cmp(&one.key)));
        match best {
            Some((1.., requirement)) => selector.match_expressions.push(requirement),
            _ => return selector,
        }
    }
}

/// What a key says of all of these pods: that they do not have it, or which values they have.
fn requirement(key: &str, own: &[&PodFacts<'_>]) -> Option<Requirement> {
    let values: BTreeSet<&str> = own.iter().filter_map(|pod| pod.labels.get(key)).collect();
    if values.is_empty() {
        return Some(Requirement { key: key.into(), operator: Operator::DoesNotExist, values: Vec::new() });
    }
    let all_have_it = own.iter().all(|pod| pod.labels.contains_key(key));
    all_have_it.then(|| Requirement {
        key: key.into(),
        operator: Operator::In,
        values: values.into_iter().map(Into::into).collect(),
    })
}
