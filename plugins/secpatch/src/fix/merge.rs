//! Strategic merge patches of pods and of what holds their templates: applied, and turned round.
//!
//! Only what patches of this program hold is known: maps merge, null takes a field away, lists of containers, volumes
//! and ports merge by their key with `$patch: delete` and `$patch: replace`, and every other list is replaced as a
//! whole (`patchStrategy` and `patchMergeKey` in `k8s.io/api/core/v1/types.go`; described in
//! `sig-api-machinery/strategic-merge-patch.md` of kubernetes/community).

use serde_json::{Map, Value, json};

pub(super) const DIRECTIVE: &str = "$patch";

/// The key by which the items of a list are told apart; `None` where a list is replaced as a whole.
pub(super) fn merge_key(field: &str) -> Option<&'static str> {
    match field {
        "containers" | "initContainers" | "ephemeralContainers" | "volumes" => Some("name"),
        "ports" => Some("containerPort"),
        _ => None,
    }
}

/// Applies a patch to an object.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Value::Object(target) = target else { return };
    for (field, change) in changes.iter().filter(|(field, _)| !field.starts_with('$')) {
        match (change, merge_key(field)) {
            (Value::Null, _) => {
                target.remove(field);
            }
            (Value::Array(items), Some(key)) => {
                let list = target.entry(field.clone()).or_insert_with(|| json!([]));
                if !list.is_array() {
                    *list = json!([]);
                }
                if let Value::Array(list) = list {
                    merge_list(list, items, key);
                }
            }
            (Value::Object(_), _) => merge(target.entry(field.clone()).or_insert_with(|| json!({})), change),
            _ => {
                target.insert(field.clone(), change.clone());
            }
        }
    }
    for (field, order) in changes {
        if let (Some(field), Value::Array(order)) = (field.strip_prefix("$setElementOrder/"), order)
            && let (Some(key), Some(Value::Array(list))) = (merge_key(field), target.get_mut(field))
        {
            let place = |item: &Value| order.iter().position(|ordered| ordered[key] == item[key]);
            list.sort_by_key(|item| place(item).unwrap_or(usize::MAX));
        }
    }
}

fn merge_list(list: &mut Vec<Value>, items: &[Value], key: &str) {
    if items.iter().any(|item| item[DIRECTIVE] == "replace") {
        *list = items.iter().filter(|item| item[DIRECTIVE] != "replace").cloned().collect();
        return;
    }
    for item in items {
        let at = list.iter().position(|known| known[key] == item[key]);
        match at {
            Some(at) if item[DIRECTIVE] == "delete" => {
                list.remove(at);
            }
            None if item[DIRECTIVE] == "delete" => {}
            Some(at) => merge(&mut list[at], item),
            None => {
                let mut new = json!({});
                merge(&mut new, item);
                list.push(new);
            }
        }
    }
}

/// Whether a patch would change nothing any more.
#[must_use]
pub fn is_applied(object: &Value, patch: &Value) -> bool {
    let mut again = object.clone();
    merge(&mut again, patch);
    without_empty(&again) == without_empty(object)
}

/// Empty maps and null mean the same as nothing.
fn without_empty(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), without_empty(value)))
            .filter(|(_, value)| !value.is_null() && !value.as_object().is_some_and(Map::is_empty))
            .collect(),
        Value::Array(list) => list.iter().map(without_empty).collect(),
        other => other.clone(),
    }
}

/// The patch that takes a patch back: applied to what came of it, it gives the fields that were touched their values of
/// before. What others have changed beside it in the meantime stays.
#[must_use]
pub fn reverse(patch: &Value, before: &Value) -> Value {
    let Value::Object(changes) = patch else { return before.clone() };
    let mut back = Map::new();
    for (field, change) in changes.iter().filter(|(field, _)| !field.starts_with('$')) {
        let was = before.get(field).filter(|was| !was.is_null());
        match (change, was, merge_key(field)) {
            (_, None, _) => {
                // Taking away what was not there changes nothing, and neither does taking that back.
                if !change.is_null() {
                    back.insert(field.clone(), Value::Null);
                }
            }
            (Value::Array(items), Some(Value::Array(was)), Some(key)) => {
                reverse_list(&mut back, field, items, was, key);
            }
            (Value::Object(_), Some(was @ Value::Object(_)), _) => {
                let inner = reverse(change, was);
                if inner.as_object().is_some_and(|inner| !inner.is_empty()) {
                    back.insert(field.clone(), inner);
                }
            }
            (_, Some(was), _) => {
                back.insert(field.clone(), was.clone());
            }
        }
    }
    back.into()
}

fn reverse_list(back: &mut Map<String, Value>, field: &str, items: &[Value], was: &[Value], key: &str) {
    if items.iter().any(|item| item[DIRECTIVE] == "replace") {
        let mut all = vec![json!({DIRECTIVE: "replace"})];
        all.extend(was.iter().cloned());
        back.insert(field.to_owned(), all.into());
        return;
    }
    let mut list = Vec::new();
    let mut adds_again = false;
    for item in items {
        match was.iter().find(|known| known[key] == item[key]) {
            Some(known) if item[DIRECTIVE] == "delete" => {
                adds_again = true;
                list.push(known.clone());
            }
            Some(known) => {
                let mut inner = reverse(item, known);
                inner[key] = item[key].clone();
                if inner.as_object().is_some_and(|inner| inner.len() > 1) {
                    list.push(inner);
                }
            }
            None if item[DIRECTIVE] == "delete" => {}
            None => list.push(json!({key: item[key], DIRECTIVE: "delete"})),
        }
    }
    if list.is_empty() {
        return;
    }
    if adds_again {
        let order: Vec<Value> = was.iter().map(|item| json!({key: item[key]})).collect();
        back.insert(format!("$setElementOrder/{field}"), order.into());
    }
    back.insert(field.to_owned(), list.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn before() -> Value {
        json!({"spec": {
            "hostNetwork": true,
            "securityContext": {},
            "containers": [
                {"name": "a", "image": "x", "securityContext": {"privileged": true, "capabilities": {"add": ["A"]}},
                 "ports": [{"containerPort": 1, "hostPort": 1}, {"containerPort": 2}]},
                {"name": "b", "image": "y"}
            ],
            "volumes": [{"name": "h", "hostPath": {"path": "/", "type": ""}}, {"name": "e", "emptyDir": {}}]
        }})
    }

    fn patch() -> Value {
        json!({"spec": {
            "hostNetwork": null,
            "hostPID": null,
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {"name": "a", "securityContext": {"privileged": false, "capabilities": {"add": null, "drop": ["ALL"]}},
                 "ports": [{"containerPort": 1, "hostPort": null}]},
                {"name": "b", "securityContext": {"allowPrivilegeEscalation": false}}
            ],
            "volumes": [{"name": "h", "$patch": "delete"}]
        }})
    }

    #[test]
    fn a_patch_is_applied_as_the_api_server_does_it() {
        let mut after = before();
        merge(&mut after, &patch());
        assert_eq!(
            after,
            json!({"spec": {
                "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [
                    {"name": "a", "image": "x", "securityContext": {"privileged": false, "capabilities": {"drop": ["ALL"]}},
                     "ports": [{"containerPort": 1}, {"containerPort": 2}]},
                    {"name": "b", "image": "y", "securityContext": {"allowPrivilegeEscalation": false}}
                ],
                "volumes": [{"name": "e", "emptyDir": {}}]
            }})
        );
    }

    #[test]
    fn a_patch_that_is_taken_back_leaves_nothing() {
        let mut object = before();
        merge(&mut object, &patch());
        // Somebody else has been here.
        object["spec"]["containers"][1]["image"] = "z".into();
        let back = reverse(&patch(), &before());
        merge(&mut object, &back);
        let mut expected = before();
        expected["spec"]["containers"][1]["image"] = "z".into();
        assert_eq!(object, expected, "{back:#}");
        assert!(is_applied(&object, &back) && !is_applied(&object, &patch()));
        // Once more changes nothing: it may have been killed in between.
        merge(&mut object, &back);
        assert_eq!(object, expected);
    }

    #[test]
    fn a_list_that_is_replaced_comes_back_whole() {
        let before = json!({"ports": [{"containerPort": 1, "protocol": "UDP", "hostPort": 5}, {"containerPort": 1}]});
        let patch =
            json!({"ports": [{"$patch": "replace"}, {"containerPort": 1, "protocol": "UDP"}, {"containerPort": 1}]});
        let mut object = before.clone();
        merge(&mut object, &patch);
        assert_eq!(object, json!({"ports": [{"containerPort": 1, "protocol": "UDP"}, {"containerPort": 1}]}));
        merge(&mut object, &reverse(&patch, &before));
        assert_eq!(object, before);
    }
}
