//! No container may gain more rights than its parent, such as by set-user-ID files.

use super::super::{
    check::{Check, Revision, Subject},
    level::Level,
    words::named,
};

pub(in super::super) const CHECK: Check = Check {
    id: "allowPrivilegeEscalation",
    level: Level::Restricted,
    revisions: &[Revision::new(8, since_1_8), Revision::new(25, since_1_25)],
    replaces: None,
};

fn since_1_8(subject: Subject<'_>) -> Option<String> {
    let bad = subject.containers_that(|container| {
        container.security_context.as_ref().and_then(|context| context.allow_privilege_escalation) != Some(false)
    });
    (!bad.is_empty())
        .then(|| format!("{} must set securityContext.allowPrivilegeEscalation to false", named("container", bad)))
}

/// Windows has no such field.
fn since_1_25(subject: Subject<'_>) -> Option<String> {
    if subject.is_windows() { None } else { since_1_8(subject) }
}
