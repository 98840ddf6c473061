//! What makes pods: Deployments, StatefulSets, DaemonSets, ReplicaSets, Jobs, CronJobs, ReplicationControllers, and
//! bare pod templates.

use std::{fmt, sync::Arc};

use compact_str::CompactString;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

use super::{Context, Meta, Resource, meta::WireMeta};
use crate::rules::{IntOrString, LabelSelector, Labels, PodSpec, Requirement, null::or_default};

/// The kinds of workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub enum WorkloadKind {
    Deployment,
    StatefulSet,
    DaemonSet,
    ReplicaSet,
    ReplicationController,
    Job,
    CronJob,
    PodTemplate,
}

impl WorkloadKind {
    /// The kind as the API names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::ReplicaSet => "ReplicaSet",
            Self::ReplicationController => "ReplicationController",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
            Self::PodTemplate => "PodTemplate",
        }
    }
}

impl fmt::Display for WorkloadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A workload: how many pods it wants, from which template, and how it replaces them.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Identity, labels, owners.
    pub meta: Meta,
    /// Which kind it is.
    pub kind: WorkloadKind,
    /// The pods that it wants: `spec.replicas` (absent is 1); for a DaemonSet the number that its controller
    /// computed; for a Job its parallelism.
    pub replicas: i64,
    /// The specification of its pods; empty for a ReplicaSet of a past revision, which makes none.
    pub template: Arc<PodSpec>,
    /// The labels of its pods.
    pub template_labels: Arc<Labels>,
    /// The annotations of its pods.
    pub template_annotations: Arc<Labels>,
    /// Which pods belong to it; `None` where the kind or the manifest has none.
    pub selector: Option<LabelSelector>,
    /// `RollingUpdate`, `Recreate` or `OnDelete`; empty means the kind's default.
    pub strategy: CompactString,
    /// How many pods more than wanted an update may make.
    pub max_surge: Option<IntOrString>,
    /// How many pods fewer than wanted an update may leave.
    pub max_unavailable: Option<IntOrString>,
    /// For how long, in seconds, a pod must be ready to count as available.
    pub min_ready_seconds: i64,
    /// Rolling out is paused, or a Job or CronJob is suspended.
    pub paused: bool,
    /// Names of the claim templates of a StatefulSet.
    pub claim_templates: Vec<CompactString>,
    /// `OrderedReady` (the default) or `Parallel`.
    pub pod_management_policy: CompactString,
    /// What only Jobs have.
    pub job: Option<Box<JobFacts>>,
    /// The controller's counts.
    pub status: WorkloadStatus,
}

/// What only Jobs and CronJobs have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct JobFacts {
    pub completions: Option<i32>,
    pub backoff_limit: Option<i32>,
    /// Some rule of the pod failure policy speaks of the condition DisruptionTarget, with this action.
    pub on_disruption: Option<CompactString>,
    pub schedule: CompactString,
    /// The Job has the condition Complete or Failed.
    pub finished: bool,
}

/// What a workload's controller reports. Absent in manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub struct WorkloadStatus {
    #[serde(deserialize_with = "or_default")]
    pub observed_generation: i64,
    #[serde(deserialize_with = "or_default")]
    pub replicas: i64,
    #[serde(deserialize_with = "or_default")]
    pub updated_replicas: i64,
    #[serde(deserialize_with = "or_default")]
    pub ready_replicas: i64,
    #[serde(deserialize_with = "or_default")]
    pub available_replicas: i64,
    #[serde(deserialize_with = "or_default")]
    pub desired_number_scheduled: i64,
    #[serde(deserialize_with = "or_default")]
    pub number_ready: i64,
    #[serde(deserialize_with = "or_default")]
    pub number_available: i64,
    /// Types of the conditions that are true.
    #[serde(deserialize_with = "true_conditions")]
    pub conditions: Vec<CompactString>,
}

fn true_conditions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<CompactString>, D::Error> {
    let conditions: Vec<WireType> = or_default(deserializer)?;
    let mut kinds: Vec<_> =
        conditions.into_iter().filter(|condition| condition.status == "True").map(|condition| condition.kind).collect();
    kinds.shrink_to_fit();
    Ok(kinds)
}

impl Workload {
    /// How many of its pods are ready, as its controller counts them.
    #[must_use]
    pub fn ready(&self) -> i64 {
        if self.kind == WorkloadKind::DaemonSet { self.status.number_ready } else { self.status.ready_replicas }
    }

    /// Whether another workload makes this one (a Deployment its ReplicaSets, a CronJob its Jobs).
    #[must_use]
    pub fn is_owned(&self) -> bool {
        self.meta.controller().is_some()
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireWorkload {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: WireSpec,
    #[serde(deserialize_with = "or_default")]
    status: WorkloadStatus,
    /// Where a PodTemplate has its template.
    template: Option<WireTemplate>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireSpec {
    replicas: Option<i64>,
    parallelism: Option<i64>,
    completions: Option<i32>,
    backoff_limit: Option<i32>,
    pod_failure_policy: Option<WireFailurePolicy>,
    suspend: Option<bool>,
    paused: Option<bool>,
    schedule: Option<CompactString>,
    template: Option<WireTemplate>,
    job_template: Option<WireJobTemplate>,
    selector: Option<WireSelector>,
    strategy: Option<WireStrategy>,
    update_strategy: Option<WireStrategy>,
    min_ready_seconds: Option<i64>,
    #[serde(deserialize_with = "or_default")]
    volume_claim_templates: Vec<WireClaimTemplate>,
    pod_management_policy: Option<CompactString>,
}

/// A ReplicationController's selector is a plain map, everybody else's a label selector.
#[derive(Default)]
struct WireSelector(LabelSelector);

impl<'de> Deserialize<'de> for WireSelector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = WireSelector;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a label selector, or a map of labels")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WireSelector, A::Error> {
                let mut selector = LabelSelector::default();
                let mut plain = Vec::new();
                while let Some(key) = map.next_key::<CompactString>()? {
                    match key.as_str() {
                        "matchLabels" => {
                            selector.match_labels = map.next_value::<Option<Labels>>()?.unwrap_or_default()
                        }
                        "matchExpressions" => {
                            selector.match_expressions =
                                map.next_value::<Option<Vec<Requirement>>>()?.unwrap_or_default();
                        }
                        _ => plain.push((key, map.next_value::<CompactString>()?)),
                    }
                }
                if !plain.is_empty() {
                    selector.match_labels = plain.into_iter().collect();
                }
                Ok(WireSelector(selector))
            }
        }
        deserializer.deserialize_map(Either)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireTemplate {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    spec: PodSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireJobTemplate {
    #[serde(deserialize_with = "or_default")]
    spec: Box<WireSpec>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireStrategy {
    #[serde(rename = "type", deserialize_with = "or_default")]
    kind: CompactString,
    rolling_update: Option<WireRollingUpdate>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireRollingUpdate {
    max_surge: Option<IntOrString>,
    max_unavailable: Option<IntOrString>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireClaimTemplate {
    #[serde(deserialize_with = "or_default")]
    metadata: WireClaimName,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireClaimName {
    #[serde(deserialize_with = "or_default")]
    name: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireFailurePolicy {
    #[serde(deserialize_with = "or_default")]
    rules: Vec<WireFailureRule>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireFailureRule {
    #[serde(deserialize_with = "or_default")]
    action: CompactString,
    #[serde(deserialize_with = "or_default")]
    on_pod_conditions: Vec<WireType>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireType {
    #[serde(rename = "type", deserialize_with = "or_default")]
    kind: CompactString,
    #[serde(deserialize_with = "or_default")]
    status: CompactString,
}

/// Builds the workload of one kind; every kind has the same wire shape.
fn keep(kind: WorkloadKind, wire: WireWorkload, context: &mut Context) -> Workload {
    let meta = wire.metadata.keep(context);
    let mut spec = wire.spec;
    let suspended = spec.suspend.unwrap_or_default() || spec.paused.unwrap_or_default();
    let schedule = spec.schedule.take();
    if let Some(job) = spec.job_template.take() {
        spec = *job.spec;
    }
    let is_job = matches!(kind, WorkloadKind::Job | WorkloadKind::CronJob);
    let job = is_job.then(|| {
        Box::new(JobFacts {
            completions: spec.completions,
            backoff_limit: spec.backoff_limit,
            on_disruption: spec.pod_failure_policy.take().and_then(|policy| {
                policy
                    .rules
                    .into_iter()
                    .find(|rule| rule.on_pod_conditions.iter().any(|condition| condition.kind == "DisruptionTarget"))
                    .map(|rule| rule.action)
            }),
            schedule: schedule.unwrap_or_default(),
            finished: wire
                .status
                .conditions
                .iter()
                .any(|condition| matches!(condition.as_str(), "Complete" | "Failed")),
        })
    });
    let mut template = wire.template.or(spec.template).unwrap_or_default();
    // An old revision, kept to go back to: it makes no pods, and no rule asks what they would be. There are ten of them
    // for each Deployment that changes often, and hardly two alike.
    if kind == WorkloadKind::ReplicaSet
        && spec.replicas == Some(0)
        && wire.status.replicas == 0
        && meta.controller().is_some()
    {
        template.spec = PodSpec::default();
    }
    let (template_labels, template_annotations) = template.metadata.keep_template(context);
    let strategy = spec.strategy.or(spec.update_strategy).unwrap_or_default();
    let rolling = strategy.rolling_update.unwrap_or_default();
    Workload {
        meta,
        kind,
        replicas: match kind {
            WorkloadKind::DaemonSet => wire.status.desired_number_scheduled,
            WorkloadKind::Job | WorkloadKind::CronJob => spec.parallelism.unwrap_or(1),
            WorkloadKind::PodTemplate => 0,
            _ => spec.replicas.unwrap_or(1),
        },
        template: context.spec(template.spec),
        template_labels,
        template_annotations,
        selector: spec.selector.map(|selector| selector.0),
        strategy: strategy.kind,
        max_surge: rolling.max_surge,
        max_unavailable: rolling.max_unavailable,
        min_ready_seconds: spec.min_ready_seconds.unwrap_or_default(),
        paused: suspended,
        claim_templates: spec.volume_claim_templates.into_iter().map(|template| template.metadata.name).collect(),
        pod_management_policy: spec.pod_management_policy.unwrap_or_default(),
        job,
        status: wire.status,
    }
}

/// One marker a kind, so that each can be read by its name.
macro_rules! workload_kinds {
    ($($kind:ident),+) => {$(
        pub(crate) struct $kind(pub(crate) Workload);

        impl Resource for $kind {
            type Wire = WireWorkload;

            fn keep(wire: WireWorkload, context: &mut Context) -> Self {
                Self(keep(WorkloadKind::$kind, wire, context))
            }
        }
    )+};
}

workload_kinds!(Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job, CronJob, PodTemplate);
