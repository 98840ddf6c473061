//! The same change as a JSON patch (RFC 6902), for what knows no strategic merge patch.
//!
//! A JSON patch names the items of a list by their place. So it first tests that the item at that place is still the
//! one that is meant: where somebody has put a container before it, the patch fails and changes nothing.

use serde_json::{Map, Value, json};

use super::merge::{DIRECTIVE, merge_key};

/// The operations that make of `before` what the strategic merge patch makes of it, below this pointer. Null in
/// `before` means that nothing is there.
pub(super) fn operations(before: &Value, patch: &Value, pointer: &str) -> Vec<Value> {
    let mut maker = Maker::default();
    maker.object(before, patch, pointer);
    // Taken from the end, so that no removal moves the place of another.
    maker.operations.extend(maker.removals.into_iter().rev());
    maker.operations
}

#[derive(Default)]
struct Maker {
    operations: Vec<Value>,
    /// Of items of lists, in ascending order within each.
    removals: Vec<Value>,
}

/// A key as a part of a pointer (RFC 6901).
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A value that is added where nothing was: without the fields that it takes away.
fn plain(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(map) => {
            let fields: Map<String, Value> =
                map.iter().filter_map(|(key, value)| Some((key.clone(), plain(value)?))).collect();
            // An empty map that was asked for is one; one that only took fields away is none.
            (map.is_empty() || !fields.is_empty()).then(|| fields.into())
        }
        Value::Array(items) => {
            let is_kept = |item: &&Value| item.get(DIRECTIVE).is_none();
            Some(items.iter().filter(is_kept).filter_map(plain).collect::<Vec<Value>>().into())
        }
        other => Some(other.clone()),
    }
}

impl Maker {
    fn add(&mut self, pointer: String, value: Value) {
        self.operations.push(json!({"op": "add", "path": pointer, "value": value}));
    }

    fn object(&mut self, before: &Value, patch: &Value, pointer: &str) {
        let Value::Object(changes) = patch else { return };
        for (field, change) in changes.iter().filter(|(field, _)| !field.starts_with('$')) {
            let here = format!("{pointer}/{}", escaped(field));
            let was = before.get(field).filter(|was| !was.is_null());
            match (was, change, merge_key(field)) {
                (Some(_), Value::Null, _) => self.operations.push(json!({"op": "remove", "path": here})),
                (None, Value::Null, _) => {}
                (Some(Value::Array(was)), Value::Array(items), Some(key))
                    if !items.iter().any(|item| item[DIRECTIVE] == "replace") =>
                {
                    self.list(was, items, key, &here);
                }
                (Some(was @ Value::Object(_)), Value::Object(_), _) => self.object(was, change, &here),
                // Adding a member that is there replaces it.
                (_, change, _) => {
                    if let Some(value) = plain(change) {
                        self.add(here, value);
                    }
                }
            }
        }
    }

    fn list(&mut self, was: &[Value], items: &[Value], key: &str, pointer: &str) {
        let mut removed = Vec::new();
        for item in items {
            let at = was.iter().position(|known| known[key] == item[key]);
            match at {
                None if item[DIRECTIVE] == "delete" => {}
                None => {
                    if let Some(value) = plain(item) {
                        self.add(format!("{pointer}/-"), value);
                    }
                }
                Some(at) => {
                    let here = format!("{pointer}/{at}");
                    self.operations.push(json!({"op": "test", "path": format!("{here}/{key}"), "value": item[key]}));
                    if item[DIRECTIVE] == "delete" {
                        removed.push(at);
                    } else {
                        let mut rest = item.clone();
                        if let Value::Object(rest) = &mut rest {
                            rest.remove(key);
                        }
                        self.object(&was[at], &rest, &here);
                    }
                }
            }
        }
        removed.sort_unstable();
        self.removals.extend(removed.into_iter().map(|at| json!({"op": "remove", "path": format!("{pointer}/{at}")})));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_tested_before_they_are_changed_and_removed_from_the_end() {
        let before = json!({
            "hostPID": true,
            "securityContext": null,
            "containers": [{"name": "a", "securityContext": {"capabilities": {"add": ["X"]}}}, {"name": "b"}],
            "volumes": [{"name": "v"}, {"name": "w"}, {"name": "x", "hostPath": {}}],
        });
        let patch = json!({
            "hostPID": null,
            "hostIPC": null,
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault", "localhostProfile": null}},
            "containers": [
                {"name": "a", "securityContext": {"capabilities": {"add": null, "drop": ["ALL"]}}},
                {"name": "b", "securityContext": {"privileged": null}},
            ],
            "volumes": [
                {"name": "v", "$patch": "delete"},
                {"name": "w", "$patch": "delete"},
                {"name": "x", "hostPath": null, "emptyDir": {}},
            ],
        });
        let made = operations(&before, &patch, "/spec");
        let words: Vec<String> = made
            .iter()
            .map(|it| format!("{} {} {}", it["op"].as_str().unwrap(), it["path"].as_str().unwrap(), it["value"]))
            .collect();
        assert_eq!(
            words,
            [
                "test /spec/containers/0/name \"a\"",
                "remove /spec/containers/0/securityContext/capabilities/add null",
                "add /spec/containers/0/securityContext/capabilities/drop [\"ALL\"]",
                "test /spec/containers/1/name \"b\"",
                "remove /spec/hostPID null",
                "add /spec/securityContext {\"seccompProfile\":{\"type\":\"RuntimeDefault\"}}",
                "test /spec/volumes/0/name \"v\"",
                "test /spec/volumes/1/name \"w\"",
                "test /spec/volumes/2/name \"x\"",
                "add /spec/volumes/2/emptyDir {}",
                "remove /spec/volumes/2/hostPath null",
                "remove /spec/volumes/1 null",
                "remove /spec/volumes/0 null",
            ]
        );
    }

    #[test]
    fn keys_are_escaped_and_lists_that_are_replaced_come_whole() {
        let before = json!({"annotations": {"a.b/c~d": "x"}, "ports": [{"containerPort": 1}]});
        let patch = json!({"annotations": {"a.b/c~d": null}, "ports": [{"$patch": "replace"}, {"containerPort": 1}]});
        assert_eq!(
            operations(&before, &patch, ""),
            [
                json!({"op": "remove", "path": "/annotations/a.b~1c~0d"}),
                json!({"op": "add", "path": "/ports", "value": [{"containerPort": 1}]}),
            ]
        );
    }
}
