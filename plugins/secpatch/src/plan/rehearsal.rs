//! What a lower environment has shown: whether it runs the target and is well, and what of this cluster it has not.

use std::collections::BTreeSet;

use patchkit::{
    rules::{image::ImageRef, version::KubeVersion},
    snapshot::{Snapshot, objects::workload::WorkloadKind},
};

use super::model::{NotCovered, Rehearsal};
use crate::{cves::Holds, inventory::Inventory};

/// Compares a lower environment with this cluster.
#[must_use]
pub fn rehearsal(
    environment: &str,
    this: &Snapshot,
    lower: &Snapshot,
    lower_inventory: &Inventory,
    target: Option<&KubeVersion>,
) -> Rehearsal {
    let runs_target = match (&lower_inventory.server, target) {
        (Some(version), Some(target)) => {
            // An emulated minor is what clients meet, whatever the binary is.
            let minor = lower_inventory.effective_minor().unwrap_or_else(|| version.minor());
            if minor == target.minor() && version.upstream() >= target.upstream() { Holds::Yes } else { Holds::No }
        }
        _ => Holds::Unknown,
    };
    let mut unhealthy: Vec<_> = lower
        .workloads
        .iter()
        .filter(|workload| {
            matches!(workload.kind, WorkloadKind::Deployment | WorkloadKind::StatefulSet | WorkloadKind::DaemonSet)
                && workload.ready() < workload.replicas
        })
        .map(|workload| workload.meta.object_ref(workload.kind.as_str()))
        .collect();
    unhealthy.extend(
        lower
            .nodes
            .iter()
            .filter(|node| node.ready().is_some_and(|ready| ready != "True"))
            .map(|node| node.meta.object_ref("Node")),
    );
    let mut not_covered: Vec<NotCovered> = CATEGORIES
        .iter()
        .flat_map(|(kind, names)| {
            let there = names(lower);
            names(this)
                .into_iter()
                .filter(move |name| !there.contains(name))
                .map(|name| NotCovered { kind: (*kind).to_owned(), name })
        })
        .collect();
    not_covered.sort();
    Rehearsal {
        environment: environment.to_owned(),
        version: lower_inventory.server.as_ref().map(|version| version.as_str().to_owned()),
        runs_target,
        unhealthy,
        not_covered,
    }
}

type Names = fn(&Snapshot) -> BTreeSet<String>;

/// What is compared, and how each is named so that two clusters can be held against each other.
const CATEGORIES: [(&str, Names); 5] = [
    ("api", apis),
    ("custom-resource", custom_resources),
    ("webhook", webhooks),
    ("add-on", add_ons),
    ("node-image", node_images),
];

/// API versions that objects are written with: by files, by `kubectl apply`, by field managers.
fn apis(snapshot: &Snapshot) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (kind, meta) in snapshot.each_meta() {
        let written = meta.last_applied.iter().chain(meta.managers.iter().map(|manager| &manager.api_version));
        found.extend(written.filter(|version| !version.is_empty()).map(|version| format!("{version} {kind}")));
        if snapshot.is_from_files() {
            found.insert(format!("{} {kind}", meta.api_version));
        }
    }
    found
}

fn custom_resources(snapshot: &Snapshot) -> BTreeSet<String> {
    snapshot
        .custom_resources
        .iter()
        .flat_map(|resource| {
            resource
                .versions
                .iter()
                .filter(|version| version.served)
                .map(move |version| format!("{}/{} {}", resource.group, version.name, resource.kind))
        })
        .collect()
}

fn webhooks(snapshot: &Snapshot) -> BTreeSet<String> {
    snapshot
        .webhooks
        .iter()
        .flat_map(|configuration| {
            configuration.webhooks.iter().map(move |webhook| format!("{} {}", configuration.kind(), webhook.name))
        })
        .collect()
}

/// Images of the cluster's own namespaces, with their tags: an add-on in another version was not rehearsed.
fn add_ons(snapshot: &Snapshot) -> BTreeSet<String> {
    snapshot
        .workloads
        .iter()
        .filter(|workload| !workload.is_owned() && is_of_the_system(&workload.meta.namespace))
        .flat_map(|workload| workload.template.containers.iter())
        .filter_map(|container| container.image.as_deref()?.parse::<ImageRef>().ok())
        .map(|image| match &image.tag {
            Some(tag) => format!("{}:{tag}", image.base_name()),
            None => image.base_name().to_owned(),
        })
        .collect()
}

fn is_of_the_system(namespace: &str) -> bool {
    namespace == "kube-system" || namespace.ends_with("-system") || namespace.starts_with("openshift-")
}

fn node_images(snapshot: &Snapshot) -> BTreeSet<String> {
    snapshot
        .nodes
        .iter()
        .filter(|node| !node.info.os_image.is_empty())
        .map(|node| format!("{}, {}", node.info.os_image, node.info.container_runtime_version))
        .collect()
}
