//! In-tree volume sources whose work a CSI driver does (KEP-625): under which driver, handle and topology the scheduler
//! sees them.
//!
//! Source: `k8s.io/csi-translation-lib/plugins`, with the sources that `isCSIMigrationOn` of the scheduler's plugins
//! names. The others (azureFile, vsphereVolume) are neither translated nor counted there.

use patchkit::{
    rules::{NodeSelector, NodeSelectorTerm, Operator, Requirement},
    snapshot::objects::{
        node::Node,
        storage::{CsiNode, PersistentVolume},
    },
};

/// The annotation of a CSINode with the in-tree plugins whose work is done by CSI there.
const MIGRATED_PLUGINS: &str = "storage.alpha.kubernetes.io/migrated-plugins";
/// Between the zones of a volume's label.
pub(super) const ZONE_DELIMITER: &str = "__";
pub(super) const ZONE: &str = "topology.kubernetes.io/zone";
pub(super) const REGION: &str = "topology.kubernetes.io/region";
pub(super) const BETA_ZONE: &str = "failure-domain.beta.kubernetes.io/zone";
pub(super) const BETA_REGION: &str = "failure-domain.beta.kubernetes.io/region";

/// An in-tree plugin and the driver that took its place.
#[derive(Debug)]
pub(super) struct InTree {
    /// The name as a provisioner and in the annotation of a CSINode.
    pub(super) plugin: &'static str,
    /// The CSI driver.
    pub(super) driver: &'static str,
    /// The field of a volume's source.
    field: &'static str,
    /// The driver's own label for zones, which a translated volume asks for.
    zone_key: Option<&'static str>,
}

const TRANSLATED: &[InTree] = &[
    InTree {
        plugin: "kubernetes.io/aws-ebs",
        driver: "ebs.csi.aws.com",
        field: "awsElasticBlockStore",
        zone_key: Some("topology.ebs.csi.aws.com/zone"),
    },
    InTree {
        plugin: "kubernetes.io/gce-pd",
        driver: "pd.csi.storage.gke.io",
        field: "gcePersistentDisk",
        zone_key: Some("topology.gke.io/zone"),
    },
    InTree { plugin: "kubernetes.io/azure-disk", driver: "disk.csi.azure.com", field: "azureDisk", zone_key: None },
    InTree {
        plugin: "kubernetes.io/cinder",
        driver: "cinder.csi.openstack.org",
        field: "cinder",
        zone_key: Some("topology.cinder.csi.openstack.org/zone"),
    },
    InTree {
        plugin: "kubernetes.io/portworx-volume",
        driver: "pxd.portworx.com",
        field: "portworxVolume",
        zone_key: None,
    },
];

/// In-tree plugins that know a translation which the scheduler does not use: their provisioners are never counted.
const UNCOUNTED: &[&str] = &["kubernetes.io/azure-file", "kubernetes.io/vsphere-volume"];

impl InTree {
    /// Of the field of a volume's source.
    pub(super) fn of_field(field: &str) -> Option<&'static Self> {
        TRANSLATED.iter().find(|it| it.field == field)
    }

    /// Of a provisioner.
    pub(super) fn of_plugin(plugin: &str) -> Option<&'static Self> {
        TRANSLATED.iter().find(|it| it.plugin == plugin)
    }

    /// The handle under which the driver knows a volume of the pod's own specification.
    pub(super) fn inline_handle(&self, id: &str, unmanaged: bool) -> Result<String, String> {
        match self.field {
            _ if unmanaged => Err("only managed disks are supported in csi migration".to_owned()),
            "gcePersistentDisk" => Ok(gce_handle("zones", "UNSPECIFIED", id)),
            "awsElasticBlockStore" => ebs_handle(id),
            _ => Ok(id.to_owned()),
        }
    }

    /// The handle under which the driver knows a PersistentVolume.
    pub(super) fn handle(&self, volume: &PersistentVolume) -> Result<String, String> {
        if self.field != "gcePersistentDisk" {
            return self.inline_handle(&volume.handle, volume.unmanaged);
        }
        let label = |key: &str| volume.meta.labels.get(key).filter(|value| !value.is_empty());
        let zones = label(BETA_ZONE).or_else(|| label(ZONE)).unwrap_or_default();
        match zones.split(ZONE_DELIMITER).collect::<Vec<_>>().as_slice() {
            [""] => Ok(gce_handle("zones", "UNSPECIFIED", &volume.handle)),
            [zone] => Ok(gce_handle("zones", zone, &volume.handle)),
            zones => Ok(gce_handle("regions", &gce_region(zones)?, &volume.handle)),
        }
    }

    /// The node affinity of a volume as the driver has it; `None` where it has none.
    pub(super) fn node_affinity(&self, volume: &PersistentVolume) -> Option<NodeSelector> {
        let own = volume.node_affinity.clone();
        let Some(csi_key) = self.zone_key else { return own };
        let (zone_key, region_key) = topology_keys(volume);
        let mut selector = own.unwrap_or_default();
        let has = |selector: &NodeSelector, key: &str| {
            let mut all = selector.node_selector_terms.iter().flat_map(|term| &term.match_expressions);
            all.any(|it| it.key == key && !it.values.is_empty())
        };
        if has(&selector, zone_key) {
            rename(&mut selector, zone_key, csi_key);
        } else if let Some(zones) = volume.meta.labels.get(zone_key) {
            add_zones(&mut selector, csi_key, zones);
        }
        if region_key == BETA_REGION && has(&selector, region_key) {
            rename(&mut selector, region_key, REGION);
        }
        (volume.node_affinity.is_some() || !selector.node_selector_terms.is_empty()).then_some(selector)
    }
}

/// Whether a provisioner is an in-tree plugin that knows a translation, used or not.
pub(super) fn is_uncounted_plugin(plugin: &str) -> bool {
    UNCOUNTED.contains(&plugin)
}

/// Whether CSI does the work of a plugin on the node of this CSINode.
pub(super) fn is_migrated(csi_node: Option<&CsiNode>, plugin: &str) -> bool {
    let listed = csi_node.and_then(|it| it.meta.annotations.get(MIGRATED_PLUGINS));
    listed.is_some_and(|list| list.split(',').any(|migrated| migrated == plugin))
}

/// Whether a node has any label of a zone or a region.
pub(super) fn has_zone_labels(node: &Node) -> bool {
    [BETA_ZONE, BETA_REGION, ZONE, REGION].iter().any(|key| node.meta.labels.contains_key(key))
}

/// The current keys or the beta ones, whichever the volume uses.
fn topology_keys(volume: &PersistentVolume) -> (&'static str, &'static str) {
    let in_affinity = |key: &str| {
        let terms = volume.node_affinity.iter().flat_map(|selector| &selector.node_selector_terms);
        terms.flat_map(|term| &term.match_expressions).any(|it| it.key == key)
    };
    let labels = &volume.meta.labels;
    let beta = if in_affinity(ZONE) {
        false
    } else if in_affinity(BETA_ZONE) {
        true
    } else {
        !labels.contains_key(ZONE) && labels.contains_key(BETA_ZONE)
    };
    if beta { (BETA_ZONE, BETA_REGION) } else { (ZONE, REGION) }
}

fn rename(selector: &mut NodeSelector, from: &str, to: &'static str) {
    for requirement in selector.node_selector_terms.iter_mut().flat_map(|term| &mut term.match_expressions) {
        if requirement.key == from {
            requirement.key = to.into();
        }
    }
}

/// Adds the zones of a label to every term.
fn add_zones(selector: &mut NodeSelector, key: &'static str, label: &str) {
    let mut zones: Vec<&str> = label.split(ZONE_DELIMITER).map(str::trim).filter(|zone| !zone.is_empty()).collect();
    zones.sort_unstable();
    zones.dedup();
    if zones.is_empty() {
        return;
    }
    if selector.node_selector_terms.is_empty() {
        selector.node_selector_terms.push(NodeSelectorTerm::default());
    }
    for term in &mut selector.node_selector_terms {
        term.match_expressions.push(Requirement {
            key: key.into(),
            operator: Operator::In,
            values: zones.iter().map(|zone| (*zone).into()).collect(),
        });
    }
}

fn gce_handle(kind: &str, place: &str, disk: &str) -> String {
    format!("projects/UNSPECIFIED/{kind}/{place}/disks/{disk}")
}

/// The region of zones such as `europe-west1-b`.
fn gce_region(zones: &[&str]) -> Result<String, String> {
    let mut regions: Vec<String> = Vec::new();
    for zone in zones {
        let [place, region, _] = zone.split('-').collect::<Vec<_>>()[..] else {
            return Err(format!("zone in unexpected format, expected: {{locale}}-{{region}}-{{zone}}, got: {zone}"));
        };
        regions.push(format!("{place}-{region}"));
    }
    regions.sort();
    regions.dedup();
    match regions.as_slice() {
        [region] => Ok(region.clone()),
        _ => Err(format!("multiple or no regions gotten from zones, got: {}", regions.join(", "))),
    }
}

/// The volume's id from the forms `aws://zone/vol-1`, `aws:///vol-1` and `vol-1`.
fn ebs_handle(id: &str) -> Result<String, String> {
    let Some(rest) = id.strip_prefix("aws://") else { return Ok(id.to_owned()) };
    let path = rest.split_once('/').map_or("", |(_, path)| path).trim_matches('/');
    if path.starts_with("vol-") && !path.contains('/') {
        Ok(path.to_owned())
    } else {
        Err(format!("Invalid format for AWS volume ({id})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_the_drivers_own() {
        assert_eq!(ebs_handle("aws://eu-west-1a/vol-12").as_deref(), Ok("vol-12"));
        assert_eq!(ebs_handle("vol-12").as_deref(), Ok("vol-12"));
        assert!(ebs_handle("aws://eu-west-1a/disk").is_err());
        assert_eq!(gce_region(&["europe-west1-b", "europe-west1-c"]).as_deref(), Ok("europe-west1"));
        assert!(gce_region(&["europe-west1-b", "us-east1-c"]).is_err());
    }
}
