//! The runtime's AppArmor profile may be replaced by one on the node, not switched off. Both the fields and the
//! annotations that came before them count, at every policy version.

use std::collections::BTreeSet;

use super::super::{
    check::{Check, Revision, Subject},
    level::Level,
    words::{Setters, quoted},
};

pub(in super::super) const CHECK: Check =
    Check { id: "appArmorProfile", level: Level::Baseline, revisions: &[Revision::new(0, judge)], replaces: None };

/// The annotation's key ends with the container's name.
pub(in super::super) const ANNOTATION_PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";

fn is_allowed(kind: &str) -> bool {
    matches!(kind, "RuntimeDefault" | "Localhost")
}

/// Whether an annotation of this key and value is forbidden.
pub(in super::super) fn is_forbidden_annotation(key: &str, value: &str) -> bool {
    key.starts_with(ANNOTATION_PREFIX)
        && !(value.is_empty() || value == "runtime/default" || value.starts_with("localhost/"))
}

fn judge(subject: Subject<'_>) -> Option<String> {
    let mut bad = Setters::default();
    let of_pod = subject.spec.security_context.as_ref().and_then(|context| context.app_armor_profile.as_ref());
    if let Some(profile) = of_pod.filter(|profile| !is_allowed(&profile.kind)) {
        bad.pod = true;
        bad.values.insert(&profile.kind);
    }
    for container in subject.containers() {
        let profile = container.security_context.as_ref().and_then(|context| context.app_armor_profile.as_ref());
        if let Some(profile) = profile.filter(|profile| !is_allowed(&profile.kind)) {
            bad.containers.push(&container.name);
            bad.values.insert(&profile.kind);
        }
    }
    let annotations: BTreeSet<String> = subject
        .annotations
        .iter()
        .filter(|(key, value)| is_forbidden_annotation(key, value))
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect();
    let mut wrong = Vec::new();
    if !bad.is_empty() {
        wrong.push(format!("{} must not set the AppArmor profile type {}", bad.names(), quoted(bad.values.clone())));
    }
    if !annotations.is_empty() {
        let list = annotations.into_iter().collect::<Vec<_>>().join(", ");
        wrong.push(format!("no annotation may set the AppArmor profile so: {list}"));
    }
    (!wrong.is_empty()).then(|| wrong.join("; "))
}
