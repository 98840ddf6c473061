//! Seccomp may not be switched off. Below policy version 1.19 the annotations count, and nobody looks at the fields,
//! which did not exist; from then on the fields count alone.

use std::collections::BTreeSet;

use patchkit::rules::pod::SecurityProfile;

use super::super::{
    check::{Check, Revision, Subject},
    level::Level,
    words::{Setters, quoted},
};

pub(in super::super) const CHECK: Check = Check {
    id: "seccompProfile_baseline",
    level: Level::Baseline,
    revisions: &[Revision::new(0, annotations), Revision::new(19, fields)],
    replaces: None,
};

const POD_ANNOTATION: &str = "seccomp.security.alpha.kubernetes.io/pod";
const CONTAINER_ANNOTATION_PREFIX: &str = "container.seccomp.security.alpha.kubernetes.io/";

/// The forbidden annotations: of the pod, and of containers that it has.
pub(in super::super) fn forbidden_annotations(subject: Subject<'_>) -> BTreeSet<(String, String)> {
    let keys = subject.containers().map(|container| format!("{CONTAINER_ANNOTATION_PREFIX}{}", container.name));
    keys.chain([POD_ANNOTATION.to_owned()])
        .filter_map(|key| {
            let value = subject.annotations.get(&key)?;
            let is_allowed = matches!(value, "runtime/default" | "docker/default") || value.starts_with("localhost/");
            (!is_allowed).then(|| (key, value.to_owned()))
        })
        .collect()
}

fn annotations(subject: Subject<'_>) -> Option<String> {
    let forbidden = forbidden_annotations(subject);
    (!forbidden.is_empty()).then(|| {
        let list: Vec<String> = forbidden.iter().map(|(key, value)| format!("{key}={value:?}")).collect();
        format!("no annotation may set the seccomp profile so: {}", list.join(", "))
    })
}

fn fields(subject: Subject<'_>) -> Option<String> {
    let bad = forbidden_fields(subject);
    (!bad.is_empty()).then(|| in_words(&bad))
}

/// Whether a profile is one of those that confine.
pub(in super::super) fn is_allowed(profile: &SecurityProfile) -> bool {
    matches!(profile.kind.as_str(), "RuntimeDefault" | "Localhost")
}

/// Who sets a profile that is not allowed.
pub(super) fn forbidden_fields(subject: Subject<'_>) -> Setters<'_> {
    let mut bad = Setters::default();
    let of_pod = subject.spec.security_context.as_ref().and_then(|context| context.seccomp_profile.as_ref());
    if let Some(profile) = of_pod.filter(|profile| !is_allowed(profile)) {
        bad.pod = true;
        bad.values.insert(&profile.kind);
    }
    for container in subject.containers() {
        let profile = container.security_context.as_ref().and_then(|context| context.seccomp_profile.as_ref());
        if let Some(profile) = profile.filter(|profile| !is_allowed(profile)) {
            bad.containers.push(&container.name);
            bad.values.insert(&profile.kind);
        }
    }
    bad
}

pub(super) fn in_words(bad: &Setters<'_>) -> String {
    format!("{} must not set securityContext.seccompProfile.type to {}", bad.names(), quoted(bad.values.clone()))
}
