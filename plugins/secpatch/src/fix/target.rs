//! What people would change: workloads that nobody else makes, and pods without a controller.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use patchkit::{
    report::{NotEvaluated, ObjectRef},
    rules::{Labels, PodSpec},
    snapshot::{Snapshot, objects::Meta},
};

use super::{
    json_patch,
    make::make,
    model::{Decision, Fix, FixPlan, Options},
    overwriting::overwriters,
    pod_json,
};
use crate::{
    patch_files::Template,
    pod_security::{PolicyVersion, Subject, evaluate},
    pods,
    specs::{Specs, is_looked_at},
};

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
    let template = Template::of(kind);
    let json_patch = made.patch.as_ref().zip(template).and_then(|(patch, template)| {
        let before = pod_json::to_json(subject).ok()?;
        Some(json_patch::operations(&before, patch, &template.pointer()))
    });
    let object = meta.object_ref(kind);
    let patch = made.patch.zip(template).map(|(patch, template)| template.wrap(&object, patch));
    plan.fixes.push(Fix {
        object,
        source: snapshot.source_of(meta),
        level: plan.level,
        policy_version: plan.policy_version,
        violations,
        reaches: patch.is_some() && made.remaining.is_empty(),
        remaining: made.remaining,
        json_patch: json_patch.filter(|_| patch.is_some()),
        patch,
        overwritten_by: overwriters(meta),
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
    if !options.only.is_empty() {
        return;
    }
    let specs = Specs::new(snapshot);
    // What is patched itself, and with it all that it makes.
    let patched: HashSet<(&str, &str, &str)> = snapshot
        .workloads
        .iter()
        .filter(|workload| !workload.is_owned())
        .map(|workload| (workload.kind.as_str(), &*workload.meta.namespace, workload.meta.name.as_str()))
        .collect();
    let (level, version) = (plan.level, plan.policy_version);
    // Thousands of pods share a specification: each is judged once.
    let mut known: HashMap<(*const PodSpec, *const Labels), bool> = HashMap::new();
    let mut violates = |annotations: &Arc<Labels>, spec: &Arc<PodSpec>| {
        *known
            .entry((Arc::as_ptr(spec), Arc::as_ptr(annotations)))
            .or_insert_with(|| !evaluate(Subject { annotations, spec }, level, version).is_empty())
    };
    let mut owners: BTreeSet<ObjectRef> = BTreeSet::new();
    let mut look = |annotations: &Arc<Labels>, spec: &Arc<PodSpec>, namespace: &str, top: ObjectRef| {
        let in_namespace = options.namespace.as_deref().is_none_or(|wanted| wanted == namespace);
        let place = (top.kind.as_str(), top.namespace.as_deref().unwrap_or_default(), top.name.as_str());
        if in_namespace && !patched.contains(&place) && violates(annotations, spec) {
            owners.insert(top);
        }
    };
    for pod in snapshot.pods.iter().filter(|pod| !pod.is_finished() && pod.meta.controller().is_some()) {
        look(&pod.meta.annotations, &pod.spec, &pod.meta.namespace, specs.top_of_pod(pod));
    }
    for workload in snapshot.workloads.iter().filter(|workload| is_looked_at(workload) && workload.is_owned()) {
        look(&workload.template_annotations, &workload.template, &workload.meta.namespace, specs.top(workload));
    }
    for owner in owners {
        plan.not_evaluated.push(NotEvaluated::new(
            format!("the fix of {}", owner.display()),
            "it makes pods that violate the level, and is not a workload that can be patched here: change it where it \
             is made",
        ));
    }
}
