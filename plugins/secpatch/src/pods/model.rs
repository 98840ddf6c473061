//! The section of the report.

use std::sync::Arc;

use patchkit::report::{NotEvaluated, ObjectRef, SourceRef};
use serde::Serialize;

use super::practice::Habit;
use crate::pod_security::{
    Level, PolicyVersion, Violation,
    namespace::{BadLabel, ModePolicy},
};

/// What pods are held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// One level for all.
    Level(Level),
    /// What the labels of each one's namespace enforce.
    NamespaceLabels,
}

/// What the user decides about a review.
#[derive(Clone, Debug)]
pub struct Options {
    /// What pods are held against.
    pub asked: Asked,
    /// The version of the standards; `None` is `latest`.
    pub version: Option<PolicyVersion>,
    /// The version that the cluster is to be updated to: what `latest` will mean then.
    pub target: Option<PolicyVersion>,
    /// Look at this namespace only.
    pub namespace: Option<String>,
    /// Leave out what the practice asks beyond the standards.
    pub standards_only: bool,
}

/// What a level says of one pod or template.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodVerdict {
    /// The pod, or the workload whose template was judged.
    pub object: ObjectRef,
    /// Where it stands in the input files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceRef>,
    /// What people would change to change it, where that is another object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<ObjectRef>,
    /// The level that it was held against.
    pub level: Level,
    /// The version of the standards.
    pub policy_version: PolicyVersion,
    /// Whether the level allows it.
    pub allowed: bool,
    /// What the level forbids of it.
    pub violations: Arc<[Violation]>,
    /// The strictest level that would allow it.
    pub strictest_level: Level,
    /// Habits of good practice that it lacks.
    #[serde(skip)]
    pub(super) habits: Arc<[Habit]>,
}

impl PodVerdict {
    /// What people would change.
    #[must_use]
    pub fn top(&self) -> &ObjectRef {
        self.owner.as_ref().unwrap_or(&self.object)
    }

    /// Whether it is a pod, not a template.
    #[must_use]
    pub fn is_pod(&self) -> bool {
        self.object.kind == "Pod"
    }
}

/// What would be refused in a namespace if it enforced a level.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Break {
    /// The level.
    pub level: Level,
    /// Pods that violate it.
    pub pods: usize,
    /// Templates whose pods would.
    pub templates: usize,
    /// The checks that they violate, in the API server's order.
    pub checks: Vec<&'static str>,
    /// What people would have to change.
    pub workloads: Vec<ObjectRef>,
}

/// A namespace: what it enforces, and what it could.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceReview {
    /// Its name.
    pub name: String,
    /// Where it stands in the input files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceRef>,
    /// What its labels enforce; absent where the namespace itself was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforce: Option<ModePolicy>,
    /// What its labels audit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<ModePolicy>,
    /// What its labels warn of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warn: Option<ModePolicy>,
    /// Whether a label says what is enforced.
    pub labelled: bool,
    /// Labels that the API server cannot read, and what it does instead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bad_labels: Vec<BadLabel>,
    /// How many pods were judged.
    pub pods: usize,
    /// How many templates were judged.
    pub templates: usize,
    /// The strictest level that all of them pass.
    pub could_enforce: Level,
    /// What would be refused at each level that not all of them pass.
    pub breaks: Vec<Break>,
    /// What its own labels refuse today: such pods run, but cannot be made anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Break>,
    /// What its own labels will refuse after the update and do not today.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_at_target: Option<Break>,
}

/// How many there are of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Pods.
    pub pods: usize,
    /// Pods that are allowed.
    pub pods_allowed: usize,
    /// Templates of workloads.
    pub templates: usize,
    /// Templates whose pods are allowed.
    pub templates_allowed: usize,
}

/// All that was found.
#[derive(Clone, Debug)]
pub struct Review {
    /// What pods were held against.
    pub asked: Asked,
    /// What `latest` was taken for.
    pub latest: PolicyVersion,
    /// What the API server of the input means by `latest` today.
    pub today: PolicyVersion,
    /// Each pod and template.
    pub pods: Vec<PodVerdict>,
    /// Each namespace.
    pub namespaces: Vec<NamespaceReview>,
    /// The counts.
    pub totals: Totals,
    /// What to keep in mind.
    pub notes: Vec<String>,
    /// What could not be looked at.
    pub not_evaluated: Vec<NotEvaluated>,
}
