//! Pods that come straight back onto the node, and data that stays there.

use std::collections::BTreeMap;

use patchkit::{
    report::{Finding, Severity, words::summary},
    rules::{PodSpec, Taint, pod::VolumeSource},
    snapshot::objects::{
        node::Node,
        workload::{Workload, WorkloadKind},
    },
};

use super::{
    model::BlockedFor,
    scene::{Draft, Said, Scene},
    workload::volumes,
};

/// The taint by which the control plane keeps new pods off a cordoned node.
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Tells which pods are brought back onto their node, in spite of its cordon.
pub fn straight_back(scene: &Scene<'_>, drafts: &mut [Draft<'_>], said: &mut Said) {
    for draft in drafts.iter_mut().filter(|draft| draft.is_replaced()) {
        let Some(template) = scene.controller(draft.pod).filter(|it| makes_pods(it)).map(|it| &it.template) else {
            continue;
        };
        if template.node_name.as_deref().is_some_and(|node| scene.is_drained(node)) {
            let why = "its template names the node in spec.nodeName, past the scheduler and its cordons";
            draft.planned.comes_back = Some(why.to_owned());
            draft.block(BlockedFor::Never, format!("it comes straight back: {why}"));
            let finding = Finding::new("comes-back", Severity::High, format!("it comes straight back: {why}"))
                .with_hint("take spec.nodeName out of the template, or scale the workload down first");
            said.find(finding.with_object(draft.reference()));
        } else if tolerates_cordon(template, draft.node) {
            let why = "its template tolerates the cordon, so that the scheduler may choose the node again";
            draft.planned.comes_back = Some(why.to_owned());
            draft.note("may come straight back");
            let finding = Finding::new("comes-back", Severity::Medium, format!("it may come straight back: {why}"))
                .with_hint("it is evicted once and not again; scale it down first if the node must be empty");
            said.find(finding.with_object(draft.reference()));
        }
    }
}

fn makes_pods(workload: &Workload) -> bool {
    !workload.template.containers.is_empty()
}

/// Whether a new pod of the template is let onto the node once it is cordoned.
fn tolerates_cordon(template: &PodSpec, node: &Node) -> bool {
    let cordon = Taint { key: UNSCHEDULABLE.into(), value: "".into(), effect: "NoSchedule".into() };
    let taints = node.taints.iter().filter(|taint| taint.keeps_away()).chain([&cordon]);
    let selects = template.node_selector.iter().all(|(key, value)| node.label(key) == Some(value));
    let affinity = template
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node_affinity.as_ref())
        .and_then(|affinity| affinity.required.as_ref())
        .is_none_or(|required| required.matches(&node.meta.name, &node.meta.labels));
    selects
        && affinity
        && taints.into_iter().all(|taint| template.tolerations.iter().any(|toleration| toleration.tolerates(taint)))
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

/// Whether only drained nodes can take the replacement, by where its volumes are or by what its template asks of a
/// node: it stays Pending until one of them is uncordoned. Says what holds it.
#[must_use]
pub fn pinned(scene: &Scene<'_>, draft: &Draft<'_>) -> Option<String> {
    let others = || scene.snapshot.nodes.iter().filter(|node| !scene.is_drained(&node.meta.name));
    for volume in volumes(scene, draft.pod) {
        let Some(affinity) = &volume.node_affinity else { continue };
        if !others().any(|node| affinity.matches(&node.meta.name, &node.meta.labels)) {
            return Some(format!("{} volume {}", volume.source, volume.meta.name));
        }
    }
    let controller = scene.controller(draft.pod);
    if controller.is_some_and(|it| it.kind == WorkloadKind::DaemonSet) {
        return None;
    }
    let spec = controller.filter(|it| makes_pods(it)).map_or(&draft.pod.spec, |it| &it.template);
    let selects = |node: &Node| spec.node_selector.iter().all(|(key, value)| node.label(key) == Some(value));
    if !spec.node_selector.is_empty() && !others().any(selects) {
        let wanted: Vec<String> = spec.node_selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
        return Some(format!("nodeSelector {}", wanted.join(",")));
    }
    let required = spec.affinity.as_ref()?.node_affinity.as_ref()?.required.as_ref()?;
    (!others().any(|node| required.matches(&node.meta.name, &node.meta.labels))).then(|| "its node affinity".to_owned())
}
