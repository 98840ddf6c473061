//! What is planned for a pod because of what it is: who brings it back and when, its tier, its volumes, its time to end.

use std::collections::BTreeSet;

use patchkit::{
    rules::pod::VolumeSource,
    snapshot::{
        Coverage, Kind, endpoints, kinds,
        objects::{
            node::Node,
            pod::Pod,
            storage::PersistentVolume,
            workload::{Workload, WorkloadKind},
        },
    },
};

use super::{
    model::{Owner, PlannedPod, Tier},
    scene::{Draft, Said, Scene},
};

/// The pods on the nodes with all that is known of them; nothing is decided yet.
pub fn drafts<'a>(scene: &Scene<'a>, said: &mut Said) -> Vec<Draft<'a>> {
    let backends = webhook_backends(scene, said);
    let on_nodes = scene.nodes.iter().flat_map(|&node| {
        let selector = scene.options.pod_selector.as_ref();
        scene
            .snapshot
            .pods
            .iter()
            .filter(move |pod| *pod.node == *node.meta.name)
            .filter(move |pod| selector.is_none_or(|selector| selector.matches(&pod.meta.labels)))
            .map(move |pod| (pod, node))
    });
    on_nodes.map(|(pod, node)| Draft { pod, node, planned: planned(scene, pod, node, &backends) }).collect()
}

fn planned(scene: &Scene<'_>, pod: &Pod, node: &Node, backends: &BTreeSet<(&str, &str)>) -> PlannedPod {
    let controller = scene.controller(pod);
    let top = scene.top(pod);
    let webhook_backend = backends.contains(&(&*pod.meta.namespace, pod.meta.name.as_str()));
    let volumes = volumes(scene, pod);
    PlannedPod {
        namespace: pod.meta.namespace.to_string(),
        name: pod.meta.name.to_string(),
        node: node.meta.name.to_string(),
        uid: pod.meta.uid.to_string(),
        owner: owner(scene, pod),
        tier: tier(pod, webhook_backend),
        grace_period_seconds: scene.options.grace_seconds(pod.spec.termination_grace_period_seconds),
        pre_stop_seconds: pre_stop(pod),
        ready_after: scene.ground.readiness.of_replacement(scene, pod),
        min_ready_seconds: controller.map_or(0, |it| it.min_ready_seconds.max(0)),
        // A ReplicaSet counts a pod out as soon as it is told to end; a StatefulSet needs its name again, and of a
        // controller of another kind nothing is known.
        replaced_when_gone: !controller.is_some_and(|it| {
            matches!(it.kind, WorkloadKind::ReplicaSet | WorkloadKind::ReplicationController | WorkloadKind::Job)
        }),
        finished: pod.is_finished(),
        webhook_backend,
        volumes_to_detach: attached(scene, &volumes, node),
        can_surge: top.is_some_and(|top| can_surge(scene, top, pod)),
        ..PlannedPod::default()
    }
}

/// What the pod sleeps before it is told to end.
fn pre_stop(pod: &Pod) -> i64 {
    pod.all_containers()
        .filter_map(|(_, container)| container.lifecycle.as_ref()?.pre_stop.as_ref()?.sleep.as_ref())
        .map(|sleep| sleep.seconds.max(0))
        .max()
        .unwrap_or(0)
}

fn owner(scene: &Scene<'_>, pod: &Pod) -> Option<Owner> {
    let top = scene.owners.top(&pod.meta)?;
    let workload = scene.owners.workload(&pod.meta.namespace, top);
    Some(Owner {
        api_version: top.api_version.to_string(),
        kind: top.kind.to_string(),
        name: top.name.to_string(),
        uid: top.uid.to_string(),
        replicas: workload.map(|workload| workload.replicas),
    })
}

/// Whether a second replica can be brought up beside the only one, which is this pod. Two pods cannot share a volume
/// that only one node may have; of a claim that was not read nobody knows.
#[must_use]
pub fn can_surge(scene: &Scene<'_>, top: &Workload, pod: &Pod) -> bool {
    let surges = match &top.max_surge {
        None => true, // 25%, rounded up
        Some(surge) => surge.scaled(top.replicas, true).is_some_and(|surge| surge > 0),
    };
    let volumes = volumes(scene, pod);
    top.kind == WorkloadKind::Deployment
        && top.replicas == 1
        && !top.paused
        && top.strategy != "Recreate"
        && surges
        && volumes.len() == claims(pod).count()
        && !volumes.iter().any(|volume| is_for_one_node(volume))
}

/// Whether only one node can have the volume.
fn is_for_one_node(volume: &PersistentVolume) -> bool {
    !volume.access_modes.iter().any(|mode| mode == "ReadWriteMany" || mode == "ReadOnlyMany")
}

/// The names of the claims that a pod uses.
pub fn claims(pod: &Pod) -> impl Iterator<Item = String> + '_ {
    pod.spec.volumes.iter().filter_map(|volume| match &volume.source {
        VolumeSource::PersistentVolumeClaim { claim } => Some(claim.of(&volume.name, &pod.meta.name).into_owned()),
        VolumeSource::Ephemeral { .. } => Some(format!("{}-{}", pod.meta.name, volume.name)),
        _ => None,
    })
}

/// The volumes that a pod's claims are bound to, as far as they were read.
#[must_use]
pub fn volumes<'a>(scene: &Scene<'a>, pod: &Pod) -> Vec<&'a PersistentVolume> {
    claims(pod)
        .filter_map(|name| {
            let claims = &scene.snapshot.claims;
            claims.iter().find(|claim| claim.meta.namespace == pod.meta.namespace && claim.meta.name == *name)
        })
        .filter_map(|claim| scene.snapshot.volumes.iter().find(|volume| volume.meta.name == claim.volume_name))
        .collect()
}

/// Those that the node must let go of before another one can have them.
fn attached(scene: &Scene<'_>, volumes: &[&PersistentVolume], node: &Node) -> Vec<String> {
    volumes
        .iter()
        .filter(|volume| is_for_one_node(volume))
        .filter(|volume| {
            let attachments = &scene.snapshot.attachments;
            attachments.iter().any(|it| it.volume == volume.meta.name && it.node == node.meta.name)
        })
        .map(|volume| volume.meta.name.to_string())
        .collect()
}

/// The pods behind the webhooks that refuse everything while nothing answers.
fn webhook_backends<'a>(scene: &Scene<'a>, said: &mut Said) -> BTreeSet<(&'a str, &'a str)> {
    let snapshot = scene.snapshot;
    // Who wrote the webhooks of one kind into a file would have written those of the other.
    let in_files = |kind: &Kind| snapshot.coverage(kind) == Coverage::Unknown;
    let webhooks = [kinds::VALIDATING_WEBHOOKS, kinds::MUTATING_WEBHOOKS];
    let none = webhooks.iter().all(in_files);
    for kind in webhooks.iter().filter(|kind| none || !in_files(kind)) {
        said.needs(snapshot, kind);
    }
    let mut pods = BTreeSet::new();
    for webhook in snapshot.webhooks.iter().flat_map(|it| &it.webhooks).filter(|webhook| webhook.fails_closed()) {
        let Some(reference) = &webhook.client_config.service else { continue };
        let Ok(Some(service)) = endpoints::service(snapshot, reference) else { continue };
        pods.extend(endpoints::selected(snapshot, service).map(|pod| (&*pod.meta.namespace, pod.meta.name.as_str())));
    }
    pods
}

/// Images of the programs that CSI drivers run beside themselves (`kubernetes-csi.github.io/docs/sidecar-containers.html`).
const STORAGE_IMAGES: [&str; 8] = [
    "csi-provisioner",
    "csi-attacher",
    "csi-resizer",
    "csi-snapshotter",
    "csi-node-driver-registrar",
    "snapshot-controller",
    "external-health-monitor-controller",
    "nfs-subdir-external-provisioner",
];

/// Labels of what serves volumes from within the cluster: Rook, Longhorn, OpenEBS.
const STORAGE_APPS: [&str; 8] = [
    "rook-ceph-mon",
    "rook-ceph-osd",
    "rook-ceph-mgr",
    "rook-ceph-mds",
    "rook-ceph-operator",
    "longhorn-manager",
    "longhorn-driver-deployer",
    "io-engine",
];

/// The priority from which on a pod is critical to the cluster (`scheduling.SystemCriticalPriority`).
const SYSTEM_CRITICAL_PRIORITY: i32 = 2_000_000_000;

fn tier(pod: &Pod, webhook_backend: bool) -> Tier {
    let critical_class = |name: &str| name == "system-cluster-critical" || name == "system-node-critical";
    let image = |known: &str| {
        pod.all_containers().filter_map(|(_, container)| container.image.as_deref()).any(|image| image.contains(known))
    };
    let app = |key: &str| pod.meta.labels.get(key).is_some_and(|app| STORAGE_APPS.contains(&app));
    if STORAGE_IMAGES.iter().any(|known| image(known)) || app("app") || app("app.kubernetes.io/name") {
        Tier::Storage
    } else if pod.spec.priority_class_name.as_deref().is_some_and(critical_class)
        || pod.spec.priority.is_some_and(|priority| priority >= SYSTEM_CRITICAL_PRIORITY)
    {
        Tier::Critical
    } else if webhook_backend {
        Tier::Admission
    } else {
        Tier::Workloads
    }
}
