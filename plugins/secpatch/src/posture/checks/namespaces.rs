//! What a namespace is fenced in by: quotas, limits, what its pods may be.

use patchkit::{
    report::Severity,
    snapshot::{kinds, objects::cluster_wide::Namespace},
};

use super::{
    super::outcome::{Found, Outcome},
    Look,
    image_policy::engines,
    is_system,
};
use crate::{
    pod_security::{Level, NamespacePolicy},
    words::{count, summary},
};

/// The namespaces that people look after.
pub(super) fn own<'s>(look: &Look<'s>) -> Vec<&'s Namespace> {
    let all = look.snapshot.namespaces.iter();
    all.filter(|namespace| !namespace.terminating && !is_system(&namespace.meta.name)).collect()
}

fn lacking(look: &Look<'_>, wrong: &'static str, is_wrong: impl Fn(&Namespace) -> Option<Found>) -> Outcome {
    let all = own(look);
    let found = all.iter().filter_map(|namespace| is_wrong(namespace)).collect();
    Outcome::counted(found, count(all.len(), "namespace"), wrong).needing(look.snapshot, &[kinds::NAMESPACES])
}

pub(super) fn about(look: &Look<'_>, namespace: &Namespace, detail: impl Into<String>) -> Found {
    Found::about(look.snapshot, "Namespace", &namespace.meta, detail)
}

pub(in super::super) fn quotas(look: &Look<'_>) -> Outcome {
    lacking(look, "have no ResourceQuota", |namespace| {
        let has = look.snapshot.quotas.iter().any(|quota| *quota.meta.namespace == *namespace.meta.name);
        (!has).then(|| about(look, namespace, "it has no ResourceQuota"))
    })
    .proven_by(look.snapshot, &[kinds::RESOURCE_QUOTAS])
}

pub(in super::super) fn limits(look: &Look<'_>) -> Outcome {
    lacking(look, "have no LimitRange", |namespace| {
        let has = look.snapshot.limit_ranges.iter().any(|range| *range.meta.namespace == *namespace.meta.name);
        (!has).then(|| about(look, namespace, "it has no LimitRange"))
    })
    .proven_by(look.snapshot, &[kinds::LIMIT_RANGES])
}

pub(in super::super) fn pod_security(look: &Look<'_>) -> Outcome {
    let engines = engines(look.snapshot);
    lacking(look, "enforce nothing above privileged", |namespace| {
        let policy = NamespacePolicy::of(&namespace.meta.labels);
        if policy.enforce.level > Level::Privileged {
            return None;
        }
        let why = if policy.enforce_is_labelled { "it enforces privileged" } else { "no label says what is enforced" };
        Some(if engines.is_empty() {
            about(look, namespace, why)
        } else {
            let why = format!("{why}; whether a policy of {} does it is not read here", summary(&engines));
            about(look, namespace, why).of_severity(Severity::Low)
        })
    })
}
