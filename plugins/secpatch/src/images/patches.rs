//! Patches that move images out of a frozen registry.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::ImageEntry;

/// A strategic merge patch for one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// The name of its file.
    pub file: String,
    /// The object, for people.
    pub object: String,
    /// The patch, which names its object.
    pub body: Value,
}

/// The patches, and why some images are left as they are.
#[must_use]
pub fn patches(images: &[ImageEntry]) -> (Vec<Patch>, Vec<String>) {
    type Key<'a> = (&'a str, &'a str, Option<&'a str>, &'a str);
    let mut objects: BTreeMap<Key<'_>, BTreeMap<&'static str, Vec<Value>>> = BTreeMap::new();
    let mut left = BTreeSet::new();
    for image in images {
        let Some(rewrite) = &image.rewrite else { continue };
        for user in &image.used_by {
            let why = match (user.kind.as_str(), user.field) {
                (_, "ephemeralContainers") => Some("an ephemeral container cannot be changed: it ends with its pod"),
                ("Job", _) => Some("the template of a Job cannot be changed: make the Job anew"),
                (kind, _) if path(kind).is_none() => Some("it is not known where its template stands"),
                _ => None,
            };
            if let Some(why) = why {
                left.insert(format!("{}: {why}", user.display()));
                continue;
            }
            let key = (user.api_version.as_str(), user.kind.as_str(), user.namespace.as_deref(), user.name.as_str());
            let containers = objects.entry(key).or_default().entry(user.field).or_default();
            containers.push(json!({"name": user.container, "image": rewrite}));
        }
    }
    let patches = objects
        .into_iter()
        .filter_map(|((api_version, kind, namespace, name), fields)| {
            let mut body = json!(fields);
            for step in path(kind)?.iter().rev() {
                body = json!({*step: body});
            }
            let mut metadata = json!({"name": name});
            if let Some(namespace) = namespace {
                metadata["namespace"] = namespace.into();
            }
            body["apiVersion"] = api_version.into();
            body["kind"] = kind.into();
            body["metadata"] = metadata;
            let words: Vec<String> =
                [Some(kind), namespace, Some(name)].into_iter().flatten().map(str::to_lowercase).collect();
            let object = match namespace {
                Some(namespace) => format!("{kind} {namespace}/{name}"),
                None => format!("{kind} {name}"),
            };
            Some(Patch { file: format!("{}.yaml", words.join("-")), object, body })
        })
        .collect();
    (patches, left.into_iter().collect())
}

/// Where the pod specification stands in an object of this kind.
fn path(kind: &str) -> Option<&'static [&'static str]> {
    match kind {
        "Pod" => Some(&["spec"]),
        "PodTemplate" => Some(&["template", "spec"]),
        "CronJob" => Some(&["spec", "jobTemplate", "spec", "template", "spec"]),
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" => {
            Some(&["spec", "template", "spec"])
        }
        _ => None,
    }
}

/// The kustomize component that applies the patches.
#[must_use]
pub fn component(patches: &[Patch]) -> Value {
    let paths: Vec<Value> = patches.iter().map(|patch| json!({"path": patch.file})).collect();
    json!({"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", "patches": paths})
}
