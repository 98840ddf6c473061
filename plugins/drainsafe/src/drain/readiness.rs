//! How long a replacement takes until it is Ready: as long as its like took in this cluster, or what its probes allow.

use std::{collections::HashMap, sync::Arc};

use compact_str::CompactString;
use patchkit::{
    rules::{PodSpec, pod::Container},
    snapshot::{
        Owners, Snapshot,
        objects::{
            pod::Pod,
            workload::{Workload, WorkloadKind},
        },
    },
};

use super::{model::Expected, scene::Scene};

/// Longer than this nothing takes to start: the condition Ready changed again later, when a node was away.
const LONGEST_SECONDS: i64 = 3600;

/// From a pod's creation until its containers run, where nothing in the cluster tells.
const START_SECONDS: u64 = 2;

/// How long the pods of the cluster took.
pub struct Readiness {
    /// Seconds by the workload at the top.
    by_owner: HashMap<Key, Vec<u64>>,
    /// Of pods without a readiness probe: they are Ready as soon as they run.
    start: u64,
}

/// Namespace, kind and name.
type Key = (Arc<str>, WorkloadKind, CompactString);

impl Readiness {
    /// Of the pods of a snapshot.
    #[must_use]
    pub fn of(snapshot: &Snapshot, owners: &Owners<'_>) -> Self {
        let mut by_owner: HashMap<Key, Vec<u64>> = HashMap::new();
        let mut without_probe = Vec::new();
        for pod in &snapshot.pods {
            let Some(seconds) = took(pod) else { continue };
            if pod.spec.containers.iter().all(|container| container.readiness_probe.is_none()) {
                without_probe.push(seconds);
            }
            let top = owners.top(&pod.meta).and_then(|owner| owners.workload(&pod.meta.namespace, owner));
            if let Some(top) = top {
                by_owner.entry(key(top)).or_default().push(seconds);
            }
        }
        Self { by_owner, start: usual(&mut without_probe).unwrap_or(START_SECONDS) }
    }

    /// For the replacement of a pod; `None` for a pod that nothing brings back.
    #[must_use]
    pub fn of_replacement(&self, scene: &Scene<'_>, pod: &Pod) -> Option<Expected> {
        pod.meta.controller()?;
        let top = scene.top(pod);
        if let Some(seconds) = top.and_then(|top| self.by_owner.get(&key(top))).and_then(|it| usual(&mut it.clone())) {
            return Some(Expected { seconds, from: "measured" });
        }
        let template: &Arc<PodSpec> = top.map_or(&pod.spec, |top| &top.template);
        let spec = if template.containers.is_empty() { &pod.spec } else { template };
        Some(Expected { seconds: self.start + probes(spec), from: "probes" })
    }
}

fn key(workload: &Workload) -> Key {
    (Arc::clone(&workload.meta.namespace), workload.kind, workload.meta.name.clone())
}

/// From a pod's creation until it was Ready, where nothing has disturbed it since.
fn took(pod: &Pod) -> Option<u64> {
    if !pod.is_ready() || pod.is_mirror() || pod.containers.iter().any(|container| container.restarts > 0) {
        return None;
    }
    let seconds = pod.ready_since?.duration_since(pod.meta.created?).as_secs();
    (0..=LONGEST_SECONDS).contains(&seconds).then(|| seconds.unsigned_abs())
}

/// The lower quartile: what makes one of them slower (an image that had to be pulled, a node that was away, a wait for
/// room) has little to do with the replacement.
fn usual(seconds: &mut [u64]) -> Option<u64> {
    seconds.sort_unstable();
    seconds.get(seconds.len() / 4).copied()
}

/// What the probes add at best: each first success counts from the start of its container, and a readiness probe waits
/// for the startup probe.
fn probes(spec: &PodSpec) -> u64 {
    let of = |container: &Container| {
        let startup = container.startup_probe.as_ref().map_or(0, |probe| delay(probe.initial_delay_seconds));
        let readiness = container.readiness_probe.as_ref().map_or(0, |probe| {
            // Defaults of the API server (SetDefaults_Probe): period 10, success threshold 1.
            let more = probe.success_threshold.unwrap_or(1).max(1) - 1;
            delay(probe.initial_delay_seconds)
                + u64::from(more.unsigned_abs()) * u64::from(probe.period_seconds.unwrap_or(10).max(1).unsigned_abs())
        });
        startup.max(readiness)
    };
    spec.containers.iter().map(of).max().unwrap_or(0)
}

fn delay(seconds: Option<i32>) -> u64 {
    u64::from(seconds.unwrap_or(0).max(0).unsigned_abs())
}
