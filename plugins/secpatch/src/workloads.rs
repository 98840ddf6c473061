//! What keeps a service up: rules on Deployments and StatefulSets that more than one command asks for.

use patchkit::{
    report::ObjectRef,
    snapshot::{
        Snapshot,
        objects::workload::{Workload, WorkloadKind},
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

/// Whether a PodDisruptionBudget covers its pods.
pub(crate) fn has_budget(snapshot: &Snapshot, workload: &Workload) -> bool {
    let mut budgets = snapshot.budgets.iter();
    budgets
        .any(|budget| budget.meta.namespace == workload.meta.namespace && budget.spec.covers(&workload.template_labels))
}
