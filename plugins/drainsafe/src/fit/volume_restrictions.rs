//! VolumeRestrictions: disks that one node cannot attach twice, and claims that only one pod may use
//! (`plugins/volumerestrictions/volume_restrictions.go`).

use patchkit::rules::pod::{PodSpec, Volume, VolumeSource};

use super::{
    filter::{Filter, Reason, Rejection},
    index::{Index, NodeState},
    storage::UsedClaim,
};

/// What is worked out before any node is looked at.
#[derive(Debug)]
pub(super) struct Restrictions<'a> {
    disks: Vec<&'a Volume>,
    claim_is_in_use: bool,
}

/// Whether two pods may not share a volume of this kind on one node.
pub(crate) fn is_restricted(volume: &Volume) -> bool {
    matches!(&volume.source, VolumeSource::Disk { field, .. }
        if matches!(field.as_str(), "gcePersistentDisk" | "awsElasticBlockStore" | "rbd" | "iscsi"))
}

/// PreFilter: every claim must be there, and one of ReadWriteOncePod must be free; `None` where nothing can conflict.
pub(super) fn prepare<'a>(
    spec: &'a PodSpec,
    namespace: &str,
    claims: &[UsedClaim<'a>],
    index: &Index<'_>,
) -> Result<Option<Restrictions<'a>>, Rejection> {
    let mut claim_is_in_use = false;
    for used in claims.iter().filter(|used| !used.ephemeral) {
        let Some(claim) = used.claim else {
            let words = format!("persistentvolumeclaim {:?} not found", used.name.as_str());
            return Err(Rejection::new(Filter::VolumeRestrictions, words));
        };
        let alone = claim.access_modes.iter().any(|mode| mode == "ReadWriteOncePod");
        claim_is_in_use |= alone && index.is_claim_in_use(namespace, &used.name);
    }
    let disks: Vec<&Volume> = spec.volumes.iter().filter(|volume| is_restricted(volume)).collect();
    Ok((claim_is_in_use || !disks.is_empty()).then_some(Restrictions { disks, claim_is_in_use }))
}

impl Restrictions<'_> {
    /// Whether the pod may share the node with those that are there.
    pub(super) fn filter(&self, node: &NodeState<'_>) -> Result<(), Reason> {
        let taken = || node.disks().flat_map(|spec| &spec.volumes).filter(|volume| is_restricted(volume));
        if self.disks.iter().any(|disk| taken().any(|other| conflict(&disk.source, &other.source))) {
            return Err(Reason::from("node(s) had no available disk"));
        }
        if self.claim_is_in_use {
            return Err(Reason::from(
                "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by \
                 another pod",
            ));
        }
        Ok(())
    }
}

/// Whether two volumes are the same disk, and not both only read it.
fn conflict(one: &VolumeSource, other: &VolumeSource) -> bool {
    let (
        VolumeSource::Disk { field, id, read_only, .. },
        VolumeSource::Disk { field: other_field, id: other_id, read_only: other_read_only, .. },
    ) = (one, other)
    else {
        return false;
    };
    if field != other_field {
        return false;
    }
    match field.as_str() {
        // An EBS volume can be attached once, whatever it is for.
        "awsElasticBlockStore" => id == other_id,
        "rbd" => is_same_image(id, other_id) && !(*read_only && *other_read_only),
        _ => id == other_id && !(*read_only && *other_read_only),
    }
}

/// RBD images are the same where pool and image are, and any monitor is shared. Snapshots keep `monitors|pool|image`.
fn is_same_image(one: &str, other: &str) -> bool {
    let parts = |id: &'_ str| -> Option<(Vec<String>, String, String)> {
        let mut parts = id.splitn(3, '|');
        let monitors = parts.next()?.split(',').map(str::to_owned).collect();
        let pool = parts.next().filter(|pool| !pool.is_empty()).unwrap_or("rbd").to_owned();
        Some((monitors, pool, parts.next()?.to_owned()))
    };
    match (parts(one), parts(other)) {
        (Some((monitors, pool, image)), Some((other_monitors, other_pool, other_image))) => {
            pool == other_pool && image == other_image && monitors.iter().any(|it| other_monitors.contains(it))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(field: &str, id: &str, read_only: bool) -> VolumeSource {
        VolumeSource::Disk { field: field.into(), id: id.into(), read_only, unmanaged: false }
    }

    #[test]
    fn disks_that_are_only_read_can_be_shared_but_for_ebs() {
        assert!(!conflict(&disk("gcePersistentDisk", "a", true), &disk("gcePersistentDisk", "a", true)));
        assert!(conflict(&disk("gcePersistentDisk", "a", true), &disk("gcePersistentDisk", "a", false)));
        assert!(conflict(&disk("awsElasticBlockStore", "a", true), &disk("awsElasticBlockStore", "a", true)));
        assert!(!conflict(&disk("iscsi", "a", false), &disk("gcePersistentDisk", "a", false)));
    }

    #[test]
    fn an_image_is_the_same_by_any_monitor() {
        let image = |id: &str| disk("rbd", id, false);
        assert!(conflict(&image("m1,m2|rbd|i"), &image("m2,m3||i")));
        assert!(!conflict(&image("m1|rbd|i"), &image("m3|rbd|i")));
        assert!(!conflict(&image("m1|a|i"), &image("m1|b|i")));
    }
}
