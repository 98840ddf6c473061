//! Changes of volumes: drivers that went, and how volumes get their SELinux label.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use patchkit::{
    report::ObjectRef,
    rules::{PodSpec, pod::VolumeSource},
    snapshot::{
        Snapshot, kinds,
        objects::{node::Node, pod::Pod},
    },
};

use super::evaluate::{Look, Verdict};
use crate::{
    inventory::Provider,
    settings,
    words::{count, named},
};

fn has_volume(spec: &PodSpec, field: &str) -> bool {
    spec.volumes.iter().any(|volume| volume.source.field() == Some(field))
}

pub(super) fn git_repo(look: &Look<'_>) -> Verdict {
    let objects = look.specs.matching(|spec| has_volume(spec, "gitRepo"));
    if !objects.is_empty() {
        let evidence = format!("{} with a gitRepo volume: {}", count(objects.len(), "object"), named(&objects));
        return Verdict::yes(objects, evidence);
    }
    match look.specs.why_unknown() {
        Some(why) => Verdict::cannot_tell(why),
        None => Verdict::no(format!("none of {} has a gitRepo volume{}", look.specs.figures(), look.specs.gaps())),
    }
}

/// The PersistentVolumes, pods and templates with an in-tree source.
fn users_of(look: &Look<'_>, field: &str) -> BTreeSet<ObjectRef> {
    let mut objects = look.specs.matching(|spec| has_volume(spec, field));
    let volumes = look.snapshot.volumes.iter().filter(|volume| volume.source == field);
    objects.extend(volumes.map(|volume| volume.meta.object_ref("PersistentVolume")));
    objects
}

fn why_users_unknown(look: &Look<'_>) -> Option<String> {
    look.snapshot.why_unknown(&kinds::PERSISTENT_VOLUMES).or_else(|| look.specs.why_unknown())
}

pub(super) fn portworx(look: &Look<'_>) -> Verdict {
    const DRIVER: &str = "pxd.portworx.com";
    let objects = users_of(look, "portworxVolume");
    if objects.is_empty() {
        return match why_users_unknown(look) {
            Some(why) => Verdict::cannot_tell(why),
            None => Verdict::no(format!(
                "none of {} and {} is of type portworxVolume{}",
                count(look.snapshot.volumes.len(), "PersistentVolume"),
                look.specs.figures(),
                look.specs.gaps()
            )),
        };
    }
    let used = format!("{} of type portworxVolume ({})", count(objects.len(), "object"), named(&objects));
    if look.snapshot.csi_drivers.iter().any(|driver| driver.meta.name == DRIVER) {
        return Verdict::no(format!("{used}, and the CSIDriver {DRIVER} is installed"));
    }
    match look.snapshot.why_unknown(&kinds::CSI_DRIVERS) {
        Some(why) => Verdict::cannot_tell(format!("{used}; whether {DRIVER} is installed is not known: {why}")),
        None => Verdict::yes(objects, format!("{used}, and the CSIDriver {DRIVER} is not installed")),
    }
}

pub(super) fn flex_volume(look: &Look<'_>) -> Verdict {
    let provider = look.subject.inventory.provider;
    if !matches!(provider, Provider::Kubeadm | Provider::Unknown) {
        return Verdict::no(format!("the cluster is not installed with kubeadm ({provider})"));
    }
    let objects = users_of(look, "flexVolume");
    if objects.is_empty() {
        return match why_users_unknown(look) {
            Some(why) => Verdict::cannot_tell(why),
            None => Verdict::no(format!(
                "none of {} and {} is of type flexVolume{}",
                count(look.snapshot.volumes.len(), "PersistentVolume"),
                look.specs.figures(),
                look.specs.gaps()
            )),
        };
    }
    let flags = settings::flags(look.subject, &crate::facts::Component::KUBE_CONTROLLER_MANAGER);
    let folder = match flags.get("flex-volume-plugin-dir").next() {
        Some((_, folder)) => format!("; the controller-manager looks for plugins in {folder}"),
        None => String::new(),
    };
    let used = format!("{} of type flexVolume: {}{folder}", count(objects.len(), "object"), named(&objects));
    if provider == Provider::Unknown {
        return Verdict::cannot_tell(format!("{used}; whether kubeadm installed the cluster is not known"));
    }
    Verdict::yes(objects, used)
}

/// Whether an OS image ships SELinux; `None` where the image is not known here.
fn ships_selinux(node: &Node) -> Option<bool> {
    const WITH: [&str; 15] = [
        "red hat",
        "rhel",
        "coreos",
        "centos",
        "rocky",
        "almalinux",
        "oracle linux",
        "fedora",
        "amazon linux",
        "bottlerocket",
        "flatcar",
        "micro",
        "azure linux",
        "mariner",
        "talos",
    ];
    const WITHOUT: [&str; 5] = ["ubuntu", "debian", "container-optimized os", "alpine", "windows"];
    let image = node.info.os_image.to_lowercase();
    let is_one_of = |names: &[&str]| names.iter().any(|name| image.contains(name));
    if node.is_windows() || is_one_of(&WITHOUT) {
        Some(false)
    } else if is_one_of(&WITH) {
        Some(true)
    } else {
        None
    }
}

/// The labels that a pod's containers reach a volume with. Without an explicit level the runtime picks one that the
/// kubelet cannot know, and the volume is relabelled file by file as before (KEP-1710).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    Explicit(String),
    Privileged,
    OfTheRuntime,
}

fn labels(spec: &PodSpec, volume: &str) -> BTreeSet<Label> {
    let of_pod = spec.security_context.as_ref().and_then(|context| context.se_linux_options.as_ref());
    spec.all_containers()
        .filter(|(_, container)| container.volume_mounts.iter().any(|mount| mount.name == volume))
        .map(|(_, container)| {
            let context = container.security_context.as_ref();
            if context.and_then(|context| context.privileged) == Some(true) {
                return Label::Privileged;
            }
            let options = context.and_then(|context| context.se_linux_options.as_ref()).or(of_pod);
            match options.and_then(|options| options.level.as_deref()) {
                Some(level) => Label::Explicit(level.to_owned()),
                None => Label::OfTheRuntime,
            }
        })
        .collect()
}

/// Whether the driver of a claim mounts with a label: `None` where the claim, its volume or the driver is not known.
fn mounts_with_label(snapshot: &Snapshot, namespace: &str, claim: &str) -> Option<bool> {
    let volume = snapshot.volumes.iter().find(|volume| {
        volume.claim.as_ref().is_some_and(|bound| bound.namespace == namespace && bound.name == claim)
    })?;
    match volume.source.as_str() {
        "csi" => {
            let driver = snapshot.csi_drivers.iter().find(|driver| driver.meta.name == volume.driver);
            match (driver, snapshot.why_unknown(&kinds::CSI_DRIVERS)) {
                (Some(driver), _) => Some(driver.se_linux_mount),
                (None, None) => Some(false),
                (None, Some(_)) => None,
            }
        }
        "fc" | "iscsi" | "rbd" => Some(true),
        _ => Some(false),
    }
}

/// A pod with the labels that it reaches a volume with.
type Reach<'s> = (&'s Pod, BTreeSet<Label>);

/// Claims that pods share under labels that one mount cannot have.
fn conflicts(snapshot: &Snapshot) -> Vec<&Pod> {
    let mut claims: BTreeMap<(&str, Cow<'_, str>), Vec<Reach<'_>>> = BTreeMap::new();
    for pod in snapshot.pods.iter().filter(|pod| !pod.is_finished()) {
        for volume in &pod.spec.volumes {
            if let VolumeSource::PersistentVolumeClaim { claim } = &volume.source {
                let found = labels(&pod.spec, &volume.name);
                let claim = claim.of(&volume.name, &pod.meta.name);
                claims.entry((&pod.meta.namespace, claim)).or_default().push((pod, found));
            }
        }
    }
    let opts_out = |pod: &Pod| {
        let policy = pod.spec.security_context.as_ref().and_then(|context| context.se_linux_change_policy.as_deref());
        policy == Some("Recursive")
    };
    claims
        .into_iter()
        .filter(|((namespace, claim), pods)| {
            let all: BTreeSet<&Label> = pods.iter().flat_map(|(_, labels)| labels).collect();
            // A mount gets a label only where some pod names one and does not ask for the old way.
            let asks = pods
                .iter()
                .any(|(pod, labels)| !opts_out(pod) && labels.iter().any(|label| matches!(label, Label::Explicit(_))));
            asks && all.len() > 1 && mounts_with_label(snapshot, namespace, claim) != Some(false)
        })
        .flat_map(|(_, pods)| pods.into_iter().map(|(pod, _)| pod))
        .collect()
}

pub(super) fn selinux_mount(look: &Look<'_>) -> Verdict {
    let snapshot = look.snapshot;
    let nodes = snapshot.nodes.len();
    let with = snapshot.nodes.iter().filter(|node| ships_selinux(node) == Some(true)).count();
    let without = snapshot.nodes.iter().filter(|node| ships_selinux(node) == Some(false)).count();
    if nodes > 0 && without == nodes {
        return Verdict::no(format!("none of {} has an OS image that ships SELinux", count(nodes, "node")));
    }
    let sharing = conflicts(snapshot);
    let objects: BTreeSet<ObjectRef> = sharing.iter().map(|pod| look.specs.top_of_pod(pod)).collect();
    if objects.is_empty() {
        return match snapshot.why_unknown(&kinds::PODS) {
            Some(why) => Verdict::cannot_tell(why),
            None => Verdict::no(format!(
                "none of {} shares a claim under an SELinux label of its own with pods of another one",
                count(snapshot.pods.len(), "pod")
            )),
        };
    }
    let shared = format!("pods share claims under different SELinux labels: {}", named(&objects));
    if with > 0 {
        return Verdict::yes(
            objects,
            format!("{with} of {} have an OS image that ships SELinux; {shared}", count(nodes, "node")),
        );
    }
    let why = snapshot
        .why_unknown(&kinds::NODES)
        .unwrap_or_else(|| format!("whether {} enforce SELinux is not known", count(nodes - without, "node")));
    Verdict::cannot_tell(format!("{shared}; {why}"))
}
