//! The node's network, processes and IPC may not be shared.

use super::super::{
    check::{Check, Revision, Subject},
    level::Level,
};

pub(in super::super) const CHECK: Check =
    Check { id: "hostNamespaces", level: Level::Baseline, revisions: &[Revision::new(0, judge)], replaces: None };

fn judge(subject: Subject<'_>) -> Option<String> {
    let spec = subject.spec;
    let shared: Vec<&str> =
        [(spec.host_network, "hostNetwork"), (spec.host_pid, "hostPID"), (spec.host_ipc, "hostIPC")]
            .into_iter()
            .filter_map(|(is_set, field)| is_set.then_some(field))
            .collect();
    (!shared.is_empty()).then(|| format!("pod must not set {} to true", shared.join(", ")))
}
