//! Budgets and the pods of a snapshot that they cover.

use super::{
    Owners, Snapshot,
    objects::{cluster_wide::PodDisruptionBudget, pod::Pod},
};
use crate::rules::budget::CoveredPod;

/// The pods that a budget covers, whatever their phase.
pub fn pods_of<'s>(snapshot: &'s Snapshot, budget: &'s PodDisruptionBudget) -> impl Iterator<Item = &'s Pod> {
    snapshot.pods_in(&budget.meta.namespace).iter().filter(|pod| budget.spec.covers(&pod.meta.labels))
}

/// The budgets that cover a pod.
pub fn over<'s>(snapshot: &'s Snapshot, pod: &Pod) -> impl Iterator<Item = &'s PodDisruptionBudget> {
    snapshot.budgets_in(&pod.meta.namespace).iter().filter(|budget| budget.spec.covers(&pod.meta.labels))
}

/// Whether a budget covers a pod.
#[must_use]
pub fn covers(budget: &PodDisruptionBudget, pod: &Pod) -> bool {
    pod.meta.namespace == budget.meta.namespace && budget.spec.covers(&pod.meta.labels)
}

/// A pod as the arithmetic of budgets takes it.
#[must_use]
pub fn covered<'a>(pod: &'a Pod, owners: &'a Owners<'_>) -> CoveredPod<'a> {
    CoveredPod {
        name: &pod.meta.name,
        ready: pod.ready == Some(true),
        deleting: pod.meta.deleting.is_some(),
        finished: pod.is_finished(),
        scale: owners.scale(pod),
    }
}
