//! VolumeZone: the zone and region labels of a bound volume must be the node's
//! (`plugins/volumezone/volume_zone.go`).

use patchkit::{rules::Labels, snapshot::objects::node::Node};

use super::{
    filter::{Filter, Reason, Rejection},
    in_tree::{BETA_REGION, BETA_ZONE, REGION, ZONE, ZONE_DELIMITER, has_zone_labels},
    storage::{Storage, UsedClaim, class_of_claim, waits_for_consumer},
};

/// What the volumes ask of a node: one of these values under this key.
#[derive(Debug)]
pub(super) struct Zones<'a>(Vec<(&'static str, Vec<&'a str>)>);

/// PreFilter: the labels of the volumes; `None` where there are none.
pub(super) fn prepare<'a>(claims: &[UsedClaim<'a>], storage: &Storage<'a>) -> Result<Option<Zones<'a>>, Rejection> {
    let reject = |words: String| Err(Rejection::new(Filter::VolumeZone, words));
    let mut zones = Vec::new();
    for used in claims.iter().filter(|used| !used.ephemeral) {
        let Some(claim) = used.claim else {
            return reject(format!("persistentvolumeclaim {:?} not found", used.name.as_str()));
        };
        if claim.volume_name.is_empty() {
            let name = class_of_claim(claim);
            match storage.class(name) {
                _ if name.is_empty() => {
                    return reject("PersistentVolumeClaim had no pv name and storageClass name".to_owned());
                }
                None => return reject(format!("storageclass.storage.k8s.io {name:?} not found")),
                Some(class) if waits_for_consumer(class) => continue,
                Some(_) => return reject("PersistentVolume had no name".to_owned()),
            }
        }
        let Some(volume) = storage.volume(&claim.volume_name) else {
            return reject(format!("persistentvolume {:?} not found", claim.volume_name.as_str()));
        };
        zones.extend(of_labels(&volume.meta.labels));
    }
    Ok((!zones.is_empty()).then_some(Zones(zones)))
}

fn of_labels(labels: &Labels) -> impl Iterator<Item = (&'static str, Vec<&str>)> {
    [BETA_ZONE, BETA_REGION, ZONE, REGION].into_iter().filter_map(|key| {
        let values: Vec<&str> = labels.get(key)?.split(ZONE_DELIMITER).map(str::trim).collect();
        // A label with an empty part is no label.
        values.iter().all(|value| !value.is_empty()).then_some((key, values))
    })
}

impl Zones<'_> {
    /// Whether the node is where the volumes are. A node without any such label is everywhere.
    pub(super) fn filter(&self, node: &Node) -> Result<(), Reason> {
        if !has_zone_labels(node) {
            return Ok(());
        }
        let matches = |(key, values): &(&str, Vec<&str>)| {
            let current = match *key {
                BETA_ZONE => ZONE,
                BETA_REGION => REGION,
                other => other,
            };
            node.label(key).or_else(|| node.label(current)).is_some_and(|value| values.contains(&value))
        };
        if self.0.iter().all(matches) { Ok(()) } else { Err(Reason::from("node(s) had no available volume zone")) }
    }
}
