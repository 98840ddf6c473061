//! Budgets that will never let a pod go.

use std::collections::HashMap;

use patchkit::{
    report::{CheckStatus, Severity},
    rules::budget::{CoveredPod, Outlook, Scale, outlook},
    snapshot::{
        Snapshot, kinds,
        objects::{cluster_wide::PodDisruptionBudget, pod::Pod, workload::WorkloadKind},
    },
};

use super::{Check, Subject, count, unread};
use crate::plan::model::ChecklistLine;

pub(super) fn never_allow(subject: Subject<'_>) -> ChecklistLine {
    let check = Check {
        id: "budgets-never-allow",
        title: "Every PodDisruptionBudget lets a pod go sooner or later",
        severity: Severity::High,
        action: "raise the replicas or loosen the budget: a drain waits for it without end",
    };
    let snapshot = subject.snapshot;
    let unread = unread(snapshot, &[kinds::POD_DISRUPTION_BUDGETS, kinds::PODS]);
    if snapshot.budgets.is_empty() && unread.is_none() {
        return check.line(CheckStatus::Pass, "there is none", Vec::new());
    }
    let scales = Scales::of(snapshot);
    let (mut never, mut unknown, mut later) = (Vec::new(), Vec::new(), 0);
    for budget in &snapshot.budgets {
        let pods = covered(snapshot, budget, &scales);
        let status = budget.status.clone().unwrap_or_default();
        match outlook(&budget.spec, &pods, &status, subject.now) {
            Outlook::Never => never.push((budget, String::new())),
            Outlook::Broken(problem) => never.push((budget, problem.to_string())),
            Outlook::Unknown(problem) => unknown.push(format!("{}: {problem}", budget.meta.path())),
            Outlook::Later(_) => later += 1,
            Outlook::Open(_) | Outlook::NoPods => {}
        }
    }
    let unread = unread.or_else(|| (!unknown.is_empty()).then(|| unknown.join("; ")));
    let total = count(snapshot.budgets.len(), "budget");
    let now = if later > 0 { format!("; {later} allow none now, but will") } else { String::new() };
    let why: Vec<String> = never
        .iter()
        .filter(|(_, why)| !why.is_empty())
        .map(|(budget, why)| format!("; {}: {why}", budget.meta.path()))
        .collect();
    let objects = never.iter().map(|(budget, _)| budget.meta.object_ref("PodDisruptionBudget")).collect();
    check.none_of(CheckStatus::Fail, objects, unread, &format!("{total}, none that never allows{now}"), |number| {
        format!("{number} of {total} never allow an eviction{}{now}", why.concat())
    })
}

/// The replicas that each controller of pods wants, by UID, or by kind and name where files hold no UIDs.
struct Scales<'s> {
    by_owner: HashMap<(&'s str, &'s str, &'s str), (String, i32)>,
    knows: bool,
}

impl<'s> Scales<'s> {
    fn of(snapshot: &'s Snapshot) -> Self {
        let deployments: HashMap<(&str, &str), i64> = snapshot
            .workloads
            .iter()
            .filter(|workload| workload.kind == WorkloadKind::Deployment)
            .map(|workload| ((&*workload.meta.namespace, workload.meta.name.as_str()), workload.replicas))
            .collect();
        let mut by_owner = HashMap::new();
        for workload in &snapshot.workloads {
            let namespace = &*workload.meta.namespace;
            let own = (format!("{} {}", workload.kind, workload.meta.name), workload.replicas);
            // A ReplicaSet of a Deployment is scaled by the Deployment.
            let (name, replicas) = workload
                .meta
                .controller()
                .filter(|owner| owner.kind == "Deployment")
                .and_then(|owner| {
                    let replicas = deployments.get(&(namespace, owner.name.as_str()))?;
                    Some((format!("Deployment {}", owner.name), *replicas))
                })
                .unwrap_or(own);
            let replicas = i32::try_from(replicas).unwrap_or(i32::MAX);
            by_owner.insert((namespace, workload.kind.as_str(), workload.meta.name.as_str()), (name, replicas));
        }
        Self { by_owner, knows: !snapshot.workloads.is_empty() }
    }

    fn scale<'a>(&'a self, pod: &'a Pod) -> Scale<'a> {
        let Some(owner) = pod.meta.controller() else { return Scale::NoController };
        if matches!(owner.kind.as_str(), "DaemonSet" | "Job" | "Node") {
            return Scale::NotScalable { kind: &owner.kind };
        }
        match self.by_owner.get(&(&*pod.meta.namespace, owner.kind.as_str(), owner.name.as_str())) {
            Some((controller, replicas)) if self.knows => Scale::Replicas { controller, replicas: *replicas },
            _ => Scale::Unknown { kind: &owner.kind },
        }
    }
}

fn covered<'a>(snapshot: &'a Snapshot, budget: &PodDisruptionBudget, scales: &'a Scales<'_>) -> Vec<CoveredPod<'a>> {
    snapshot
        .pods
        .iter()
        .filter(|pod| pod.meta.namespace == budget.meta.namespace && budget.spec.covers(&pod.meta.labels))
        .map(|pod| CoveredPod {
            name: &pod.meta.name,
            ready: pod.ready == Some(true),
            deleting: pod.meta.deleting.is_some(),
            finished: pod.is_finished(),
            scale: scales.scale(pod),
        })
        .collect()
}
