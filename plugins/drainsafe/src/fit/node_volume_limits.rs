//! NodeVolumeLimits: how many volumes of a driver a node can attach (`plugins/nodevolumelimits/csi.go`, with the gate
//! VolumeLimitScaling, which is on in 1.37).

use std::collections::{BTreeMap, BTreeSet};

use compact_str::{CompactString, format_compact};
use patchkit::{
    rules::pod::{PodSpec, VolumeSource},
    snapshot::objects::storage::{CsiNode, PersistentVolumeClaim},
};

use super::{
    filter::Reason,
    in_tree::{InTree, is_uncounted_plugin},
    index::NodeState,
    storage::{Storage, UsedClaim, class_of_claim},
};

/// A volume that a node attaches for a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Attached {
    /// Tells the volume from all others: driver and handle.
    unique: CompactString,
    driver: CompactString,
    /// An in-tree volume counts only where the node has a CSINode.
    in_tree: bool,
}

/// A volume of which it cannot be told what is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Untold {
    why: CompactString,
    /// An in-tree volume is looked at only where the node has a CSINode.
    in_tree: bool,
}

/// The volumes that a pod has attached.
pub(crate) type AttachedVolumes = Vec<Result<Attached, Untold>>;

/// The volumes that a node has to attach for a pod, in the order of its specification.
///
/// A claim that is not there is left out: of a new pod other filters have found that, and of a placed one it does not
/// count.
pub(crate) fn attached_volumes(
    spec: &PodSpec,
    pod: &str,
    namespace: &str,
    claims: &[UsedClaim<'_>],
    storage: &Storage<'_>,
) -> AttachedVolumes {
    let mut attached = Vec::new();
    for volume in &spec.volumes {
        let VolumeSource::Disk { field, id, unmanaged, .. } = &volume.source else { continue };
        let Some(in_tree) = InTree::of_field(field) else { continue };
        attached.push(match in_tree.inline_handle(id, *unmanaged) {
            Ok(handle) => Ok(of(in_tree.driver, &handle, true)),
            Err(why) => Err(Untold {
                why: format_compact!("converting volume({}) from inline to csi: {why}", volume.name),
                in_tree: true,
            }),
        });
    }
    for used in claims {
        let Some(claim) = used.claim else { continue };
        if used.ephemeral && !used.owned {
            let name = &used.name;
            let why =
                format_compact!("PVC {namespace}/{name} was not created for pod {namespace}/{pod} (pod is not owner)");
            attached.push(Err(Untold { why, in_tree: false }));
            continue;
        }
        attached.extend(of_claim(claim, &used.name, namespace, storage).map(Ok));
    }
    attached
}

fn of(driver: &str, handle: &str, in_tree: bool) -> Attached {
    Attached { unique: format_compact!("{driver}/{handle}"), driver: driver.into(), in_tree }
}

/// The volume of a claim: its own where it has one, else the one that its class will make.
fn of_claim(claim: &PersistentVolumeClaim, name: &str, namespace: &str, storage: &Storage<'_>) -> Option<Attached> {
    let volume = (!claim.volume_name.is_empty()).then(|| storage.volume(&claim.volume_name)).flatten();
    let Some(volume) = volume else {
        let class = class_of_claim(claim);
        let provisioner = &storage.class(class).filter(|_| !class.is_empty())?.provisioner;
        // No handle of a driver looks like this.
        let handle = format!("\u{0}{namespace}/{name}");
        return match InTree::of_plugin(provisioner) {
            Some(in_tree) => Some(of(in_tree.driver, &handle, true)),
            None if is_uncounted_plugin(provisioner) || provisioner.is_empty() => None,
            None => Some(of(provisioner, &handle, false)),
        };
    };
    if volume.source == "csi" {
        let known = !volume.driver.is_empty() && !volume.handle.is_empty();
        return known.then(|| of(&volume.driver, &volume.handle, false));
    }
    let in_tree = InTree::of_field(&volume.source)?;
    let handle = in_tree.handle(volume).ok().filter(|handle| !handle.is_empty())?;
    Some(of(in_tree.driver, &handle, true))
}

/// The attachments of a node by its VolumeAttachment objects: unique name and driver.
pub(crate) fn by_attachment(
    attacher: &str,
    volume: &str,
    storage: &Storage<'_>,
) -> Option<(CompactString, CompactString)> {
    let volume = storage.volume(volume).filter(|volume| volume.source == "csi" && !attacher.is_empty())?;
    Some((format_compact!("{attacher}/{}", volume.handle), attacher.into()))
}

/// What the new pod needs attached.
#[derive(Debug)]
pub(super) struct Limits(AttachedVolumes);

/// `None` where the pod has no volume to attach.
pub(super) fn prepare(attached: AttachedVolumes) -> Option<Limits> {
    (!attached.is_empty()).then_some(Limits(attached))
}

impl Limits {
    /// Whether the node can attach all of it.
    pub(super) fn filter(&self, node: &NodeState<'_>, storage: &Storage<'_>) -> Result<(), Reason> {
        let mut new = by_unique_name(self.0.iter(), node)?;
        if new.is_empty() {
            return Ok(());
        }
        let drivers: BTreeSet<&str> = new.values().copied().collect();
        for driver in drivers {
            if !is_installed(driver, node.csi, storage) {
                return Err(Reason::from(format!("{driver} CSI driver is not installed on the node")));
            }
        }
        let limits: BTreeMap<&str, i64> = node
            .csi
            .iter()
            .flat_map(|csi| &csi.drivers)
            .filter_map(|driver| Some((driver.name.as_str(), driver.limit?)))
            .collect();
        if limits.is_empty() {
            return Ok(());
        }
        let mut there = by_unique_name(node.attached(), node)?;
        // A volume that another pod of the node uses is attached already.
        new.retain(|unique, _| !there.contains_key(unique));
        for (unique, driver) in &node.attachments {
            there.entry(unique).or_insert(driver);
        }
        let count = |volumes: &BTreeMap<&str, &str>, driver: &str| {
            i64::try_from(volumes.values().filter(|of| **of == driver).count()).unwrap_or(i64::MAX)
        };
        let full = |driver: &&str| {
            limits.get(*driver).is_some_and(|limit| count(&there, driver).saturating_add(count(&new, driver)) > *limit)
        };
        if new.values().any(full) { Err(Reason::from("node(s) exceed max volume count")) } else { Ok(()) }
    }
}

/// The volumes that count on a node, each once: unique name and driver.
fn by_unique_name<'v>(
    volumes: impl Iterator<Item = &'v Result<Attached, Untold>>,
    node: &NodeState<'_>,
) -> Result<BTreeMap<&'v str, &'v str>, Reason> {
    let mut counted = BTreeMap::new();
    for volume in volumes {
        match volume {
            Ok(volume) if !volume.in_tree || node.csi.is_some() => {
                counted.insert(volume.unique.as_str(), volume.driver.as_str());
            }
            Err(untold) if !untold.in_tree || node.csi.is_some() => return Err(Reason::from(untold.why.to_string())),
            _ => {}
        }
    }
    Ok(counted)
}

/// Whether a driver is on the node, or does not insist on it.
fn is_installed(driver: &str, csi: Option<&CsiNode>, storage: &Storage<'_>) -> bool {
    let insists = storage.driver(driver).is_some_and(|found| found.prevent_pod_scheduling_if_missing);
    !insists || csi.is_some_and(|csi| csi.drivers.iter().any(|found| found.name == driver))
}
