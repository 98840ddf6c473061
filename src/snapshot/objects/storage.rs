//! Volumes, claims, classes, and what CSI drivers say.

use compact_str::CompactString;
use serde::{Deserialize, de::IgnoredAny};

use super::{
    Context, Meta, Resource,
    meta::{WireMeta, WirePhase},
};
use crate::rules::{
    NodeSelector, NodeSelectorTerm, Quantity, Requirement, Resources, null::or_default, volume::is_managed_azure_disk,
};

/// A PersistentVolume.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct PersistentVolume {
    pub meta: Meta,
    pub storage_class: CompactString,
    pub capacity: Quantity,
    pub access_modes: Vec<CompactString>,
    pub volume_mode: CompactString,
    pub claim: Option<ClaimRef>,
    pub node_affinity: Option<NodeSelector>,
    /// The field of the specification that holds the source: `csi`, `local`, `hostPath`, `portworxVolume`, …
    pub source: CompactString,
    /// The driver, where the source is CSI or FlexVolume.
    pub driver: CompactString,
    /// The handle, or what names the disk of an in-tree source.
    pub handle: CompactString,
    /// An Azure disk in somebody's storage account, which no CSI driver takes over.
    pub unmanaged: bool,
    /// The VolumeAttributesClass; empty for none.
    pub attributes_class: CompactString,
    pub phase: CompactString,
}

/// The claim that a volume is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct ClaimRef {
    #[serde(deserialize_with = "or_default")]
    pub namespace: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub name: CompactString,
    #[serde(deserialize_with = "or_default")]
    pub uid: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireVolume {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: WireVolumeSpec,
    #[serde(deserialize_with = "or_default")]
    status: WirePhase,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireVolumeSpec {
    #[serde(deserialize_with = "or_default")]
    storage_class_name: CompactString,
    #[serde(deserialize_with = "or_default")]
    capacity: Resources,
    #[serde(deserialize_with = "or_default")]
    access_modes: Vec<CompactString>,
    #[serde(deserialize_with = "or_default")]
    volume_mode: CompactString,
    claim_ref: Option<ClaimRef>,
    #[serde(deserialize_with = "or_default")]
    volume_attributes_class_name: CompactString,
    node_affinity: Option<WireVolumeAffinity>,
    csi: Option<WireDriver>,
    flex_volume: Option<WireDriver>,
    local: Option<IgnoredAny>,
    host_path: Option<IgnoredAny>,
    nfs: Option<IgnoredAny>,
    portworx_volume: Option<WireDisk>,
    aws_elastic_block_store: Option<WireDisk>,
    gce_persistent_disk: Option<WireDisk>,
    azure_disk: Option<WireDisk>,
    azure_file: Option<IgnoredAny>,
    cinder: Option<WireDisk>,
    vsphere_volume: Option<WireDisk>,
    rbd: Option<IgnoredAny>,
    cephfs: Option<IgnoredAny>,
    glusterfs: Option<IgnoredAny>,
    iscsi: Option<IgnoredAny>,
    fc: Option<IgnoredAny>,
    #[serde(rename = "scaleIO")]
    scale_io: Option<IgnoredAny>,
    storageos: Option<IgnoredAny>,
    quobyte: Option<IgnoredAny>,
    flocker: Option<IgnoredAny>,
    photon_persistent_disk: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireVolumeAffinity {
    required: Option<NodeSelector>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireDriver {
    #[serde(deserialize_with = "or_default")]
    driver: CompactString,
    #[serde(deserialize_with = "or_default")]
    volume_handle: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireDisk {
    #[serde(rename = "volumeID", deserialize_with = "or_default")]
    volume_id: CompactString,
    #[serde(rename = "pdName", deserialize_with = "or_default")]
    pd_name: CompactString,
    #[serde(rename = "diskURI", deserialize_with = "or_default")]
    disk_uri: CompactString,
    #[serde(deserialize_with = "or_default")]
    kind: CompactString,
    #[serde(rename = "volumePath", deserialize_with = "or_default")]
    volume_path: CompactString,
}

impl WireDisk {
    fn handle(self) -> CompactString {
        [self.volume_id, self.pd_name, self.disk_uri, self.volume_path]
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    }
}

impl WireVolumeSpec {
    /// The field of the source, its driver and its handle.
    fn source(&mut self) -> (&'static str, CompactString, CompactString) {
        let nothing = CompactString::default();
        if let Some(csi) = self.csi.take() {
            return ("csi", csi.driver, csi.volume_handle);
        }
        if let Some(flex) = self.flex_volume.take() {
            return ("flexVolume", flex.driver, nothing);
        }
        for (field, disk) in [
            ("portworxVolume", self.portworx_volume.take()),
            ("awsElasticBlockStore", self.aws_elastic_block_store.take()),
            ("gcePersistentDisk", self.gce_persistent_disk.take()),
            ("azureDisk", self.azure_disk.take()),
            ("cinder", self.cinder.take()),
            ("vsphereVolume", self.vsphere_volume.take()),
        ] {
            if let Some(disk) = disk {
                return (field, nothing, disk.handle());
            }
        }
        let field = [
            ("local", self.local.is_some()),
            ("hostPath", self.host_path.is_some()),
            ("nfs", self.nfs.is_some()),
            ("azureFile", self.azure_file.is_some()),
            ("rbd", self.rbd.is_some()),
            ("cephfs", self.cephfs.is_some()),
            ("glusterfs", self.glusterfs.is_some()),
            ("iscsi", self.iscsi.is_some()),
            ("fc", self.fc.is_some()),
            ("scaleIO", self.scale_io.is_some()),
            ("storageos", self.storageos.is_some()),
            ("quobyte", self.quobyte.is_some()),
            ("flocker", self.flocker.is_some()),
            ("photonPersistentDisk", self.photon_persistent_disk.is_some()),
        ]
        .into_iter()
        .find_map(|(field, present)| present.then_some(field));
        (field.unwrap_or_default(), nothing.clone(), nothing)
    }
}

impl Resource for PersistentVolume {
    type Wire = WireVolume;

    fn keep(wire: WireVolume, context: &mut Context) -> Self {
        let mut spec = wire.spec;
        let unmanaged = spec.azure_disk.as_ref().is_some_and(|disk| !is_managed_azure_disk(&disk.kind));
        let (source, driver, handle) = spec.source();
        Self {
            meta: wire.metadata.keep(context),
            storage_class: spec.storage_class_name,
            capacity: spec.capacity.get("storage").copied().unwrap_or_default(),
            access_modes: spec.access_modes,
            volume_mode: spec.volume_mode,
            claim: spec.claim_ref,
            node_affinity: spec.node_affinity.and_then(|affinity| affinity.required),
            source: source.into(),
            driver,
            handle,
            unmanaged,
            attributes_class: spec.volume_attributes_class_name,
            phase: wire.status.phase,
        }
    }
}

/// A PersistentVolumeClaim.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct PersistentVolumeClaim {
    pub meta: Meta,
    /// `None` asks for the default class, an empty text for none.
    pub storage_class: Option<CompactString>,
    pub access_modes: Vec<CompactString>,
    pub volume_mode: CompactString,
    pub request: Quantity,
    pub selector: Option<crate::rules::LabelSelector>,
    /// The volume that it is bound to, or is to be.
    pub volume_name: CompactString,
    /// The VolumeAttributesClass; empty for none.
    pub attributes_class: CompactString,
    pub phase: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireClaim {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: WireClaimSpec,
    #[serde(deserialize_with = "or_default")]
    status: WirePhase,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireClaimSpec {
    storage_class_name: Option<CompactString>,
    #[serde(deserialize_with = "or_default")]
    access_modes: Vec<CompactString>,
    #[serde(deserialize_with = "or_default")]
    volume_mode: CompactString,
    #[serde(deserialize_with = "or_default")]
    resources: crate::rules::pod::ResourceRequirements,
    selector: Option<crate::rules::LabelSelector>,
    #[serde(deserialize_with = "or_default")]
    volume_name: CompactString,
    #[serde(deserialize_with = "or_default")]
    volume_attributes_class_name: CompactString,
}

impl Resource for PersistentVolumeClaim {
    type Wire = WireClaim;

    fn keep(wire: WireClaim, context: &mut Context) -> Self {
        Self {
            meta: wire.metadata.keep(context),
            storage_class: wire.spec.storage_class_name,
            access_modes: wire.spec.access_modes,
            volume_mode: wire.spec.volume_mode,
            request: wire.spec.resources.requests.get("storage").copied().unwrap_or_default(),
            selector: wire.spec.selector,
            volume_name: wire.spec.volume_name,
            attributes_class: wire.spec.volume_attributes_class_name,
            phase: wire.status.phase,
        }
    }
}

/// A StorageClass.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct StorageClass {
    pub meta: Meta,
    pub provisioner: CompactString,
    pub volume_binding_mode: CompactString,
    pub allowed_topologies: Vec<NodeSelectorTerm>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WireClass {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    provisioner: CompactString,
    #[serde(deserialize_with = "or_default")]
    volume_binding_mode: CompactString,
    #[serde(deserialize_with = "or_default")]
    allowed_topologies: Vec<WireTopologyTerm>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireTopologyTerm {
    #[serde(deserialize_with = "or_default")]
    match_label_expressions: Vec<Requirement>,
}

impl Resource for StorageClass {
    type Wire = WireClass;

    fn keep(wire: WireClass, context: &mut Context) -> Self {
        Self {
            meta: wire.metadata.keep(context),
            provisioner: wire.provisioner,
            volume_binding_mode: wire.volume_binding_mode,
            allowed_topologies: wire
                .allowed_topologies
                .into_iter()
                .map(|term| NodeSelectorTerm { match_expressions: term.match_label_expressions, match_fields: vec![] })
                .collect(),
        }
    }
}

/// A CSIDriver.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct CsiDriver {
    pub meta: Meta,
    pub attach_required: bool,
    pub storage_capacity: bool,
    pub se_linux_mount: bool,
    pub prevent_pod_scheduling_if_missing: bool,
    /// It asks for tokens of the pods' ServiceAccounts (`tokenRequests`).
    pub requests_tokens: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireCsiDriver {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: WireCsiDriverSpec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireCsiDriverSpec {
    attach_required: Option<bool>,
    storage_capacity: Option<bool>,
    se_linux_mount: Option<bool>,
    prevent_pod_scheduling_if_missing: Option<bool>,
    #[serde(deserialize_with = "or_default")]
    token_requests: Vec<IgnoredAny>,
}

impl Resource for CsiDriver {
    type Wire = WireCsiDriver;

    fn keep(wire: WireCsiDriver, context: &mut Context) -> Self {
        Self {
            meta: wire.metadata.keep(context),
            attach_required: wire.spec.attach_required.unwrap_or(true),
            storage_capacity: wire.spec.storage_capacity.unwrap_or_default(),
            se_linux_mount: wire.spec.se_linux_mount.unwrap_or_default(),
            prevent_pod_scheduling_if_missing: wire.spec.prevent_pod_scheduling_if_missing.unwrap_or_default(),
            requests_tokens: !wire.spec.token_requests.is_empty(),
        }
    }
}

/// A CSINode: the drivers of a node with their attach limits.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct CsiNode {
    pub meta: Meta,
    pub drivers: Vec<CsiNodeDriver>,
}

/// One driver on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct CsiNodeDriver {
    pub name: CompactString,
    /// How many volumes can be attached; `None` is no limit.
    pub limit: Option<i64>,
    pub topology_keys: Vec<CompactString>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireCsiNode {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: WireCsiNodeSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireCsiNodeSpec {
    #[serde(deserialize_with = "or_default")]
    drivers: Vec<WireCsiNodeDriver>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireCsiNodeDriver {
    #[serde(deserialize_with = "or_default")]
    name: CompactString,
    allocatable: Option<WireAllocatable>,
    #[serde(deserialize_with = "or_default")]
    topology_keys: Vec<CompactString>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireAllocatable {
    count: Option<i64>,
}

impl Resource for CsiNode {
    type Wire = WireCsiNode;

    fn keep(wire: WireCsiNode, context: &mut Context) -> Self {
        Self {
            meta: wire.metadata.keep(context),
            drivers: wire
                .spec
                .drivers
                .into_iter()
                .map(|driver| CsiNodeDriver {
                    name: driver.name,
                    limit: driver.allocatable.and_then(|allocatable| allocatable.count),
                    topology_keys: driver.topology_keys,
                })
                .collect(),
        }
    }
}

/// A VolumeAttachment.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct VolumeAttachment {
    pub meta: Meta,
    pub attacher: CompactString,
    pub node: CompactString,
    pub volume: CompactString,
    pub attached: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireAttachment {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: WireAttachmentSpec,
    #[serde(deserialize_with = "or_default")]
    status: WireAttachmentStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireAttachmentSpec {
    #[serde(deserialize_with = "or_default")]
    attacher: CompactString,
    #[serde(deserialize_with = "or_default")]
    node_name: CompactString,
    #[serde(deserialize_with = "or_default")]
    source: WireAttachmentSource,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireAttachmentSource {
    #[serde(deserialize_with = "or_default")]
    persistent_volume_name: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireAttachmentStatus {
    #[serde(deserialize_with = "or_default")]
    attached: bool,
}

impl Resource for VolumeAttachment {
    type Wire = WireAttachment;

    fn keep(wire: WireAttachment, context: &mut Context) -> Self {
        Self {
            meta: wire.metadata.keep(context),
            attacher: wire.spec.attacher,
            node: wire.spec.node_name,
            volume: wire.spec.source.persistent_volume_name,
            attached: wire.status.attached,
        }
    }
}

/// A CSIStorageCapacity.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct CsiStorageCapacity {
    pub meta: Meta,
    pub storage_class: CompactString,
    pub node_topology: Option<crate::rules::LabelSelector>,
    pub capacity: Option<Quantity>,
    pub maximum_volume_size: Option<Quantity>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WireCapacity {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    storage_class_name: CompactString,
    node_topology: Option<crate::rules::LabelSelector>,
    capacity: Option<Quantity>,
    maximum_volume_size: Option<Quantity>,
}

impl Resource for CsiStorageCapacity {
    type Wire = WireCapacity;

    fn keep(wire: WireCapacity, context: &mut Context) -> Self {
        Self {
            meta: wire.metadata.keep(context),
            storage_class: wire.storage_class_name,
            node_topology: wire.node_topology,
            capacity: wire.capacity,
            maximum_volume_size: wire.maximum_volume_size,
        }
    }
}
