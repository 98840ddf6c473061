//! A pod as the API writes it, from what a snapshot keeps of it: enough to apply a patch to, and to judge the outcome.

use patchkit::rules::{Labels, PodSpec, pod::VolumeSource};
use serde_json::{Value, json};

use crate::pod_security::Subject;

/// The field that a volume's source stands in.
pub(super) fn source_field(source: &VolumeSource) -> Option<&str> {
    Some(match source {
        VolumeSource::None => return None,
        VolumeSource::EmptyDir { .. } => "emptyDir",
        VolumeSource::HostPath { .. } => "hostPath",
        VolumeSource::PersistentVolumeClaim { .. } => "persistentVolumeClaim",
        VolumeSource::Ephemeral { .. } => "ephemeral",
        VolumeSource::ConfigMap { .. } => "configMap",
        VolumeSource::Secret { .. } => "secret",
        VolumeSource::Projected { .. } => "projected",
        VolumeSource::DownwardApi => "downwardAPI",
        VolumeSource::Csi { .. } => "csi",
        VolumeSource::GitRepo => "gitRepo",
        VolumeSource::Image => "image",
        VolumeSource::Disk { field, .. } | VolumeSource::Other { field } => field,
    })
}

/// The pod in JSON.
pub(super) fn to_json(subject: Subject<'_>) -> Result<Value, serde_json::Error> {
    let mut spec = serde_json::to_value(subject.spec)?;
    let volumes: Vec<Value> = subject
        .spec
        .volumes
        .iter()
        .map(|volume| match source_field(&volume.source) {
            Some(field) => json!({"name": volume.name, field: {}}),
            None => json!({"name": volume.name}),
        })
        .collect();
    spec["volumes"] = volumes.into();
    Ok(json!({"metadata": {"annotations": subject.annotations}, "spec": spec}))
}

/// What is judged of a pod in JSON.
pub(super) fn from_json(pod: &Value) -> Result<(Labels, PodSpec), serde_json::Error> {
    let annotations = serde::Deserialize::deserialize(&pod["metadata"]["annotations"])?;
    let spec = serde::Deserialize::deserialize(&pod["spec"])?;
    Ok((annotations, spec))
}
