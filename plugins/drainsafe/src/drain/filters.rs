//! Which pods a drain touches: `kubectl drain`'s five filters, in their order and with their words, which people
//! search for.
//!
//! Source: `k8s.io/kubectl/pkg/drain/filters.go`, v1.37 (`makeFilters`).

use std::collections::BTreeMap;

use jiff::Timestamp;
use patchkit::{
    report::{Finding, Severity},
    rules::pod::VolumeSource,
    snapshot::{
        Snapshot, kinds,
        objects::{pod::Pod, workload::WorkloadKind},
    },
};

use super::{
    Options,
    model::{Action, BlockedFor},
    scene::{Draft, Said, Scene},
};

/// What a filter says of a pod. The first that does not let it go decides; of those that do, the last one's words stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filtered {
    /// It goes.
    Goes,
    /// It goes, and kubectl warns.
    GoesWith(String),
    /// It stays, without a word.
    Stays(&'static str),
    /// It stays, and kubectl warns.
    StaysWith(&'static str),
    /// It ends the drain of its node before anything is evicted: `cannot delete …: namespace/name`.
    Fails(String),
    /// What kubectl would ask the API server for was not read.
    Unknown(String),
}

const DAEMON_SET_FATAL: &str = "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)";
const DAEMON_SET_WARNING: &str = "ignoring DaemonSet-managed Pods";
const LOCAL_STORAGE_FATAL: &str = "Pods with local storage (use --delete-emptydir-data to override)";
const LOCAL_STORAGE_WARNING: &str = "deleting Pods with local storage";
const UNMANAGED_FATAL: &str = "Pods that declare no controller (use --force to override)";
const UNMANAGED_WARNING: &str = "deleting Pods that declare no controller";

/// Runs a pod through the filters.
#[must_use]
pub fn filter(pod: &Pod, options: &Options, snapshot: &Snapshot, now: Timestamp) -> Filtered {
    if is_overdue(pod, options.skip_wait_for_delete_timeout, now) {
        return Filtered::Stays("its deletion was due longer ago than --skip-wait-for-delete-timeout waits");
    }
    let mut result = daemon_set(pod, options, snapshot);
    if !matches!(result, Filtered::Goes | Filtered::GoesWith(_)) {
        return result;
    }
    if pod.is_mirror() {
        return Filtered::Stays("static pod: the kubelet runs it from a file, and the API cannot end it");
    }
    if pod.is_finished() {
        return Filtered::Goes;
    }
    if has_local_storage(pod) {
        if !options.delete_emptydir_data {
            return Filtered::Fails(LOCAL_STORAGE_FATAL.to_owned());
        }
        result = Filtered::GoesWith(LOCAL_STORAGE_WARNING.to_owned());
    }
    if pod.meta.controller().is_none() {
        if !options.force {
            return Filtered::Fails(UNMANAGED_FATAL.to_owned());
        }
        result = Filtered::GoesWith(UNMANAGED_WARNING.to_owned());
    }
    result
}

/// kubectl compares whole seconds.
fn is_overdue(pod: &Pod, limit: u32, now: Timestamp) -> bool {
    limit > 0 && pod.meta.deleting.is_some_and(|due| now.duration_since(due).as_secs() > i64::from(limit))
}

fn daemon_set(pod: &Pod, options: &Options, snapshot: &Snapshot) -> Filtered {
    let Some(owner) = pod.meta.controller().filter(|owner| owner.kind == "DaemonSet" && owner.api_version == "apps/v1")
    else {
        return Filtered::Goes;
    };
    if pod.is_finished() {
        return Filtered::Goes;
    }
    let is_there = snapshot.workloads.iter().any(|workload| {
        workload.kind == WorkloadKind::DaemonSet
            && workload.meta.namespace == pod.meta.namespace
            && workload.meta.name == owner.name
    });
    if !is_there {
        if let Some(why) = snapshot.why_unknown(&kinds::DAEMON_SETS) {
            return Filtered::Unknown(format!("whether its DaemonSet {} is still there: {why}", owner.name));
        }
        // The API server's words for an object that is gone.
        let gone = format!("daemonsets.apps \"{}\" not found", owner.name);
        return if options.force { Filtered::GoesWith(gone) } else { Filtered::Fails(gone) };
    }
    if options.ignore_daemonsets {
        Filtered::StaysWith(DAEMON_SET_WARNING)
    } else {
        Filtered::Fails(DAEMON_SET_FATAL.to_owned())
    }
}

/// An emptyDir of any medium. The API server makes one of a volume without a source, which only manifests have.
fn has_local_storage(pod: &Pod) -> bool {
    pod.spec.volumes.iter().any(|volume| matches!(volume.source, VolumeSource::EmptyDir { .. } | VolumeSource::None))
}

/// Runs all pods through the filters, and says which of them keep their node from being drained.
pub fn apply(scene: &Scene<'_>, drafts: &mut [Draft<'_>], said: &mut Said) {
    let goes = if scene.options.disable_eviction { Action::Delete } else { Action::Evict };
    let mut failed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for draft in drafts.iter_mut() {
        let (action, reason) = match filter(draft.pod, scene.options, scene.snapshot, scene.now) {
            Filtered::Goes => (goes, String::new()),
            Filtered::GoesWith(warning) => (goes, warning),
            Filtered::Stays(why) | Filtered::StaysWith(why) => (Action::Skip, why.to_owned()),
            Filtered::Fails(why) => {
                let path = draft.planned.path();
                let reason = format!("cannot delete {why}: {path}");
                failed.entry(why).or_default().push(path);
                draft.block(BlockedFor::Never, reason);
                continue;
            }
            Filtered::Unknown(what) => {
                said.unknown(format!("the pod {}", draft.planned.path()), format!("cannot tell {what}"));
                draft.block(BlockedFor::Now, format!("cannot tell {what}"));
                continue;
            }
        };
        draft.planned.action = action;
        draft.planned.blocked_for = None;
        draft.planned.reason = reason;
    }
    for (why, pods) in failed {
        let (id, hint) = match why.as_str() {
            DAEMON_SET_FATAL => ("daemonset-pods", "--ignore-daemonsets leaves them where they are"),
            LOCAL_STORAGE_FATAL => ("local-storage", "--delete-emptydir-data accepts that what is in them is lost"),
            UNMANAGED_FATAL => ("no-controller", "--force accepts that nothing brings them back"),
            _ => ("daemonset-gone", "--force deletes pods whose DaemonSet is gone"),
        };
        // As kubectl writes it: one line a reason, with all pods.
        let title = format!("cannot delete {why}: {}", pods.join(", "));
        said.find(Finding::new(id, Severity::High, title).with_evidence("pods", pods).with_hint(hint));
    }
}
