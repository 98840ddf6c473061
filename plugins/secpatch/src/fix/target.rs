//! What people would change: workloads that nobody else makes, and pods without a controller.

use patchkit::{
    report::{NotEvaluated, ObjectRef},
    rules::Labels,
    snapshot::{Snapshot, objects::Meta},
};
use serde_json::{Value, json};

use super::{
    make::make,
    model::{Decision, Fix, FixPlan, Options},
};
use crate::{
    pod_security::{PolicyVersion, Subject, evaluate},
    pods,
    specs::is_looked_at,
};

/// Where a kind holds the template of its pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    path: &'static [&'static str],
}

impl Template {
    /// Of this kind; `None` where it makes no pods.
    #[must_use]
    pub fn of(kind: &str) -> Option<Self> {
        let path: &[&str] = match kind {
            "Pod" => &[],
            "PodTemplate" => &["template"],
            "CronJob" => &["spec", "jobTemplate", "spec", "template"],
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" | "Job" => {
                &["spec", "template"]
            }
            _ => return None,
        };
        Some(Self { path })
    }

    /// The patch of the whole object from one of its template.
    fn wrap(self, patch: Value) -> Value {
        self.path.iter().rev().fold(patch, |inner, field| json!({*field: inner}))
    }
}

/// The fixes of all that violates the level.
#[must_use]
pub fn plan(snapshot: &Snapshot, options: &Options) -> FixPlan {
    let today = pods::latest(snapshot);
    let version = options.version.or(options.target).unwrap_or(today);
    let mut plan = FixPlan {
        fixes: Vec::new(),
        unchanged: 0,
        not_evaluated: snapshot.not_evaluated.clone(),
        level: options.level,
        policy_version: version,
    };
    if version > PolicyVersion::NEWEST {
        plan.not_evaluated.push(NotEvaluated::new(
            format!("what the standards of {version} forbid beyond those of {}", PolicyVersion::NEWEST),
            "this version of the standards is newer than this program",
        ));
    }
    let workloads = snapshot.workloads.iter().filter(|workload| is_looked_at(workload) && !workload.is_owned());
    let workloads = workloads.map(|workload| {
        let subject = Subject { annotations: &workload.template_annotations, spec: &workload.template };
        (workload.kind.as_str(), &workload.meta, subject)
    });
    let pods = snapshot.pods.iter().filter(|pod| pod.meta.controller().is_none() && !pod.is_finished());
    let pods = pods.map(|pod| {
        let subject = Subject { annotations: &pod.meta.annotations, spec: &pod.spec };
        ("Pod", &pod.meta, subject)
    });
    for (kind, meta, subject) in workloads.chain(pods) {
        if is_wanted(options, kind, meta) {
            one(&mut plan, snapshot, options, kind, meta, subject);
        }
    }
    orphans(&mut plan, snapshot, options);
    plan
}

fn is_wanted(options: &Options, kind: &str, meta: &Meta) -> bool {
    let in_namespace = options.namespace.as_deref().is_none_or(|namespace| *namespace == *meta.namespace);
    let full = format!("{}/{}", kind.to_ascii_lowercase(), meta.name);
    in_namespace && (options.only.is_empty() || options.only.iter().any(|only| only.to_ascii_lowercase() == full))
}

fn one(plan: &mut FixPlan, snapshot: &Snapshot, options: &Options, kind: &str, meta: &Meta, subject: Subject<'_>) {
    let violations = evaluate(subject, plan.level, plan.policy_version);
    if violations.is_empty() {
        plan.unchanged += 1;
        return;
    }
    let made = make(subject, plan.level, plan.policy_version, &options.answers);
    let mut decisions = made.decisions;
    decisions.extend(immutable(kind, meta, snapshot.is_from_files()));
    let patch = made.patch.zip(Template::of(kind)).map(|(patch, template)| {
        let mut whole = template.wrap(patch);
        // A Deployment that is applied under an API version of old is patched under the same.
        whole["apiVersion"] = meta.api_version.as_ref().into();
        whole["kind"] = kind.into();
        whole["metadata"]["name"] = meta.name.as_str().into();
        if !meta.namespace.is_empty() {
            whole["metadata"]["namespace"] = meta.namespace.as_ref().into();
        }
        whole
    });
    plan.fixes.push(Fix {
        object: meta.object_ref(kind),
        source: snapshot.source_of(meta),
        level: plan.level,
        policy_version: plan.policy_version,
        violations,
        reaches: patch.is_some() && made.remaining.is_empty(),
        remaining: made.remaining,
        patch,
        decisions,
        effects: made.effects,
    });
}

/// What the API server does not let anybody change in place. In a file it can be.
fn immutable(kind: &str, meta: &Meta, from_files: bool) -> Option<Decision> {
    if from_files {
        return None;
    }
    let question = match kind {
        "Pod" if is_mirror(&meta.annotations) => {
            "the kubelet makes this pod from a file on its node: change that file".to_owned()
        }
        "Pod" => {
            "a running pod cannot be changed, and no controller makes it anew: patch its manifest, delete the pod, \
                  and create it again"
                .to_owned()
        }
        "Job" => "the template of a Job cannot be changed: patch its manifest, and create it anew".to_owned(),
        _ => return None,
    };
    Some(Decision { question, answer_by: None, blocks: false })
}

fn is_mirror(annotations: &Labels) -> bool {
    annotations.contains_key("kubernetes.io/config.mirror")
}

/// Pods and workloads whose owner is nothing that can be patched here.
fn orphans(plan: &mut FixPlan, snapshot: &Snapshot, options: &Options) {
    let specs = crate::specs::Specs::new(snapshot);
    let mut owners: std::collections::BTreeSet<ObjectRef> = std::collections::BTreeSet::new();
    let owned_pods = snapshot.pods.iter().filter(|pod| !pod.is_finished()).filter_map(|pod| {
        pod.meta.controller()?;
        let subject = Subject { annotations: &pod.meta.annotations, spec: &pod.spec };
        Some((subject, &pod.meta.namespace, specs.top_of_pod(pod)))
    });
    let owned = snapshot.workloads.iter().filter(|workload| is_looked_at(workload) && workload.is_owned());
    let owned = owned.map(|workload| {
        let subject = Subject { annotations: &workload.template_annotations, spec: &workload.template };
        (subject, &workload.meta.namespace, specs.top(workload))
    });
    for (subject, namespace, top) in owned_pods.chain(owned) {
        let in_namespace = options.namespace.as_deref().is_none_or(|wanted| *wanted == **namespace);
        let is_there = |top: &ObjectRef| {
            snapshot.workloads.iter().any(|workload| {
                workload.kind.as_str() == top.kind
                    && workload.meta.name == top.name
                    && Some(&*workload.meta.namespace) == top.namespace.as_deref()
                    && !workload.is_owned()
            })
        };
        if !in_namespace
            || !options.only.is_empty()
            || evaluate(subject, plan.level, plan.policy_version).is_empty()
            || (top.kind != "Pod" && is_there(&top))
        {
            continue;
        }
        owners.insert(top);
    }
    for owner in owners {
        plan.not_evaluated.push(NotEvaluated::new(
            format!("the fix of {}", owner.display()),
            "it makes pods that violate the level, and is not a workload that can be patched here: change it where it \
             is made",
        ));
    }
}
