//! Which deprecated and removed APIs are used, against one target.

use std::collections::BTreeSet;

use patchkit::{
    report::{Finding, NotEvaluated, Severity},
    rules::version::Minor,
    snapshot::Snapshot,
};

use super::{
    Alone, ApiObject, ApiStatus, ApiUse, SeenIn, ask,
    place::Placed,
    uses::{Use, each_use, kind_called},
};
use crate::{
    facts::{ApiLife, Apis, Facts, Gvk},
    subject::Subject,
    words::summary,
};

/// The guide of the Kubernetes documentation.
const GUIDE: &str = "https://kubernetes.io/docs/reference/using-api/deprecation-guide/";

/// Every fact of a snapshot, those of removed APIs first.
#[must_use]
pub fn uses(facts: &Facts, snapshot: &Snapshot, target: Minor) -> Vec<ApiUse> {
    let apis = facts.apis();
    let mut found = Vec::new();
    let wanted =
        |api_version: &str, kind: &str| apis.get(api_version, kind).is_some_and(|life| life.is_deprecated_at(target));
    each_use(snapshot, wanted, |it| {
        if let Some(life) = apis.get(it.api_version, it.kind) {
            found.push(of_object(facts, snapshot, life, it, target));
        }
    });
    found.extend(called(facts, snapshot, target));
    sort(&mut found);
    found
}

/// The facts of what Helm keeps: each file of the snapshot is a release.
#[must_use]
pub fn uses_of_releases(facts: &Facts, releases: &Snapshot, target: Minor) -> Vec<ApiUse> {
    let mut found = uses(facts, releases, target);
    found.retain(|it| it.seen_in == SeenIn::Manifest);
    for it in &mut found {
        it.seen_in = SeenIn::Helm;
        it.release = it.source.take().map(|source| source.file);
    }
    found
}

/// Removed before deprecated, then by API, object and what shows it.
pub fn sort(found: &mut [ApiUse]) {
    found.sort_by(|a, b| {
        (a.status, &a.object, &a.source, a.seen_in, &a.manager, &a.release)
            .cmp(&(b.status, &b.object, &b.source, b.seen_in, &b.manager, &b.release))
    });
}

fn of_object(facts: &Facts, snapshot: &Snapshot, life: &ApiLife, it: Use<'_>, target: Minor) -> ApiUse {
    let meta = it.meta;
    let object = ApiObject {
        api_version: it.api_version.to_owned(),
        kind: it.kind.to_owned(),
        namespace: (!meta.namespace.is_empty()).then(|| meta.namespace.to_string()),
        name: Some(meta.name.to_string()),
    };
    ApiUse {
        source: snapshot.source_of(meta),
        manager: it.manager.map(|manager| manager.manager.to_string()),
        written: it.manager.and_then(|manager| manager.time).map(|time| time.to_string()),
        ..of_life(facts, life, object, it.seen_in, target)
    }
}

fn of_life(facts: &Facts, life: &ApiLife, object: ApiObject, seen_in: SeenIn, target: Minor) -> ApiUse {
    let apis = facts.apis();
    let removed = life.is_removed_at(target);
    // What to write must be there where the old one goes.
    let replacement = apis.replacement_at(life, target);
    let mut made = ApiUse {
        object,
        source: None,
        status: if removed { ApiStatus::Removed } else { ApiStatus::Deprecated },
        deprecated_in: life.deprecated.map(|minor| minor.to_string()),
        removed_in: life.removed_in().map(|minor| minor.to_string()),
        provisional: life.removed_in().is_some_and(|minor| apis.is_provisional(minor)),
        replacement: replacement.map(|gvk| format!("{} {}", gvk.api_version(), gvk.kind)),
        replacement_since: replacement.and_then(|gvk| introduced(apis, gvk)).map(|minor| minor.to_string()),
        seen_in,
        manager: None,
        written: None,
        release: None,
        api_version_alone: None,
        changes: Vec::new(),
        rewritten: false,
        not_rewritten: None,
    };
    if let Some(to) = replacement {
        let (alone, changes) = what_changes(facts, &life.gvk, to, None);
        made.api_version_alone = Some(alone);
        made.changes = changes;
    }
    made
}

fn introduced(apis: &Apis, gvk: &Gvk) -> Option<Minor> {
    apis.get(&gvk.api_version(), &gvk.kind)?.introduced
}

/// What changes from one version of a kind to another: for this object, or for any.
fn what_changes(facts: &Facts, from: &Gvk, to: &Gvk, object: Option<&serde_json::Value>) -> (Alone, Vec<String>) {
    let Some(migration) = facts.migrations().between(from, to) else { return (Alone::Unknown, Vec::new()) };
    let mut changes: Vec<String> = Vec::new();
    for change in &migration.changes {
        if object.is_none_or(|object| change.when.holds(object)) && !changes.contains(&change.text) {
            changes.push(change.text.clone());
        }
    }
    let alone = match (changes.is_empty(), object) {
        (true, _) => Alone::Yes,
        (false, Some(_)) => Alone::No,
        (false, None) => Alone::Unknown,
    };
    (alone, changes)
}

/// Looks at the whole of a manifest: which of the changes concern it.
pub fn look_at(facts: &Facts, found: &mut ApiUse, placed: &Placed, target: Minor) {
    let apis = facts.apis();
    let Some(life) = apis.get(&found.object.api_version, &found.object.kind) else { return };
    let Some(to) = apis.replacement_at(life, target) else { return };
    let (alone, changes) = what_changes(facts, &life.gvk, to, Some(&placed.value));
    found.api_version_alone = Some(alone);
    found.changes = changes;
}

/// The API version to write instead, where only that is to be written.
#[must_use]
pub fn new_api_version(found: &ApiUse) -> Option<&str> {
    found.replacement.as_deref()?.split_once(' ').map(|(api_version, _)| api_version)
}

/// What the API server has counted. It counts what it calls deprecated itself, which may be more than the table knows.
fn called(facts: &Facts, snapshot: &Snapshot, target: Minor) -> Vec<ApiUse> {
    let apis = facts.apis();
    let mut found: Vec<ApiUse> = Vec::new();
    for call in snapshot.deprecated_calls.iter().flatten() {
        let gvk = Gvk {
            group: call.group.clone(),
            version: call.version.clone(),
            kind: kind_called(snapshot, apis, call).unwrap_or_else(|| call.resource.clone()),
        };
        let object = ApiObject { api_version: gvk.api_version(), kind: gvk.kind.clone(), namespace: None, name: None };
        let known = apis.get(&gvk.api_version(), &gvk.kind);
        let made = match known.filter(|life| life.is_deprecated_at(target)) {
            Some(life) => of_life(facts, life, object, SeenIn::Metric, target),
            None => {
                of_life(facts, &as_the_server_says(&gvk, known, &call.removed_release), object, SeenIn::Metric, target)
            }
        };
        // One line a kind: each subresource and each way of calling has a counter of its own.
        if !found.iter().any(|other| other.object == made.object) {
            found.push(made);
        }
    }
    found
}

/// A life of which only the API server has spoken.
fn as_the_server_says(gvk: &Gvk, known: Option<&ApiLife>, removed_release: &str) -> ApiLife {
    let mut life = known.cloned().unwrap_or_else(|| ApiLife {
        gvk: gvk.clone(),
        introduced: None,
        deprecated: None,
        removed: None,
        gone: None,
        replacement: None,
        note: None,
    });
    life.removed = life.removed.or_else(|| removed_release.parse().ok());
    life
}

/// One finding a fact.
#[must_use]
pub fn findings(found: &[ApiUse], target: Minor, served: Option<Minor>) -> Vec<Finding> {
    found.iter().map(|it| finding(it, target, served)).collect()
}

fn finding(it: &ApiUse, target: Minor, served: Option<Minor>) -> Finding {
    let api = &it.object.api_version;
    let who = match (it.seen_in, &it.manager, &it.release) {
        (SeenIn::Manifest, ..) => format!("{} is written as {api}", it.object.display()),
        (SeenIn::LastApplied, ..) => format!("{} was last applied as {api}", it.object.display()),
        (SeenIn::ManagedFields, Some(manager), _) => {
            format!("{} is managed as {api} by {manager}", it.object.display())
        }
        (SeenIn::ManagedFields, None, _) => format!("{} is managed as {api}", it.object.display()),
        (SeenIn::Metric, ..) => format!("{api} {} is called by a client", it.object.kind),
        (SeenIn::Helm, _, Some(release)) => format!("{} is written as {api} in {release}", it.object.display()),
        (SeenIn::Helm, _, None) => format!("{} is released by Helm as {api}", it.object.display()),
    };
    let fate = match (it.status, &it.removed_in, it.provisional) {
        (ApiStatus::Removed, Some(minor), false) => format!("which is gone in {minor}"),
        (ApiStatus::Removed, Some(minor), true) => format!("which is to go in {minor} (provisional)"),
        (ApiStatus::Removed, None, _) => "which is gone".to_owned(),
        (ApiStatus::Deprecated, Some(minor), true) => {
            format!("which is deprecated, and is to go in {minor} (provisional)")
        }
        (ApiStatus::Deprecated, Some(minor), false) => format!("which is deprecated, and goes in {minor}"),
        (ApiStatus::Deprecated, None, _) => "which is deprecated".to_owned(),
    };
    let id = match it.status {
        _ if it.rewritten => "api-rewritten",
        ApiStatus::Removed => "api-removed",
        ApiStatus::Deprecated => "api-deprecated",
    };
    let mut finding = Finding::new(id, severity(it, served), format!("{who}, {fate}"))
        .with_source(it.source.clone())
        .with_evidence("apiVersion", api.as_str())
        .with_evidence("kind", it.object.kind.as_str())
        .with_evidence("seenIn", serde_json::to_value(it.seen_in).unwrap_or_default())
        .with_evidence("target", target.to_string())
        .with_link(GUIDE);
    finding.object = it.object.object_ref();
    for (name, value) in [
        ("removedIn", &it.removed_in),
        ("deprecatedIn", &it.deprecated_in),
        ("replacement", &it.replacement),
        ("manager", &it.manager),
        ("written", &it.written),
        ("release", &it.release),
        ("notRewritten", &it.not_rewritten),
    ] {
        if let Some(value) = value {
            finding = finding.with_evidence(name, value.as_str());
        }
    }
    if it.provisional {
        finding = finding.with_evidence("provisional", true);
    }
    finding.with_hint(hint(it))
}

/// What to do about a fact.
fn hint(it: &ApiUse) -> String {
    let Some(replacement) = &it.replacement else { return "nothing takes its place: remove it".to_owned() };
    let changes = it.changes.join("; ");
    match it.api_version_alone {
        _ if it.rewritten => format!("the file was rewritten to {replacement}: apply it"),
        Some(Alone::Yes) => format!("write it as {replacement}; nothing else changes"),
        Some(Alone::No) => format!("write it as {replacement}, and: {changes}"),
        _ if !it.changes.is_empty() => format!("write it as {replacement}; what may change: {changes}"),
        _ => format!("write it as {replacement}, and compare the fields: no source says what changes"),
    }
}

/// What is gone in the target stops something that still uses it. A field manager may be a client that is long gone: of
/// a version that the server no longer serves, nobody can be writing now.
fn severity(it: &ApiUse, served: Option<Minor>) -> Severity {
    if it.rewritten {
        return Severity::Info;
    }
    match it.status {
        ApiStatus::Removed => {
            let gone = || it.removed_in.as_deref().and_then(|minor| minor.parse::<Minor>().ok());
            let is_past =
                it.seen_in == SeenIn::ManagedFields && served.zip(gone()).is_some_and(|(served, gone)| gone <= served);
            if is_past { Severity::Low } else { Severity::High }
        }
        ApiStatus::Deprecated if it.removed_in.is_some() => Severity::Medium,
        ApiStatus::Deprecated => Severity::Low,
    }
}

/// The kinds of which no object was read, so that their users may have been missed. Files are judged by what is in
/// them.
#[must_use]
pub fn not_evaluated(subject: Subject<'_>, target: Minor) -> Vec<NotEvaluated> {
    if subject.snapshot.is_from_files() {
        return Vec::new();
    }
    ask::unread(subject, of_interest(subject.facts.apis(), subject.snapshot, target), target)
        .into_iter()
        .map(|(why, kinds)| {
            let kinds: Vec<String> =
                kinds.into_iter().map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect();
            NotEvaluated::new(format!("who still uses old APIs of {}", summary(&kinds)), why)
        })
        .collect()
}

/// The APIs whose users are looked for in a cluster. Events are written by programs alone, live for an hour and are
/// many: they are looked at only where the server still serves the version that goes.
fn of_interest<'f>(apis: &'f Apis, snapshot: &'f Snapshot, target: Minor) -> impl Iterator<Item = &'f ApiLife> {
    let served = snapshot.served.as_deref().unwrap_or_default();
    to_look_for(apis, served, target)
}

/// As [`of_interest`], before anything was read.
pub fn to_look_for<'f>(
    apis: &'f Apis,
    served: &'f [patchkit::snapshot::ServedResource],
    target: Minor,
) -> impl Iterator<Item = &'f ApiLife> {
    apis.all().iter().filter(move |life| {
        let is_served = || {
            served
                .iter()
                .any(|it| it.group == life.gvk.group && it.version == life.gvk.version && it.kind == life.gvk.kind)
        };
        life.is_deprecated_at(target) && (life.gvk.kind != "Event" || is_served())
    })
}

/// `removed`, `deprecated`, `clean`, or `cannot-tell` where something was not looked at.
#[must_use]
pub fn verdict(found: &[ApiUse], not_evaluated: &[NotEvaluated]) -> &'static str {
    let has = |status: ApiStatus| found.iter().any(|it| it.status == status && !it.rewritten);
    if has(ApiStatus::Removed) {
        "removed"
    } else if !not_evaluated.is_empty() {
        "cannot-tell"
    } else if has(ApiStatus::Deprecated) {
        "deprecated"
    } else {
        "clean"
    }
}
