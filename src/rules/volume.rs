//! Reading a volume: which of some thirty source fields it has.

use std::fmt;

use compact_str::CompactString;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

use super::{
    null::or_default,
    pod::{ClaimName, NamedReference, ResourceRequirements, Volume, VolumeSource},
};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct EmptyDir {
    #[serde(deserialize_with = "or_default")]
    medium: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct HostPath {
    #[serde(deserialize_with = "or_default")]
    path: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Claim {
    #[serde(deserialize_with = "or_default")]
    claim_name: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Secret {
    #[serde(deserialize_with = "or_default")]
    secret_name: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Csi {
    #[serde(deserialize_with = "or_default")]
    driver: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Ephemeral {
    #[serde(deserialize_with = "or_default")]
    volume_claim_template: ClaimTemplate,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ClaimTemplate {
    #[serde(deserialize_with = "or_default")]
    spec: ClaimSpec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ClaimSpec {
    storage_class_name: Option<CompactString>,
    #[serde(deserialize_with = "or_default")]
    access_modes: Vec<CompactString>,
    #[serde(deserialize_with = "or_default")]
    volume_mode: CompactString,
    #[serde(deserialize_with = "or_default")]
    resources: ResourceRequirements,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Projected {
    #[serde(deserialize_with = "or_default")]
    sources: Vec<Projection>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Projection {
    secret: Option<NamedReference>,
    config_map: Option<NamedReference>,
    service_account_token: Option<IgnoredAny>,
}

/// The fields that name the disk of the in-tree sources that a node can attach only once
/// (`pkg/scheduler/framework/plugins/volumerestrictions`), and of the in-tree sources that count as a CSI driver's.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Disk {
    #[serde(rename = "pdName", deserialize_with = "or_default")]
    gce: CompactString,
    #[serde(rename = "volumeID", deserialize_with = "or_default")]
    volume_id: CompactString,
    /// The name of an Azure disk tells nothing: its URI is the identity.
    #[serde(rename = "diskURI", deserialize_with = "or_default")]
    azure: CompactString,
    #[serde(deserialize_with = "or_default")]
    monitors: Vec<CompactString>,
    #[serde(deserialize_with = "or_default")]
    pool: CompactString,
    #[serde(deserialize_with = "or_default")]
    image: CompactString,
    #[serde(rename = "targetPortal", deserialize_with = "or_default")]
    portal: CompactString,
    #[serde(deserialize_with = "or_default")]
    iqn: CompactString,
    #[serde(deserialize_with = "or_default")]
    lun: i32,
    #[serde(rename = "readOnly", deserialize_with = "or_default")]
    read_only: bool,
    /// Of an Azure disk: `Shared` (the default), `Dedicated` or `Managed`.
    #[serde(deserialize_with = "or_default")]
    kind: CompactString,
}

/// Whether an Azure disk of this kind is one that the cloud manages (`k8s.io/csi-translation-lib/plugins/azure_disk.go`).
pub(crate) fn is_managed_azure_disk(kind: &str) -> bool {
    kind.eq_ignore_ascii_case("managed")
}

impl Disk {
    fn identity(&self, field: &str) -> CompactString {
        match field {
            "gcePersistentDisk" => self.gce.clone(),
            "azureDisk" => self.azure.clone(),
            // Any shared monitor makes two RBD images the same one, so all of them are part of the identity.
            "rbd" => format!("{}|{}|{}", self.monitors.join(","), self.pool, self.image).into(),
            // The plugin compares only the IQN; portal and LUN may differ.
            "iscsi" => self.iqn.clone(),
            _ => self.volume_id.clone(),
        }
    }
}

impl<'de> Deserialize<'de> for Volume {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Volume;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a volume")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Volume, A::Error> {
                let mut volume = Volume::default();
                while let Some(field) = map.next_key::<CompactString>()? {
                    if field == "name" {
                        volume.name = map.next_value::<Option<_>>()?.unwrap_or_default();
                    } else if let Some(source) = source(&field, &mut map)?
                        // No API server takes two sources. Of two in a file, a folder of the node is the one to see.
                        && !matches!(volume.source, VolumeSource::HostPath { .. })
                    {
                        volume.source = source;
                    }
                }
                Ok(volume)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// The source that a field holds; `None` where its value is null.
fn source<'de, A: MapAccess<'de>>(field: &str, map: &mut A) -> Result<Option<VolumeSource>, A::Error> {
    Ok(match field {
        "emptyDir" => {
            map.next_value::<Option<EmptyDir>>()?.map(|found| VolumeSource::EmptyDir { medium: found.medium })
        }
        "hostPath" => map.next_value::<Option<HostPath>>()?.map(|found| VolumeSource::HostPath { path: found.path }),
        "persistentVolumeClaim" => map
            .next_value::<Option<Claim>>()?
            .map(|found| VolumeSource::PersistentVolumeClaim { claim: ClaimName::Named(found.claim_name) }),
        "ephemeral" => map.next_value::<Option<Ephemeral>>()?.map(|found| {
            let spec = found.volume_claim_template.spec;
            VolumeSource::Ephemeral {
                storage_class: spec.storage_class_name,
                access_modes: spec.access_modes,
                volume_mode: spec.volume_mode,
                request: spec.resources.requests.get("storage").copied().unwrap_or_default(),
            }
        }),
        "configMap" => {
            map.next_value::<Option<NamedReference>>()?.map(|found| VolumeSource::ConfigMap { name: found.name })
        }
        "secret" => map.next_value::<Option<Secret>>()?.map(|found| VolumeSource::Secret { name: found.secret_name }),
        "projected" => map.next_value::<Option<Projected>>()?.map(projected),
        "downwardAPI" => map.next_value::<Option<IgnoredAny>>()?.map(|_| VolumeSource::DownwardApi),
        "csi" => map.next_value::<Option<Csi>>()?.map(|found| VolumeSource::Csi { driver: found.driver }),
        "gitRepo" => map.next_value::<Option<IgnoredAny>>()?.map(|_| VolumeSource::GitRepo),
        "image" => map.next_value::<Option<IgnoredAny>>()?.map(|_| VolumeSource::Image),
        "gcePersistentDisk"
        | "awsElasticBlockStore"
        | "azureDisk"
        | "rbd"
        | "iscsi"
        | "cinder"
        | "vsphereVolume"
        | "portworxVolume" => map.next_value::<Option<Disk>>()?.map(|disk| VolumeSource::Disk {
            field: field.into(),
            id: disk.identity(field),
            read_only: disk.read_only,
            unmanaged: field == "azureDisk" && !is_managed_azure_disk(&disk.kind),
        }),
        _ => map.next_value::<Option<IgnoredAny>>()?.map(|_| VolumeSource::Other { field: field.into() }),
    })
}

fn projected(found: Projected) -> VolumeSource {
    let mut secrets = Vec::new();
    let mut config_maps = Vec::new();
    let mut service_account_token = false;
    for projection in found.sources {
        secrets.extend(projection.secret.map(|reference| reference.name));
        config_maps.extend(projection.config_map.map(|reference| reference.name));
        service_account_token |= projection.service_account_token.is_some();
    }
    VolumeSource::Projected { secrets, config_maps, service_account_token }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> VolumeSource {
        serde_json::from_str::<Volume>(json).unwrap().source
    }

    #[test]
    fn each_source_keeps_what_the_rules_read() {
        assert_eq!(read(r#"{"name":"a","emptyDir":{}}"#), VolumeSource::EmptyDir { medium: "".into() });
        assert_eq!(
            read(r#"{"name":"a","emptyDir":null,"hostPath":{"path":"/x"}}"#),
            VolumeSource::HostPath { path: "/x".into() }
        );
        assert_eq!(read(r#"{"name":"a","nfs":{"server":"s"}}"#), VolumeSource::Other { field: "nfs".into() });
        assert_eq!(
            read(r#"{"name":"a","gcePersistentDisk":{"pdName":"d","readOnly":true}}"#),
            VolumeSource::Disk { field: "gcePersistentDisk".into(), id: "d".into(), read_only: true, unmanaged: false }
        );
        assert_eq!(
            read(
                r#"{"name":"a","projected":{"sources":[{"serviceAccountToken":{"path":"t"}},{"configMap":{"name":"c"}}]}}"#
            ),
            VolumeSource::Projected { secrets: vec![], config_maps: vec!["c".into()], service_account_token: true }
        );
        assert_eq!(read(r#"{"name":"a"}"#), VolumeSource::None);
    }
}
