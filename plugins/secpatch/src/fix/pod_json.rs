//! A pod as the API writes it, from what a snapshot keeps of it: enough to apply a patch to, and to judge the outcome.

use patchkit::rules::{Labels, PodSpec};
use serde_json::{Value, json};

use crate::pod_security::Subject;

/// The pod in JSON.
pub(super) fn to_json(subject: Subject<'_>) -> Result<Value, serde_json::Error> {
    let mut spec = serde_json::to_value(subject.spec)?;
    let volumes: Vec<Value> = subject
        .spec
        .volumes
        .iter()
        .map(|volume| match volume.source.field() {
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
