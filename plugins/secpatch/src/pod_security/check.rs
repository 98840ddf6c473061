//! What a check is.

use patchkit::rules::{Container, Labels, PodSpec};
use serde::{Deserialize, Serialize};

use super::{level::Level, version::PolicyVersion};

/// What is judged: a pod, or the template of one.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The annotations of the pod or the template.
    pub annotations: &'a Labels,
    /// Its specification.
    pub spec: &'a PodSpec,
}

impl<'a> Subject<'a> {
    /// Init containers, containers and ephemeral containers.
    pub(super) fn containers(self) -> impl Iterator<Item = &'a Container> {
        self.spec.all_containers().map(|(_, container)| container)
    }

    /// The names of the containers that pass the test.
    pub(super) fn containers_that(self, test: impl Fn(&Container) -> bool) -> Vec<&'a str> {
        self.containers().filter(|container| test(container)).map(|container| container.name.as_str()).collect()
    }

    /// Windows, by the pod's own word. From policy version 1.25 on such a pod need not set what Windows does not have.
    #[must_use]
    pub fn is_windows(self) -> bool {
        self.spec.os.as_ref().is_some_and(|os| os.name == "windows")
    }

    /// In a user namespace of its own, where root is nobody on the node. Policy versions from 1.35 on relax some
    /// checks for it (KEP-127).
    #[must_use]
    pub fn has_user_namespace(self) -> bool {
        self.spec.host_users == Some(false)
    }
}

/// One check of the standards.
#[derive(Debug)]
pub struct Check {
    /// The API server's name for it.
    pub id: &'static str,
    /// The lowest level that it belongs to: baseline or restricted.
    pub level: Level,
    /// What it judges by, from which policy version on; ascending.
    pub revisions: &'static [Revision],
    /// The baseline check that it replaces.
    pub replaces: Option<&'static str>,
}

/// What a check judges by from one policy version on.
#[derive(Clone, Copy, Debug)]
pub struct Revision {
    /// The first policy version.
    pub since: PolicyVersion,
    /// What is wrong; `None` where nothing is.
    pub judge: fn(Subject<'_>) -> Option<String>,
}

impl Revision {
    pub(super) const fn new(since_minor: u32, judge: fn(Subject<'_>) -> Option<String>) -> Self {
        Self { since: PolicyVersion::new(since_minor), judge }
    }
}

impl Check {
    /// The revision that counts at this policy version; `None` where the check did not exist yet.
    #[must_use]
    pub fn at(&self, version: PolicyVersion) -> Option<&Revision> {
        self.revisions.iter().rev().find(|revision| revision.since <= version)
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The API server's name for the check.
    pub check: std::borrow::Cow<'static, str>,
    /// What is wrong, with the containers, volumes and values that it is about.
    pub message: String,
}
