//! How the messages name things.

use std::collections::BTreeSet;

/// `container "a"`, `containers "a", "b"`.
pub(super) fn named<'a>(noun: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let plural = if names.len() == 1 { "" } else { "s" };
    format!("{noun}{plural} {}", quoted(names))
}

/// `"a", "b"`.
pub(super) fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

/// Who sets a field to what it must not be: the pod, some containers, or both.
#[derive(Default)]
pub(super) struct Setters<'a> {
    pub(super) pod: bool,
    pub(super) containers: Vec<&'a str>,
    /// The values, sorted.
    pub(super) values: BTreeSet<&'a str>,
}

impl Setters<'_> {
    pub(super) fn is_empty(&self) -> bool {
        !self.pod && self.containers.is_empty()
    }

    /// `pod and containers "a", "b"`.
    pub(super) fn names(&self) -> String {
        let mut names = Vec::new();
        if self.pod {
            names.push("pod".to_owned());
        }
        if !self.containers.is_empty() {
            names.push(named("container", self.containers.iter().copied()));
        }
        names.join(" and ")
    }
}
