//! Only volumes that hold nothing of the node, or that an administrator has made (claims, CSI), may be used.

use std::collections::BTreeSet;

use patchkit::rules::pod::{Volume, VolumeSource};

use super::super::{
    check::{Check, Revision, Subject},
    level::Level,
    words::{named, quoted},
};

pub(in super::super) const CHECK: Check = Check {
    id: "restrictedVolumes",
    level: Level::Restricted,
    revisions: &[Revision::new(0, judge)],
    replaces: Some("hostPathVolumes"),
};

/// The forbidden types that have no narrow form in a snapshot.
const FORBIDDEN: &[&str] = &[
    "nfs",
    "glusterfs",
    "flexVolume",
    "cephfs",
    "flocker",
    "fc",
    "azureFile",
    "quobyte",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "storageos",
];

/// The type of a volume that restricted does not allow; `None` where it does. What is no type of Kubernetes is called
/// `unknown`, as by the API server.
pub(in super::super) fn forbidden_type(volume: &Volume) -> Option<&str> {
    match &volume.source {
        VolumeSource::HostPath { .. } => Some("hostPath"),
        VolumeSource::GitRepo => Some("gitRepo"),
        VolumeSource::Disk { field, .. } => Some(field),
        VolumeSource::Other { field } if FORBIDDEN.contains(&field.as_str()) => Some(field),
        VolumeSource::Other { .. } => Some("unknown"),
        // No source at all becomes an emptyDir before admission looks at it.
        VolumeSource::None
        | VolumeSource::EmptyDir { .. }
        | VolumeSource::PersistentVolumeClaim { .. }
        | VolumeSource::Ephemeral { .. }
        | VolumeSource::ConfigMap { .. }
        | VolumeSource::Secret { .. }
        | VolumeSource::Projected { .. }
        | VolumeSource::DownwardApi
        | VolumeSource::Csi { .. }
        | VolumeSource::Image => None,
    }
}

fn judge(subject: Subject<'_>) -> Option<String> {
    let mut names = Vec::new();
    let mut types = BTreeSet::new();
    for volume in &subject.spec.volumes {
        if let Some(kind) = forbidden_type(volume) {
            names.push(volume.name.as_str());
            types.insert(kind);
        }
    }
    (!names.is_empty()).then(|| {
        let plural = if types.len() == 1 { "" } else { "s" };
        format!("{} must not be of the type{plural} {}", named("volume", names), quoted(types))
    })
}
