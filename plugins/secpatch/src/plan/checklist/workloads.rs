//! Checks on workloads: what an update of the nodes would interrupt.

use patchkit::{
    report::{CheckStatus, ObjectRef, Severity},
    rules::image::ImageRef,
    snapshot::{
        Kind, kinds,
        objects::workload::{Workload, WorkloadKind},
    },
};

use super::{Check, Subject, count, unread};
use crate::{
    plan::model::ChecklistLine,
    workloads::{Budgets, reference, says_when_ready, serving},
};

/// The kinds that keep a service up.
const SERVING: [Kind; 2] = [kinds::DEPLOYMENTS, kinds::STATEFUL_SETS];

pub(super) fn frozen_registry(subject: Subject<'_>) -> ChecklistLine {
    let check = Check {
        id: "frozen-registry",
        title: "No image comes from the frozen registry k8s.gcr.io",
        severity: Severity::High,
        action: "pull from registry.k8s.io: a new node has nothing cached, and k8s.gcr.io gets no image since April 2023",
    };
    let snapshot = subject.snapshot;
    let unread = unread(snapshot, &[kinds::PODS]).filter(|_| snapshot.workloads.is_empty());
    let is_frozen = |image: &str| image.parse::<ImageRef>().is_ok_and(|image| image.thawed().is_some());
    let mut objects = Vec::new();
    let mut images = 0;
    // What a workload makes is told by the workload; its pods and ReplicaSets would say the same again.
    let templates = snapshot
        .workloads
        .iter()
        .filter(|workload| !workload.is_owned())
        .map(|workload| (reference(workload), &workload.template));
    let alone = snapshot
        .pods
        .iter()
        .filter(|pod| pod.meta.controller().is_none_or(|owner| owner.kind == "Node"))
        .map(|pod| (pod.meta.object_ref("Pod"), &pod.spec));
    for (object, spec) in templates.chain(alone) {
        for (_, container) in spec.all_containers() {
            images += 1;
            if container.image.as_deref().is_some_and(is_frozen) {
                objects.push(ObjectRef { container: Some(container.name.to_string()), ..object.clone() });
            }
        }
    }
    check.none_of(
        CheckStatus::Fail,
        objects,
        unread,
        &format!("{} looked at", count(images, "container image")),
        |number| format!("{} of {images} pull from it", count(number, "container")),
    )
}

pub(super) fn single_replica(subject: Subject<'_>) -> ChecklistLine {
    let check = Check {
        id: "single-replica",
        title: "Every workload has more than one replica",
        severity: Severity::Medium,
        action: "scale to two or more, or accept the interruption (drainsafe can surge a single replica while its node drains)",
    };
    let snapshot = subject.snapshot;
    let unread = unread(snapshot, &SERVING);
    let total = serving(snapshot).count();
    let single = serving(snapshot).filter(|workload| workload.replicas == 1).map(reference).collect();
    check.none_of(
        CheckStatus::Warn,
        single,
        unread,
        &format!("{}, none with a single one", count(total, "workload")),
        |number| format!("{number} of {} have a single one", count(total, "workload")),
    )
}

pub(super) fn readiness_probes(subject: Subject<'_>) -> ChecklistLine {
    let check = Check {
        id: "readiness-probes",
        title: "Every workload says when it is ready",
        severity: Severity::Medium,
        action: "add a readinessProbe: without one a pod counts as ready as soon as it has started, and the next one is evicted",
    };
    let snapshot = subject.snapshot;
    let unread = unread(snapshot, &SERVING);
    let total = serving(snapshot).count();
    let without = serving(snapshot).filter(|workload| !says_when_ready(workload)).map(reference).collect();
    check.none_of(
        CheckStatus::Warn,
        without,
        unread,
        &format!("{}, each with a probe", count(total, "workload")),
        |number| format!("{number} of {} have none", count(total, "workload")),
    )
}

pub(super) fn stateful_without_budget(subject: Subject<'_>) -> ChecklistLine {
    let check = Check {
        id: "stateful-without-budget",
        title: "Every StatefulSet has a PodDisruptionBudget",
        severity: Severity::Medium,
        action: "add a PodDisruptionBudget that keeps its quorum",
    };
    let snapshot = subject.snapshot;
    let unread = unread(snapshot, &[kinds::STATEFUL_SETS, kinds::POD_DISRUPTION_BUDGETS]);
    let budgets = Budgets::of(snapshot);
    let sets: Vec<&Workload> =
        serving(snapshot).filter(|workload| workload.kind == WorkloadKind::StatefulSet).collect();
    let without = sets.iter().filter(|set| !budgets.cover(set)).map(|set| reference(set)).collect();
    check.none_of(
        CheckStatus::Warn,
        without,
        unread,
        &format!("{}, each with one", count(sets.len(), "StatefulSet")),
        |number| format!("{number} of {} have none", count(sets.len(), "StatefulSet")),
    )
}

pub(super) fn not_ready(subject: Subject<'_>) -> ChecklistLine {
    let check = Check {
        id: "workloads-not-ready",
        title: "Every workload has the ready pods that it wants",
        severity: Severity::Medium,
        action: "repair them first: during an update nobody can tell what it broke and what was broken before",
    };
    let snapshot = subject.snapshot;
    let unread = unread(snapshot, &SERVING);
    let watched: Vec<&Workload> = snapshot
        .workloads
        .iter()
        .filter(|workload| {
            matches!(workload.kind, WorkloadKind::Deployment | WorkloadKind::StatefulSet | WorkloadKind::DaemonSet)
                && workload.replicas > 0
        })
        .collect();
    // A manifest says nothing of what runs.
    if !watched.is_empty() && watched.iter().all(|workload| workload.status.observed_generation == 0) {
        return check.unknown("the input holds no status: it tells what is wanted, not what runs");
    }
    let total = watched.len();
    let lacking = watched.into_iter().filter(|workload| workload.ready() < workload.replicas).map(reference).collect();
    check.none_of(CheckStatus::Warn, lacking, unread, &format!("{}, all ready", count(total, "workload")), |number| {
        format!("{number} of {} lack ready pods", count(total, "workload"))
    })
}
