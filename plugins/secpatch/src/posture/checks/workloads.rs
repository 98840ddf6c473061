//! Workloads that do not say what they need, when they are well, and how many of their pods may be missing.

use patchkit::snapshot::{Kind, kinds, objects::workload::Workload};

use super::{
    super::outcome::{Found, Gap, Outcome, denied},
    Look,
};
use crate::{
    pods::is_requested,
    specs::Items,
    words::count,
    workloads::{Budgets, says_when_ready, serving},
};

const SERVING: [Kind; 2] = [kinds::DEPLOYMENTS, kinds::STATEFUL_SETS];

fn about(look: &Look<'_>, workload: &Workload, detail: impl Into<String>) -> Found {
    Found::about(look.snapshot, workload.kind.as_str(), &workload.meta, detail)
}

/// Of the workloads that keep a service up, those that something is wrong with.
fn of_serving(look: &Look<'_>, wrong: &'static str, is_wrong: impl Fn(&Workload) -> Option<String>) -> Outcome {
    let all: Vec<&Workload> = serving(look.snapshot).collect();
    let found = all.iter().filter_map(|workload| Some(about(look, workload, is_wrong(workload)?))).collect();
    Outcome::counted(found, count(all.len(), "workload"), wrong).needing(look.snapshot, &SERVING)
}

pub(in super::super) fn requests(look: &Look<'_>) -> Outcome {
    let snapshot = look.snapshot;
    let items = Items::of(snapshot);
    let found = items
        .iter()
        .filter_map(|item| {
            // A LimitRange gives what is not said.
            let is_given = |resource: &str| {
                snapshot.limit_ranges.iter().any(|range| {
                    *range.meta.namespace == *item.namespace() && range.default_requests.contains_key(resource)
                })
            };
            let of_pod = item.spec.resources.as_ref();
            let lacks = |resource: &str| {
                let mut containers = item.spec.init_containers.iter().chain(&item.spec.containers);
                !is_given(resource) && containers.any(|it| !is_requested(resource, &it.resources, of_pod))
            };
            let missing: Vec<&str> = ["cpu", "memory"].into_iter().filter(|resource| lacks(resource)).collect();
            let detail = format!("a container requests no {}", missing.join(" and no "));
            (!missing.is_empty()).then(|| Found::about(snapshot, item.kind, item.meta, detail))
        })
        .collect();
    Outcome::counted(found, count(items.len(), "workload"), "have a container without requests")
        .with_gaps(items.why_unknown(snapshot).map(Gap::new))
        .with_gaps(denied(snapshot, &kinds::LIMIT_RANGES))
}

pub(in super::super) fn readiness(look: &Look<'_>) -> Outcome {
    of_serving(look, "have no readiness probe", |workload| {
        (!says_when_ready(workload)).then(|| "no container has a readinessProbe".to_owned())
    })
}

pub(in super::super) fn liveness(look: &Look<'_>) -> Outcome {
    of_serving(look, "have no liveness probe", |workload| {
        let has_any = workload.template.containers.iter().any(|container| container.liveness_probe.is_some());
        (!has_any).then(|| "no container has a livenessProbe".to_owned())
    })
}

pub(in super::super) fn budgets(look: &Look<'_>) -> Outcome {
    let snapshot = look.snapshot;
    let budgets = Budgets::of(snapshot);
    of_serving(look, "have replicas and no PodDisruptionBudget", |workload| {
        // A budget over a single replica only stops every drain.
        (workload.replicas > 1 && !budgets.cover(workload))
            .then(|| format!("no PodDisruptionBudget covers its {} replicas", workload.replicas))
    })
    .proven_by(snapshot, &[kinds::POD_DISRUPTION_BUDGETS])
}

pub(in super::super) fn single_replicas(look: &Look<'_>) -> Outcome {
    of_serving(look, "have a single replica", |workload| {
        (workload.replicas == 1).then(|| "it has a single replica".to_owned())
    })
}

pub(in super::super) fn default_namespace(look: &Look<'_>) -> Outcome {
    let snapshot = look.snapshot;
    let items = Items::of(snapshot);
    let found = items
        .iter()
        .filter(|item| item.namespace() == "default")
        .map(|item| Found::about(snapshot, item.kind, item.meta, "it is in the namespace default"))
        .collect();
    Outcome::counted(found, count(items.len(), "workload"), "are in the namespace default")
        .with_gaps(items.why_unknown(snapshot).map(Gap::new))
}
