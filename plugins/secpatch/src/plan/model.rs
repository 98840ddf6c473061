//! The plan: the section of a `PlanReport`, and what is shown of it.
//!
//! Field names are part of the contract with pipelines (`schemas/v1/plan.schema.json`): more may be added, none is
//! renamed.

use patchkit::report::{CheckStatus, ObjectRef, Severity};
use serde::Serialize;

pub use crate::{
    apis::{ApiUser, RemovedApi, SeenIn},
    cves::{AffectedPlace, CveHere, Holds, PreconditionAnswer},
    subject::Subject,
};

/// The plan.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The API server's version as it says itself; absent where nothing tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// The minor that the API server emulates, where it is an older one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emulated: Option<String>,
    /// The version that the last hop reaches; absent where it could not be worked out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Why this target.
    pub target_reason: String,
    /// Who runs the control plane.
    pub provider: String,
    /// Each component's version with its support and skew.
    pub components: Vec<ComponentLine>,
    /// The CVEs that touch the versions that run.
    pub urgent: Vec<CveHere>,
    /// The hops to the target.
    pub hops: Vec<Hop>,
    /// What must be looked at before the first hop.
    pub checklist: Vec<ChecklistLine>,
    /// What a lower environment has shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<Rehearsal>,
    /// The steps in their order.
    pub steps: Vec<Step>,
}

/// One component at one version, wherever it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentLine {
    /// `kube-apiserver`, `kubelet`, `containerd`, …
    pub component: String,
    /// The version as it is shown.
    pub version: String,
    /// In how many places it runs.
    pub count: usize,
    /// Where it runs: nodes, or `namespace/pod`.
    pub places: Vec<String>,
    /// `supported`, `maintenance`, `ended`, `extended`, `unknown`.
    pub support: String,
    /// The last day of support, upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_of_life: Option<String>,
    /// Days of support left; negative once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<i32>,
    /// The provider's last day of support, where it has a calendar of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_end_of_life: Option<String>,
    /// Days of the provider's support left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_days_left: Option<i32>,
    /// The newest patch of its minor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_patch: Option<String>,
    /// How it breaks the version skew policy, in words; empty where it does not.
    pub skew: Vec<String>,
    /// The version carries a vendor's suffix: fixes may have been back-ported.
    pub vendor: bool,
}

/// One hop of the control plane.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hop {
    /// From which version.
    pub from: String,
    /// To which version.
    pub to: String,
    /// What kind of hop: `patch`, `minor`, or `emulation` (the emulated minor is raised, the binary stays).
    pub kind: HopKind,
    /// The CVEs that touch `from` and not `to`.
    pub fixes: Vec<String>,
    /// APIs that are no longer served, with what still uses them.
    pub removes: Vec<RemovedApi>,
    /// Flags and feature gates that go, and changes that break.
    pub changes: Vec<ChangeAnswer>,
    /// Kubelets that must be updated before this hop, since they would be too old for it.
    pub kubelets_first: Vec<String>,
    /// The version is not released yet, or its date is provisional.
    pub provisional: bool,
}

/// What kind of hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HopKind {
    /// To a newer patch of the same minor.
    Patch,
    /// To the next minor.
    Minor,
    /// The emulated minor is raised, the binary stays.
    Emulation,
}

/// Whether a change touches this cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Touched {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It cannot be told.
    CannotTell,
}

/// A change of a hop, evaluated against the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeAnswer {
    /// A stable identifier, such as `cgroup-v1`; of a feature gate `gate:NAME`.
    pub id: String,
    /// The minor that brings it.
    pub minor: String,
    /// The component that it is in.
    pub component: String,
    /// What changes.
    pub fact: String,
    /// Whether it touches this cluster.
    pub touched: Touched,
    /// What shows it, or why it cannot be told.
    pub evidence: String,
    /// The objects that are touched.
    pub objects: Vec<ObjectRef>,
    /// What to do.
    pub action: String,
    /// Where it is documented.
    pub source: String,
    /// The minor is not released yet: this may still change.
    pub provisional: bool,
}

/// One line of the checklist before the first hop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChecklistLine {
    /// A stable identifier, such as `removed-apis`.
    pub id: &'static str,
    /// What is checked, for people.
    pub title: String,
    /// What came of it.
    pub status: CheckStatus,
    /// What it rests on, in one line.
    pub evidence: String,
    /// The objects behind it.
    pub objects: Vec<ObjectRef>,
    /// What to do where it is not passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// How much it matters where it is not passed.
    pub severity: Severity,
}

/// What a lower environment has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rehearsal {
    /// The context or the files.
    pub environment: String,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether it runs the target.
    pub runs_target: Holds,
    /// Its workloads that are not healthy.
    pub unhealthy: Vec<ObjectRef>,
    /// What this cluster has and the rehearsal did not cover.
    pub not_covered: Vec<NotCovered>,
}

/// Something that a rehearsal did not cover.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct NotCovered {
    /// `api`, `custom-resource`, `webhook`, `add-on`, `node-image`.
    pub kind: String,
    /// Which.
    pub name: String,
}

/// The phase of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The control plane moves.
    ControlPlane,
    /// The pools that the cluster's own add-ons run on.
    SystemPool,
    /// The other pools.
    UserPool,
    /// The image of nodes, without a new version of Kubernetes.
    NodeImage,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Counted from 1.
    pub number: usize,
    /// The phase.
    pub phase: Phase,
    /// What is done, in one line.
    pub title: String,
    /// The version that it leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The pool; absent for the control plane of a provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// The nodes in the order in which they are drained.
    pub nodes: Vec<String>,
    /// Nodes more than the pool has, while it is updated.
    pub surge: usize,
    /// How many batches the pool is updated in.
    pub batches: usize,
    /// What to type.
    pub commands: Vec<String>,
    /// Not to be started before this: the beginning of a maintenance window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
    /// Not to be running after this: the end of that window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
    /// What to know before it.
    pub notes: Vec<String>,
}
