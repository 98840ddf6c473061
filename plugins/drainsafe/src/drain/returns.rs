//! Pods that come straight back onto the node, and data that stays there.

use std::collections::BTreeMap;

use patchkit::{
    report::{Finding, Severity, words::summary},
    rules::{PodSpec, pod::VolumeSource, taint::first_untolerated},
    snapshot::objects::node::Node,
};

use super::{
    model::BlockedFor,
    scene::{Draft, Said, Scene},
    workload::volumes,
};
use crate::{
    fit::{Candidate, affinity_matches},
    simulate::{Returns, Template},
};

/// Tells which pods are brought back onto their node, in spite of its cordon.
pub fn straight_back(scene: &Scene<'_>, drafts: &mut [Draft<'_>], said: &mut Said) {
    for draft in drafts.iter_mut().filter(|draft| draft.is_replaced()) {
        let Ok(replacement) = scene.ground.templates.replacement(draft.pod) else { continue };
        if matches!(replacement.template, Template::OwnSpec { .. }) {
            continue; // the running pod tolerates and names what its template need not
        }
        let Some(returns) = replacement.returns else { continue };
        let (why, severity, hint) = match &returns {
            Returns::NamesNode(name) if scene.is_drained(name) => (
                "its template names the node in spec.nodeName, past the scheduler and its cordons",
                Severity::High,
                "take spec.nodeName out of the template, or scale the workload down first",
            ),
            Returns::ToleratesCordon if takes(draft.node, &replacement.candidate) => (
                "its template tolerates the cordon, so that the scheduler may choose the node again",
                Severity::Medium,
                "it is evicted once and not again; scale it down first if the node must be empty",
            ),
            _ => continue,
        };
        draft.planned.comes_back = Some(why.to_owned());
        let may = if severity == Severity::High { "it comes straight back" } else { "it may come straight back" };
        if severity == Severity::High {
            draft.block(BlockedFor::Never, format!("{may}: {why}"));
        } else {
            draft.note(may);
        }
        let finding = Finding::new("comes-back", severity, format!("{may}: {why}")).with_hint(hint);
        said.find(finding.with_object(draft.reference()));
    }
}

/// Whether nothing but its cordon keeps a pod off the node, as far as its labels and taints tell.
fn takes(node: &Node, candidate: &Candidate) -> bool {
    affinity_matches(candidate, node) && first_untolerated(&node.taints, &candidate.spec.tolerations).is_none()
}

/// Data that lies on the node and does not follow the pod: local and hostPath volumes.
pub fn left_behind(scene: &Scene<'_>, drafts: &[Draft<'_>], said: &mut Said) {
    let mut by_owner: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for draft in drafts.iter().filter(|draft| draft.is_replaced()) {
        let mut places: Vec<String> = volumes(scene, draft.pod)
            .into_iter()
            .filter(|volume| volume.source == "local" || volume.source == "hostPath")
            .map(|volume| format!("{} volume {}", volume.source, volume.meta.name))
            .collect();
        places.extend(written_host_paths(&draft.pod.spec));
        if !places.is_empty() {
            let owner = draft.planned.owner.as_ref();
            let name =
                owner.map(|it| format!("{} {}/{}", it.kind, draft.planned.namespace, it.name)).unwrap_or_default();
            by_owner.entry(name).or_default().extend(places);
        }
    }
    for (owner, mut places) in by_owner {
        places.sort();
        places.dedup();
        said.find(
            Finding::new(
                "node-local-data",
                Severity::Medium,
                format!("{owner} leaves data on the node: {}", summary(&places)),
            )
            .with_evidence("volumes", places)
            .with_hint("what lies there does not follow the pod: see that it can do without, or copy it first"),
        );
    }
}

/// Host paths that some container may write.
fn written_host_paths(spec: &PodSpec) -> Vec<String> {
    let written = |name: &str| {
        spec.all_containers()
            .flat_map(|(_, container)| &container.volume_mounts)
            .any(|mount| mount.name == name && !mount.read_only)
    };
    spec.volumes
        .iter()
        .filter_map(|volume| match &volume.source {
            VolumeSource::HostPath { path } if written(&volume.name) => Some(format!("hostPath {path}")),
            _ => None,
        })
        .collect()
}
