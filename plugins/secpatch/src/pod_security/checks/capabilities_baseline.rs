//! Capabilities beyond the runtime's default set may not be added, nor NET_RAW, which is in it.

use std::collections::BTreeSet;

use super::super::{
    check::{Check, Revision, Subject},
    level::Level,
    words::{named, quoted},
};

pub(in super::super) const CHECK: Check = Check {
    id: "capabilities_baseline",
    level: Level::Baseline,
    revisions: &[Revision::new(0, judge)],
    replaces: None,
};

/// What may be added.
pub(in super::super) const ALLOWED: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

fn judge(subject: Subject<'_>) -> Option<String> {
    added_beyond(subject, ALLOWED)
}

/// Which containers add a capability that is not allowed.
pub(super) fn added_beyond(subject: Subject<'_>, allowed: &[&str]) -> Option<String> {
    let mut containers = Vec::new();
    let mut capabilities = BTreeSet::new();
    for container in subject.containers() {
        let Some(of) = container.security_context.as_ref().and_then(|context| context.capabilities.as_ref()) else {
            continue;
        };
        let before = containers.len();
        for added in of.add.iter().filter(|added| !allowed.contains(&added.as_str())) {
            capabilities.insert(added.as_str());
            if containers.len() == before {
                containers.push(container.name.as_str());
            }
        }
    }
    (!containers.is_empty()).then(|| {
        format!(
            "{} must not add {} in securityContext.capabilities",
            named("container", containers),
            quoted(capabilities)
        )
    })
}
