//! Nobody asks for user 0. Pods in a user namespace may from policy version 1.35 on.

use super::super::{
    check::{Check, Revision, Subject},
    level::Level,
    words::Setters,
};

pub(in super::super) const CHECK: Check = Check {
    id: "runAsUser",
    level: Level::Restricted,
    revisions: &[Revision::new(23, since_1_23), Revision::new(35, since_1_35)],
    replaces: None,
};

fn since_1_23(subject: Subject<'_>) -> Option<String> {
    let of_pod = subject.spec.security_context.as_ref().and_then(|context| context.run_as_user);
    let containers = subject.containers_that(|container| {
        container.security_context.as_ref().and_then(|context| context.run_as_user) == Some(0)
    });
    let bad = Setters { pod: of_pod == Some(0), containers, ..Setters::default() };
    (!bad.is_empty()).then(|| format!("{} must not set securityContext.runAsUser to 0", bad.names()))
}

fn since_1_35(subject: Subject<'_>) -> Option<String> {
    if subject.has_user_namespace() { None } else { since_1_23(subject) }
}
