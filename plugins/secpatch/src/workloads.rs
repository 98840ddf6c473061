//! What keeps a service up: rules on Deployments and StatefulSets that more than one command asks for.

use std::collections::HashMap;

use patchkit::{
    report::ObjectRef,
    snapshot::{
        Snapshot,
        objects::{
            cluster_wide::PodDisruptionBudget,
            workload::{Workload, WorkloadKind},
        },
    },
};

/// Deployments and StatefulSets that want pods.
pub(crate) fn serving(snapshot: &Snapshot) -> impl Iterator<Item = &Workload> {
    snapshot.workloads.iter().filter(|workload| {
        matches!(workload.kind, WorkloadKind::Deployment | WorkloadKind::StatefulSet) && workload.replicas > 0
    })
}

/// A workload as an object.
pub(crate) fn reference(workload: &Workload) -> ObjectRef {
    workload.meta.object_ref(workload.kind.as_str())
}

/// Whether its pods say when they are ready: without that they count as ready as soon as they have started.
pub(crate) fn says_when_ready(workload: &Workload) -> bool {
    let has_probe = workload.template.containers.iter().any(|container| container.readiness_probe.is_some());
    has_probe || !workload.template.readiness_gates.is_empty()
}

/// PodDisruptionBudgets by namespace.
pub(crate) struct Budgets<'s>(HashMap<&'s str, Vec<&'s PodDisruptionBudget>>);

impl<'s> Budgets<'s> {
    pub(crate) fn of(snapshot: &'s Snapshot) -> Self {
        let mut budgets: HashMap<&str, Vec<&PodDisruptionBudget>> = HashMap::new();
        for budget in &snapshot.budgets {
            budgets.entry(&budget.meta.namespace).or_default().push(budget);
        }
        Self(budgets)
    }

    /// Whether one covers the pods of a workload.
    pub(crate) fn cover(&self, workload: &Workload) -> bool {
        let mut of_namespace = self.0.get(&*workload.meta.namespace).into_iter().flatten();
        of_namespace.any(|budget| budget.spec.covers(&workload.template_labels))
    }
}
