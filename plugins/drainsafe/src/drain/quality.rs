//! What makes a drain riskier than it needs to be: missing probes, quotas that are full, wishes not to be evicted, pods
//! that hang.

use std::collections::{BTreeMap, BTreeSet};

use patchkit::{
    report::{Finding, Severity, words::summary},
    snapshot::quotas,
};

use super::scene::{Draft, Said, Scene, paths};

/// Annotations by which a pod asks not to be moved; what they are for does not look at drains by hand.
const WISHES: [(&str, &str); 3] = [
    ("cluster-autoscaler.kubernetes.io/safe-to-evict", "false"),
    ("karpenter.sh/do-not-disrupt", "true"),
    ("karpenter.sh/do-not-evict", "true"),
];

/// How long after it should be gone a pod counts as hanging.
const HANGS_AFTER_SECONDS: i64 = 60;

/// All of these findings.
pub fn tell(scene: &Scene<'_>, drafts: &[Draft<'_>], said: &mut Said) {
    probes(scene, drafts, said);
    wishes(drafts, said);
    full_quotas(scene, drafts, said);
    hanging(scene, drafts, said);
}

fn probes(scene: &Scene<'_>, drafts: &[Draft<'_>], said: &mut Said) {
    let mut without: BTreeMap<String, ()> = BTreeMap::new();
    for draft in drafts.iter().filter(|draft| draft.is_replaced()) {
        let Some(owner) =
            draft.planned.owner.as_ref().filter(|owner| !matches!(owner.kind.as_str(), "Job" | "CronJob"))
        else {
            continue;
        };
        let spec = scene
            .controller(draft.pod)
            .filter(|it| !it.template.containers.is_empty())
            .map_or(&draft.pod.spec, |it| &it.template);
        let probed = spec.containers.iter().any(|container| container.readiness_probe.is_some());
        if !probed && spec.readiness_gates.is_empty() && owner.replicas.is_some_and(|replicas| replicas > 1) {
            without.insert(format!("{} {}/{}", owner.kind, draft.planned.namespace, owner.name), ());
        }
    }
    let names: Vec<String> = without.into_keys().collect();
    if !names.is_empty() {
        said.find(
            Finding::new(
                "no-readiness-probe",
                Severity::Low,
                format!(
                    "{} without a readiness probe: {}",
                    if names.len() == 1 { "a workload" } else { "workloads" },
                    summary(&names)
                ),
            )
            .with_evidence("workloads", names)
            .with_hint("without one a pod counts as Ready as soon as it has started, and the next one is evicted"),
        );
    }
}

fn wishes(drafts: &[Draft<'_>], said: &mut Said) {
    let asking: Vec<&Draft<'_>> = drafts
        .iter()
        .filter(|draft| draft.is_replaced() || draft.goes() && !draft.planned.finished)
        .filter(|draft| WISHES.iter().any(|(key, value)| draft.pod.meta.annotations.get(key) == Some(value)))
        .collect();
    if !asking.is_empty() {
        let names = paths(asking);
        said.find(
            Finding::new(
                "asks-not-to-be-evicted",
                Severity::Medium,
                format!("asking not to be evicted: {}", summary(&names)),
            )
            .with_evidence("pods", names)
            .with_hint("an annotation for autoscalers says so; a drain goes over it, so ask the owners first"),
        );
    }
}

fn full_quotas(scene: &Scene<'_>, drafts: &[Draft<'_>], said: &mut Said) {
    let namespaces: BTreeSet<&str> =
        drafts.iter().filter(|draft| draft.is_replaced()).map(|draft| &*draft.pod.meta.namespace).collect();
    for (quota, what) in quotas::full(scene.snapshot).filter(|(quota, _)| namespaces.contains(&*quota.meta.namespace)) {
        let finding = Finding::new(
            "quota-full",
            Severity::Medium,
            format!("the quota is used up ({what}): a replacement is refused until the old pod is gone"),
        )
        .with_hint("leave room for one pod more in it while the drain runs");
        said.find(scene.about(finding, "ResourceQuota", &quota.meta));
    }
}

fn hanging(scene: &Scene<'_>, drafts: &[Draft<'_>], said: &mut Said) {
    for draft in drafts.iter().filter(|draft| draft.goes()) {
        let Some(due) = draft.pod.meta.deleting else { continue };
        if scene.now.duration_since(due).as_secs() <= HANGS_AFTER_SECONDS {
            continue;
        }
        let why = if draft.pod.meta.has_finalizers { ": a finalizer holds it" } else { "" };
        said.find(
            Finding::new("hangs", Severity::Medium, format!("it should be gone since {due}, and is not{why}"))
                .with_object(draft.reference())
                .with_hint("--skip-wait-for-delete-timeout does not wait for such pods"),
        );
    }
}
