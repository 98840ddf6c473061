//! The plan of a drain as a value: it can be shown, saved and compared, and is what an executor carries out. The names
//! of the fields are those of the report (`contracts`: section `drain`).

use std::fmt;

use patchkit::snapshot::Snapshot;
use serde::{Serialize, Serializer};

use crate::fit::RejectedNode;

/// What a plan is made of.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The facts.
    pub snapshot: &'a Snapshot,
    /// Which nodes are drained.
    pub targets: &'a super::Targets,
    /// What the user decides.
    pub options: &'a super::Options,
    /// The time against which ages are measured.
    pub now: jiff::Timestamp,
}

/// The answer in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything goes, everything was looked at, and every replacement has a place.
    Safe,
    /// As safe, with something that is to be known before.
    Warnings,
    /// Something could not be read, or no place could be proven for a replacement.
    #[default]
    NotProven,
    /// Some pod does not go, or must not.
    Blocked,
}

impl Verdict {
    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Warnings => "warnings",
            Self::NotProven => "not-proven",
            Self::Blocked => "blocked",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A drain of some nodes.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DrainPlan {
    /// The answer in one word.
    pub verdict: Verdict,
    /// The nodes, in the order in which they are drained.
    pub nodes: Vec<PlannedNode>,
    /// Every pod on them, in the order in which they go; those that stay are last.
    pub pods: Vec<PlannedPod>,
    /// The budgets over the pods that go.
    pub budgets: Vec<PlannedBudget>,
    /// Pods that wait for each other. Different groups are independent of each other.
    pub groups: Vec<Group>,
    /// How long it takes, in seconds, where pods use all of their grace periods. Absent where something waits for ever
    /// or cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted_seconds: Option<u64>,
    /// The same where pods end as soon as they are told to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted_seconds_at_least: Option<u64>,
    /// What the duration is bound by, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound_by: Option<String>,
    /// What the prediction takes for granted, one sentence each.
    pub assumptions: Vec<String>,
}

/// A node that is drained.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedNode {
    /// Its name.
    pub name: String,
    /// Its UID; empty in manifests.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// It is cordoned already, by somebody else.
    pub cordoned: bool,
    /// It is a machine of the control plane or of etcd.
    pub control_plane: bool,
    /// It does not answer: what is deleted on it does not end.
    pub unreachable: bool,
    /// Nodes of one wave are drained at once, waves one after another; from 1.
    pub wave: usize,
}

/// What happens to a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// By the Eviction subresource.
    Evict,
    /// By a plain delete: with `--disable-eviction`.
    Delete,
    /// It stays.
    Skip,
    /// It would have to go and does not, or must not.
    #[default]
    Blocked,
}

impl Action {
    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Evict => "evict",
            Self::Delete => "delete",
            Self::Skip => "skip",
            Self::Blocked => "blocked",
        }
    }

    /// Whether the pod goes.
    #[must_use]
    pub const fn goes(self) -> bool {
        matches!(self, Self::Evict | Self::Delete)
    }
}

/// For how long a pod is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BlockedFor {
    /// As things stand; waiting or what runs elsewhere can change it.
    Now,
    /// Waiting does not help: somebody must change the workload, the budget or the flags.
    Never,
}

/// When a pod goes, relative to others: lower ones first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// What uses the rest.
    #[default]
    Workloads,
    /// Backends of admission webhooks: replacements of the others have to pass them.
    Admission,
    /// What provides storage to the others.
    Storage,
    /// Critical to the cluster, by its priority class.
    Critical,
}

impl Tier {
    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workloads => "workloads",
            Self::Admission => "admission",
            Self::Storage => "storage",
            Self::Critical => "critical",
        }
    }
}

/// Who brings the pod back: the last of its controllers.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// `apps/v1`
    pub api_version: String,
    /// `Deployment`
    pub kind: String,
    /// Its name, in the pod's namespace.
    pub name: String,
    /// Its UID; empty in manifests.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// The pods that it wants, where it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i64>,
}

/// How long something takes, and how that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// In seconds.
    pub seconds: u64,
    /// `measured` (the time that pods of the same owner took here), or `probes` (what its probes allow at best).
    pub from: &'static str,
}

/// A pod on a drained node.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedPod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The node that it runs on.
    pub node: String,
    /// Its UID, the precondition of its eviction; empty in manifests.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// What happens to it.
    pub action: Action,
    /// Why, in words; those that kubectl has words for in these.
    pub reason: String,
    /// For how long it is blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_for: Option<BlockedFor>,
    /// The names of the budgets over it, in its namespace.
    pub budgets: Vec<String>,
    /// The node that its replacement would go to. Absent where there is none, or where none could be proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// The other nodes, with the filter that rejects each.
    pub rejected: Vec<RejectedNode>,
    /// Why no destination can be named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_unknown: Option<String>,
    /// Who brings it back; absent for bare pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// The group that it is in; absent for pods that stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<usize>,
    /// When it goes, relative to others.
    pub tier: Tier,
    /// The seconds that it gets to end.
    pub grace_period_seconds: i64,
    /// What its preStop hooks sleep at least, in seconds.
    pub pre_stop_seconds: i64,
    /// How long its replacement takes from its creation until it is Ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_after: Option<Expected>,
    /// How long, in seconds, the replacement must be Ready to count as available.
    pub min_ready_seconds: i64,
    /// Its replacement is made only after it is gone (StatefulSets), not as soon as it begins to end.
    pub replaced_when_gone: bool,
    /// It has succeeded or failed, and nobody waits for it.
    pub finished: bool,
    /// It stays until it has completed, and the drain waits for that: `--wait-completed`.
    pub waits_for_completion: bool,
    /// It serves an admission webhook that refuses everything while nothing answers.
    pub webhook_backend: bool,
    /// The volumes that must be detached from the node before the replacement can have them.
    pub volumes_to_detach: Vec<String>,
    /// It is the only replica, and a second one can be brought up first: `--surge-singletons`.
    pub can_surge: bool,
    /// It is brought back onto the drained node at once, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comes_back: Option<String>,
}

impl PlannedPod {
    /// `namespace/name`
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// A budget over pods that go.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedBudget {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Evictions that it grants now; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_now: Option<i32>,
    /// Evictions that it grants with all pods there and healthy; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_at_best: Option<i32>,
    /// Pods that are healthy.
    pub current_healthy: i32,
    /// Pods that must be.
    pub desired_healthy: i32,
    /// Evictions of this drain that take from it.
    pub evictions: usize,
}

/// Pods that wait for each other, since one owner brings them back or one budget covers them.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// What joins them: `Deployment shop/web`, `PodDisruptionBudget shop/web`.
    pub name: String,
    /// How many of them may be gone at the same time.
    pub at_once: usize,
    /// Their places in `pods`, in the order in which they go.
    #[serde(serialize_with = "indices")]
    pub pods: Vec<usize>,
    /// How long it takes, in seconds, where pods use all of their grace periods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted_seconds: Option<u64>,
}

fn indices<S: Serializer>(indices: &[usize], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(indices)
}
