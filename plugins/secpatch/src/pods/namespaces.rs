//! What each namespace enforces, and what it could.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use patchkit::{report::ObjectRef, snapshot::Snapshot};

use super::{
    model::{Break, NamespaceReview, Options},
    review::{Item, Judge},
};
use crate::pod_security::{CHECKS, Level, NamespacePolicy, PolicyVersion, Violation};

/// What a review of namespaces rests on.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a, 's> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) options: &'a Options,
    pub(super) policies: &'a BTreeMap<&'s str, NamespacePolicy>,
    /// Each pod and template, with what people would change of it.
    pub(super) items: &'a [(Item<'s>, ObjectRef)],
    pub(super) today: PolicyVersion,
    pub(super) latest: PolicyVersion,
}

/// Every namespace that was read, and every one that an object names.
pub(super) fn namespaces(subject: Subject<'_, '_>, judge: &mut Judge) -> Vec<NamespaceReview> {
    let mut by_namespace: BTreeMap<&str, Vec<&(Item<'_>, ObjectRef)>> = BTreeMap::new();
    for entry in subject.items.iter().filter(|(item, _)| !item.namespace.is_empty()) {
        by_namespace.entry(entry.0.namespace).or_default().push(entry);
    }
    let wanted = |name: &str| subject.options.namespace.as_deref().is_none_or(|namespace| namespace == name);
    for name in subject.policies.keys().filter(|name| wanted(name)) {
        by_namespace.entry(name).or_default();
    }
    by_namespace.into_iter().map(|(name, items)| one(subject, name, &items, judge)).collect()
}

fn one(subject: Subject<'_, '_>, name: &str, items: &[&(Item<'_>, ObjectRef)], judge: &mut Judge) -> NamespaceReview {
    let version = subject.options.version.unwrap_or(subject.latest);
    let breaks: Vec<Break> = [Level::Baseline, Level::Restricted]
        .into_iter()
        .filter_map(|level| break_of(level, items, |item| judge.of(item, version).at(level)))
        .collect();
    let policy = subject.policies.get(name);
    let object = subject.snapshot.namespaces.iter().find(|namespace| namespace.meta.name == name);
    let enforced = policy.map(|policy| policy.enforce).filter(|enforce| enforce.level > Level::Privileged);
    let refused = enforced.and_then(|enforce| {
        let version = enforce.version_at(subject.today);
        break_of(enforce.level, items, |item| judge.of(item, version).at(enforce.level))
    });
    let refused_at_target = enforced.filter(|_| subject.options.target.is_some()).and_then(|enforce| {
        let (before, after) = (enforce.version_at(subject.today), enforce.version_at(subject.latest));
        break_of(enforce.level, items, |item| {
            // What is refused today is told already.
            if judge.of(item, before).at(enforce.level).is_empty() {
                judge.of(item, after).at(enforce.level)
            } else {
                Arc::from([])
            }
        })
    });
    NamespaceReview {
        name: name.to_owned(),
        source: object.and_then(|object| subject.snapshot.source_of(&object.meta)),
        enforce: policy.map(|policy| policy.enforce),
        audit: policy.map(|policy| policy.audit),
        warn: policy.map(|policy| policy.warn),
        labelled: policy.is_some_and(|policy| policy.enforce_is_labelled),
        bad_labels: policy.map(|policy| policy.bad_labels.clone()).unwrap_or_default(),
        pods: items.iter().filter(|(item, _)| item.is_pod).count(),
        templates: items.iter().filter(|(item, _)| !item.is_pod).count(),
        could_enforce: match breaks.first().map(|first| first.level) {
            None => Level::Restricted,
            Some(Level::Restricted) => Level::Baseline,
            Some(_) => Level::Privileged,
        },
        breaks,
        refused,
        refused_at_target,
    }
}

/// What a level refuses of these; `None` where it is nothing.
fn break_of(
    level: Level,
    items: &[&(Item<'_>, ObjectRef)],
    mut judged: impl FnMut(Item<'_>) -> Arc<[Violation]>,
) -> Option<Break> {
    let (mut pods, mut templates) = (0, 0);
    let mut violated = BTreeSet::new();
    let mut workloads = BTreeSet::new();
    for (item, top) in items {
        let violations = judged(*item);
        if violations.is_empty() {
            continue;
        }
        *if item.is_pod { &mut pods } else { &mut templates } += 1;
        violated.extend(violations.iter().map(|violation| violation.check.clone()));
        workloads.insert(top);
    }
    (!workloads.is_empty()).then(|| Break {
        level,
        pods,
        templates,
        checks: CHECKS.iter().map(|check| check.id).filter(|id| violated.contains(*id)).collect(),
        workloads: workloads.into_iter().cloned().collect(),
    })
}
