//! The labels of namespaces.

use patchkit::{
    rules::{LabelSelector, Labels},
    snapshot::Snapshot,
};
use rustc_hash::FxHashMap;

/// The Namespace objects that are there, by name.
#[derive(Debug)]
pub(crate) struct NamespaceLabels<'s>(FxHashMap<&'s str, &'s Labels>);

impl<'s> NamespaceLabels<'s> {
    pub(crate) fn of(snapshot: &'s Snapshot) -> Self {
        Self(snapshot.namespaces.iter().map(|it| (it.meta.name.as_str(), &*it.meta.labels)).collect())
    }

    /// The labels of a namespace; `None` where there is no object of that name.
    pub(crate) fn labels(&self, name: &str) -> Option<&'s Labels> {
        self.0.get(name).copied()
    }

    /// The names of those that a selector selects.
    pub(crate) fn selected_by<'a>(&'a self, selector: &'a LabelSelector) -> impl Iterator<Item = &'s str> + 'a {
        self.0.iter().filter(|(_, labels)| selector.matches(labels)).map(|(name, _)| *name)
    }
}
