//! Namespaces and their labels.

use std::collections::BTreeMap;

use patchkit::{
    rules::{LabelSelector, Labels},
    snapshot::{Snapshot, objects::Meta},
};

/// The label that the API server puts on every namespace, with its name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// The namespace of an object. A manifest that names none is taken to `default`, as kubectl does where the context
/// names none either.
#[must_use]
pub fn namespace_of(meta: &Meta) -> &str {
    if meta.namespace.is_empty() { "default" } else { &meta.namespace }
}

/// What is known of a namespace.
#[derive(Debug)]
struct Namespace {
    labels: Labels,
    /// The object itself was read.
    read: bool,
}

/// The namespaces that there are, or that objects name.
#[derive(Debug, Default)]
pub struct Namespaces<'s>(BTreeMap<&'s str, Namespace>);

impl<'s> Namespaces<'s> {
    /// The namespaces of a snapshot.
    pub(super) fn of(snapshot: &'s Snapshot) -> Self {
        let mut all = BTreeMap::new();
        for namespace in &snapshot.namespaces {
            let name = namespace.meta.name.as_str();
            let mut labels = (*namespace.meta.labels).clone();
            // A manifest need not have it, and the API server sets it whatever the manifest says.
            if labels.get(NAME_LABEL) != Some(name) {
                labels = labels.iter().chain([(NAME_LABEL, name)]).collect();
            }
            all.insert(name, Namespace { labels, read: true });
        }
        Self(all)
    }

    /// Notes that something is in this namespace, whether or not the namespace itself was read.
    pub(super) fn name(&mut self, name: &'s str) {
        let labels = || [(NAME_LABEL, name)].into_iter().collect();
        self.0.entry(name).or_insert_with(|| Namespace { labels: labels(), read: false });
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &'s str> + '_ {
        self.0.keys().copied()
    }

    /// The labels of a namespace.
    #[must_use]
    pub fn labels(&self, name: &str) -> Option<&Labels> {
        self.0.get(name).map(|namespace| &namespace.labels)
    }

    /// Whether a namespace of this name is selected.
    #[must_use]
    pub fn matches(&self, selector: &LabelSelector, name: &str) -> bool {
        self.labels(name).is_some_and(|labels| selector.matches(labels))
    }

    /// Namespaces that were not read themselves, and of which this selector asks for more than the name.
    pub fn unread<'a>(&'a self, selector: &'a LabelSelector) -> impl Iterator<Item = &'s str> + 'a {
        let asks = selector.match_labels.iter().any(|(key, _)| key != NAME_LABEL)
            || selector.match_expressions.iter().any(|requirement| requirement.key != NAME_LABEL);
        self.0.iter().filter(move |(_, namespace)| asks && !namespace.read).map(|(name, _)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_with_the_name_is_always_there() {
        let snapshot = Snapshot::default();
        let mut namespaces = Namespaces::of(&snapshot);
        namespaces.name("shop");
        let selector = |json: &str| serde_json::from_str::<LabelSelector>(json).unwrap();
        let by_name = selector(r#"{"matchLabels": {"kubernetes.io/metadata.name": "shop"}}"#);
        assert!(namespaces.matches(&by_name, "shop") && !namespaces.matches(&by_name, "other"));
        assert_eq!(namespaces.unread(&by_name).count(), 0);
        let by_team = selector(r#"{"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["a"]}]}"#);
        assert!(namespaces.matches(&by_team, "shop"));
        assert_eq!(namespaces.unread(&by_team).collect::<Vec<_>>(), ["shop"]);
    }
}
