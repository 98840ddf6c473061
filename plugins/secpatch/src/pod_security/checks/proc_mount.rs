//! The masks over `/proc` stay, but for pods in a user namespace from policy version 1.35 on.

use std::collections::BTreeSet;

use super::super::{
    check::{Check, Revision, Subject},
    level::Level,
    words::{named, quoted},
};

pub(in super::super) const CHECK: Check = Check {
    id: "procMount",
    level: Level::Baseline,
    revisions: &[Revision::new(0, since_1_0), Revision::new(35, since_1_35)],
    replaces: None,
};

pub(super) fn since_1_0(subject: Subject<'_>) -> Option<String> {
    let mut containers = Vec::new();
    let mut kinds = BTreeSet::new();
    for container in subject.containers() {
        let kind = container.security_context.as_ref().and_then(|context| context.proc_mount.as_deref());
        if let Some(kind) = kind.filter(|kind| *kind != "Default") {
            containers.push(container.name.as_str());
            kinds.insert(kind);
        }
    }
    (!containers.is_empty()).then(|| {
        format!("{} must not set securityContext.procMount to {}", named("container", containers), quoted(kinds))
    })
}

fn since_1_35(subject: Subject<'_>) -> Option<String> {
    if subject.has_user_namespace() { None } else { since_1_0(subject) }
}
