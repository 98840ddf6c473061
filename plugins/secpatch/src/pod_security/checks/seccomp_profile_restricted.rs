//! Every container has a seccomp profile that confines it, its own or the pod's.

use super::{
    super::{
        check::{Check, Revision, Subject},
        level::Level,
        words::named,
    },
    seccomp_profile_baseline::{forbidden_fields, in_words, is_allowed},
};

pub(in super::super) const CHECK: Check = Check {
    id: "seccompProfile_restricted",
    level: Level::Restricted,
    revisions: &[Revision::new(19, since_1_19), Revision::new(25, since_1_25)],
    replaces: Some("seccompProfile_baseline"),
};

fn since_1_19(subject: Subject<'_>) -> Option<String> {
    let bad = forbidden_fields(subject);
    if !bad.is_empty() {
        return Some(in_words(&bad));
    }
    let of_pod = subject.spec.security_context.as_ref().and_then(|context| context.seccomp_profile.as_ref());
    if of_pod.is_some_and(is_allowed) {
        return None;
    }
    let silent = subject.containers_that(|container| {
        container.security_context.as_ref().is_none_or(|context| context.seccomp_profile.is_none())
    });
    (!silent.is_empty()).then(|| {
        format!(
            "pod or {} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"",
            named("container", silent)
        )
    })
}

/// Windows has no seccomp.
fn since_1_25(subject: Subject<'_>) -> Option<String> {
    if subject.is_windows() { None } else { since_1_19(subject) }
}
