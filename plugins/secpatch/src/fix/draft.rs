//! A strategic merge patch of a pod that is put together field by field.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A patch of a pod or template while it is made.
#[derive(Default)]
pub(super) struct Draft {
    annotations: Map<String, Value>,
    spec: Map<String, Value>,
    /// By field and by the container's place in it.
    containers: BTreeMap<(&'static str, usize), Map<String, Value>>,
    volumes: Vec<Value>,
}

/// Sets a field below a map, with the maps on the way to it.
fn set(map: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [last] => {
            map.insert((*last).to_owned(), value);
        }
        [first, rest @ ..] => {
            let inner = map.entry((*first).to_owned()).or_insert_with(|| json!({}));
            if !inner.is_object() {
                *inner = json!({});
            }
            if let Value::Object(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

impl Draft {
    /// Sets a field of the pod's specification; null takes it away.
    pub(super) fn pod(&mut self, path: &[&str], value: Value) {
        set(&mut self.spec, path, value);
    }

    /// Sets a field of a container, which is known by its field, its place there and its name.
    pub(super) fn container(&mut self, at: (&'static str, usize), name: &str, path: &[&str], value: Value) {
        let map = self.containers.entry(at).or_default();
        map.insert("name".to_owned(), name.into());
        set(map, path, value);
    }

    /// Takes an annotation away.
    pub(super) fn drop_annotation(&mut self, key: &str) {
        self.annotations.insert(key.to_owned(), Value::Null);
    }

    /// Changes or removes a volume.
    pub(super) fn volume(&mut self, volume: Value) {
        self.volumes.push(volume);
    }

    /// The patch; `None` where it changes nothing.
    pub(super) fn finish(mut self) -> Option<Value> {
        for ((field, _), container) in self.containers {
            let list = self.spec.entry(field.to_owned()).or_insert_with(|| json!([]));
            if let Value::Array(list) = list {
                list.push(container.into());
            }
        }
        if !self.volumes.is_empty() {
            self.spec.insert("volumes".to_owned(), self.volumes.into());
        }
        let mut patch = Map::new();
        if !self.annotations.is_empty() {
            patch.insert("metadata".to_owned(), json!({"annotations": self.annotations}));
        }
        if !self.spec.is_empty() {
            patch.insert("spec".to_owned(), self.spec.into());
        }
        (!patch.is_empty()).then(|| patch.into())
    }
}
