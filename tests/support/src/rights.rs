//! What a role allows, and whether an answer names it.

use std::collections::BTreeSet;

use serde_json::Value;

/// One verb on one resource, or on a path that belongs to none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// The verb, such as `list`.
    pub verb: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The resource, with its subresource, or a path such as `/metrics`.
    pub resource: String,
}

impl Right {
    /// Of words.
    #[must_use]
    pub fn new(verb: &str, group: &str, resource: &str) -> Self {
        Self { verb: verb.to_owned(), group: group.to_owned(), resource: resource.to_owned() }
    }

    /// Whether a text says that this was denied, as the API server does. Quotes may be escaped, as in JSON.
    #[must_use]
    pub fn is_named_in(&self, text: &str) -> bool {
        let Self { verb, group, resource } = self;
        let words = if resource.starts_with('/') {
            format!("cannot {verb} path \"{resource}\"")
        } else {
            format!("cannot {verb} resource \"{resource}\" in API group \"{group}\"")
        };
        text.replace("\\\"", "\"").contains(&words)
    }
}

/// The rules of a ClusterRole, as JSON.
///
/// # Panics
/// Where the manifest is none.
#[must_use]
pub fn rules(manifest: &str) -> Vec<Value> {
    let role: Value = serde_saphyr::from_str(manifest).unwrap_or_else(|error| panic!("{error}\n{manifest}"));
    assert_eq!(role["kind"], "ClusterRole", "{manifest}");
    role["rules"].as_array().expect("a list of rules").clone()
}

/// The rights of a rule.
#[must_use]
pub fn rights_of(rule: &Value) -> BTreeSet<Right> {
    let words =
        |field: &str| -> Vec<&str> { rule[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect() };
    let mut all = BTreeSet::new();
    for verb in words("verbs") {
        all.extend(words("nonResourceURLs").into_iter().map(|path| Right::new(verb, "", path)));
        for group in words("apiGroups") {
            all.extend(words("resources").into_iter().map(|resource| Right::new(verb, group, resource)));
        }
    }
    all
}

/// The rights of a whole role.
///
/// # Panics
/// Where the manifest is none.
#[must_use]
pub fn rights(manifest: &str) -> BTreeSet<Right> {
    rules(manifest).iter().flat_map(rights_of).collect()
}

/// Holds the roles of a plugin to what holds for all of them: the right names, no wildcard, no Secret, nothing that
/// changes anything among what the reading commands need, and all of that among what the others need.
///
/// # Panics
/// Where one does not.
pub fn assert_roles(plugin: &str, read_only: &str, operate: &str) {
    for (level, manifest) in [("read-only", read_only), ("operate", operate)] {
        let role: Value = serde_saphyr::from_str(manifest).expect("YAML");
        assert_eq!(role["metadata"]["name"], format!("patchkit-{plugin}-{level}"));
        for Right { verb, group, resource } in rights(manifest) {
            assert!(![&verb, &group, &resource].iter().any(|word| word.contains('*')), "a wildcard in {manifest}");
            assert_ne!((group.as_str(), resource.as_str()), ("", "secrets"), "{level}");
            assert!(!["escalate", "bind", "impersonate"].contains(&verb.as_str()), "{level}: {verb} {resource}");
            let reads = ["get", "list"].contains(&verb.as_str());
            assert!(level == "operate" || reads, "{level}: {verb} {resource}");
        }
    }
    let missing: Vec<Right> = rights(read_only).difference(&rights(operate)).cloned().collect();
    assert!(missing.is_empty(), "the role to operate cannot do what the other one can: {missing:?}");
}
