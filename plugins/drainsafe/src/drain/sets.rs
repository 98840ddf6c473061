//! StatefulSets: one pod of a set at a time in the whole cluster, and none while that would cost the quorum.

use patchkit::{
    report::{Finding, Severity, words::summary},
    snapshot::objects::{
        pod::Pod,
        workload::{Workload, WorkloadKind},
    },
};

use super::{
    model::BlockedFor,
    scene::{Draft, Said, Scene},
};

/// Blocks pods of sets that cannot spare another one.
pub fn guard(scene: &Scene<'_>, drafts: &mut [Draft<'_>], said: &mut Said) {
    for draft in drafts.iter_mut().filter(|draft| draft.goes() && !draft.planned.finished) {
        let Some(set) = scene.controller(draft.pod).filter(|it| it.kind == WorkloadKind::StatefulSet) else { continue };
        let pods: Vec<&Pod> = pods_of(scene, set);
        let others: Vec<&Pod> = pods.into_iter().filter(|pod| !std::ptr::eq(*pod, draft.pod)).collect();
        let unready: Vec<&Pod> = others.iter().copied().filter(|pod| pod.ready.is_some() && !pod.is_ready()).collect();
        let missing = usize::try_from(set.replicas).unwrap_or(0).saturating_sub(others.len() + 1);
        if unready.is_empty() && missing == 0 {
            continue;
        }
        let names: Vec<String> = unready.iter().map(|pod| pod.meta.path()).collect();
        let lacking = match (names.is_empty(), missing) {
            (true, missing) => format!("{missing} of its pods are missing"),
            (false, 0) => format!("not Ready: {}", summary(&names)),
            (false, missing) => format!("not Ready: {}; missing: {missing}", summary(&names)),
        };
        if let Some(lower) = stuck_behind(set, draft.pod, &unready) {
            block(
                scene,
                draft,
                set,
                "set-stuck",
                &format!("its set brings pods back in their order, and {} is not Ready", lower.meta.name),
                said,
            );
        } else if draft.pod.is_ready() && draft.planned.budgets.is_empty() && loses_quorum(set, &others) {
            block(scene, draft, set, "quorum", &format!("its set would lose the quorum ({lacking})"), said);
        } else {
            let finding = Finding::new(
                "set-degraded",
                Severity::Medium,
                format!("another pod of the set is lacking already ({lacking})"),
            )
            .with_hint("repair it first");
            said.find(scene.about(finding, "StatefulSet", &set.meta));
        }
    }
}

fn block(scene: &Scene<'_>, draft: &mut Draft<'_>, set: &Workload, id: &str, reason: &str, said: &mut Said) {
    draft.block(BlockedFor::Now, reason);
    let finding = Finding::new(id, Severity::High, format!("{}: {reason}", draft.planned.path()))
        .with_evidence("pods", vec![draft.planned.path()])
        .with_hint("repair the set first");
    said.find(scene.about(finding, "StatefulSet", &set.meta));
}

/// Whether fewer than a majority would be Ready. A set of one or two has no quorum to keep.
fn loses_quorum(set: &Workload, others: &[&Pod]) -> bool {
    let ready = others.iter().filter(|pod| pod.is_ready()).count();
    let wanted = usize::try_from(set.replicas).unwrap_or(0);
    wanted > 2 && ready < wanted / 2 + 1
}

/// With `OrderedReady` a pod is brought back only once all with lower numbers are Ready
/// (`pkg/controller/statefulset/stateful_set_control.go`).
fn stuck_behind<'p>(set: &Workload, pod: &Pod, unready: &[&'p Pod]) -> Option<&'p Pod> {
    if set.pod_management_policy == "Parallel" {
        return None;
    }
    let own = ordinal(pod)?;
    unready.iter().copied().find(|other| ordinal(other).is_some_and(|number| number < own))
}

/// The number at the end of the pod's name.
#[must_use]
pub fn ordinal(pod: &Pod) -> Option<u64> {
    pod.meta.name.rsplit_once('-')?.1.parse().ok()
}

/// The pods of a set wherever they are.
fn pods_of<'a>(scene: &Scene<'a>, set: &Workload) -> Vec<&'a Pod> {
    scene
        .snapshot
        .pods
        .iter()
        .filter(|pod| pod.meta.namespace == set.meta.namespace && !pod.is_finished())
        .filter(|pod| scene.controller(pod).is_some_and(|controller| std::ptr::eq(controller, set)))
        .collect()
}
