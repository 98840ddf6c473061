//! Plans of drains from files: kubectl's filters, budgets, and each trap that planning can see.

mod budgets;
mod command;
mod duration;
mod filters;
mod jobs;
mod nodes;
mod obstacles;
mod quality;
mod returns;
mod services;
mod sets;

use clap::Parser;
use jiff::Timestamp;
use kubectl_drainsafe::drain::{Action, BlockedFor, Made, NoPlan, Options, PlannedPod, Subject, Targets, make};
use patchkit::{
    report::{Finding, Severity},
    snapshot::{Snapshot, files::from_files},
};

/// The time of every plan of these tests.
const NOW: &str = "2026-11-23T10:00:00Z";

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    options: Options,
}

/// A snapshot of these objects; what they hold none of does not exist.
fn snapshot(yaml: &str) -> Snapshot {
    // What begins with a brace would be read as JSON.
    let text = format!("---\n{yaml}");
    let mut snapshot = from_files(&["-".to_owned()], false, text.as_bytes(), |_| {}).expect("standard input is there");
    assert!(snapshot.not_evaluated.is_empty(), "{:?}", snapshot.not_evaluated);
    snapshot.take_as_complete();
    snapshot
}

fn options(line: &str) -> (Targets, Options) {
    let words = std::iter::once("plan").chain(line.split_whitespace());
    let line = Line::try_parse_from(words).unwrap_or_else(|error| panic!("{error}"));
    (line.targets, line.options)
}

/// The plan of these objects on three nodes of 4 CPUs (`n1`, `n2`, `n3`), with these flags.
fn plan(line: &str, yaml: &str) -> Made {
    plan_of(line, &format!("{}{yaml}", nodes(&["n1", "n2", "n3"])))
}

/// The plan of these objects alone.
fn plan_of(line: &str, yaml: &str) -> Made {
    let now: Timestamp = NOW.parse().expect("a moment");
    make_from(&snapshot(yaml), line, now).unwrap_or_else(|error| panic!("{error}"))
}

fn make_from(snapshot: &Snapshot, line: &str, now: Timestamp) -> Result<Made, NoPlan> {
    let (targets, options) = options(line);
    make(Subject { snapshot, targets: &targets, options: &options, now })
}

fn nodes(names: &[&str]) -> String {
    names.iter().map(|name| node(name, "")).collect()
}

/// A ready node; `more` goes into its metadata.
fn node(name: &str, more: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Node
metadata: {{name: {name}, labels: {{kubernetes.io/hostname: {name}, kubernetes.io/os: linux}}{more}}}
status:
  allocatable: {{cpu: '4', memory: 8Gi, pods: '20'}}
  conditions: [{{type: Ready, status: 'True'}}]
---"
    )
}

/// A Deployment with its ReplicaSet; `spec` goes into the Deployment's specification, `template` into that of its pods.
fn deployment(name: &str, replicas: usize, spec: &str, template: &str) -> String {
    let pods = format!(
        "template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{containers: [{{name: c, image: example/{name}:1, \
         resources: {{requests: {{cpu: 100m}}}}, readinessProbe: {{tcpSocket: {{port: 80}}}}}}]{template}}}}}"
    );
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: shop, uid: d-{name}}}
spec: {{replicas: {replicas}, selector: {{matchLabels: {{app: {name}}}}}, {pods}{spec}}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {{name: {name}-1, namespace: shop, uid: r-{name}, ownerReferences: [{{apiVersion: apps/v1, kind: Deployment, name: {name}, uid: d-{name}, controller: true}}]}}
spec: {{replicas: {replicas}, selector: {{matchLabels: {{app: {name}}}}}, {pods}}}
---"
    )
}

/// A pod of that Deployment.
fn web_pod(app: &str, number: usize, node: &str, more: &Pod<'_>) -> String {
    let owner = format!("{{apiVersion: apps/v1, kind: ReplicaSet, name: {app}-1, uid: r-{app}, controller: true}}");
    pod(&format!("{app}-1-{number}"), node, &Pod { owner: &owner, app, ..*more })
}

/// What differs between the pods of these tests.
#[derive(Clone, Copy)]
struct Pod<'a> {
    owner: &'a str,
    app: &'a str,
    ready: bool,
    phase: &'a str,
    /// Into the metadata.
    meta: &'a str,
    /// Into the specification.
    spec: &'a str,
    /// Into the status.
    status: &'a str,
}

const READY: Pod<'static> =
    Pod { owner: "", app: "none", ready: true, phase: "Running", meta: "", spec: "", status: "" };
const UNREADY: Pod<'static> = Pod { ready: false, ..READY };

fn pod(name: &str, node: &str, more: &Pod<'_>) -> String {
    let Pod { owner, app, ready, phase, meta, spec, status } = more;
    let owners = if owner.is_empty() { String::new() } else { format!(", ownerReferences: [{owner}]") };
    let ready = if *ready { "True" } else { "False" };
    format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: shop, uid: p-{name}, creationTimestamp: '2026-11-20T10:00:00Z', labels: {{app: {app}}}{owners}{meta}}}
spec: {{nodeName: {node}, terminationGracePeriodSeconds: 30, containers: [{{name: c, image: example/{app}:1, resources: {{requests: {{cpu: 100m}}}}, readinessProbe: {{tcpSocket: {{port: 80}}}}}}]{spec}}}
status: {{phase: {phase}, conditions: [{{type: Ready, status: '{ready}', lastTransitionTime: '2026-11-20T10:00:05Z'}}]{status}}}
---"
    )
}

/// A budget over the pods of an app, with the status that its controller would write.
fn budget(name: &str, app: &str, spec: &str, allowed: i32, healthy: i32, desired: i32, expected: i32) -> String {
    format!(
        "
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: {name}, namespace: shop, generation: 1}}
spec: {{selector: {{matchLabels: {{app: {app}}}}}, {spec}}}
status: {{observedGeneration: 1, disruptionsAllowed: {allowed}, currentHealthy: {healthy}, desiredHealthy: {desired}, expectedPods: {expected}}}
---"
    )
}

fn service(name: &str, app: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: shop}}
spec: {{selector: {{app: {app}}}, ports: [{{port: 80}}]}}
---"
    )
}

#[track_caller]
fn planned<'m>(made: &'m Made, name: &str) -> &'m PlannedPod {
    made.plan.pods.iter().find(|pod| pod.name == name).unwrap_or_else(|| panic!("no pod {name}: {:#?}", made.plan.pods))
}

/// What happens to a pod, and for how long it is blocked.
#[track_caller]
fn action(made: &Made, name: &str) -> (Action, Option<BlockedFor>) {
    let pod = planned(made, name);
    (pod.action, pod.blocked_for)
}

const EVICTED: (Action, Option<BlockedFor>) = (Action::Evict, None);
const BLOCKED_NOW: (Action, Option<BlockedFor>) = (Action::Blocked, Some(BlockedFor::Now));
const BLOCKED_NEVER: (Action, Option<BlockedFor>) = (Action::Blocked, Some(BlockedFor::Never));

#[track_caller]
fn finding<'m>(made: &'m Made, id: &str) -> &'m Finding {
    let found: Vec<&Finding> = made.findings.iter().filter(|finding| finding.id == id).collect();
    match found.as_slice() {
        [one] => one,
        _ => panic!("{} findings {id}: {:#?}", found.len(), made.findings),
    }
}

fn ids(made: &Made) -> Vec<(&str, Severity)> {
    let mut ids: Vec<_> = made.findings.iter().map(|finding| (finding.id.as_str(), finding.severity)).collect();
    ids.sort_unstable();
    ids
}
