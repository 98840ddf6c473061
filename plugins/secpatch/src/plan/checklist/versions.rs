//! Checks on versions: removed APIs, skew, aggregated APIs.

use patchkit::{
    report::{CheckStatus, Severity},
    rules::version::Minor,
    snapshot::kinds,
};

use super::{Check, Known, Subject, count, unread};
use crate::{apis, plan::model::ChecklistLine};

pub(super) fn removed_apis(subject: Subject<'_>, known: Known<'_>) -> ChecklistLine {
    let check = Check {
        id: "removed-apis",
        title: "No API that a hop removes is in use",
        severity: Severity::High,
        action: "change the manifests, charts and clients to the replacement before the hop",
    };
    if subject.inventory.server.is_none() {
        return check.unknown("the API server's version is not known, so the hops are not either");
    }
    let removed: Vec<_> = known.hops.iter().flat_map(|hop| &hop.removes).collect();
    let objects: Vec<_> = removed.iter().flat_map(|removed| &removed.users).map(|user| user.object.clone()).collect();
    let called = removed.iter().filter(|removed| removed.called == Some(true) && removed.users.is_empty()).count();
    let apis = count(removed.len(), "kind");
    if objects.is_empty() && called == 0 {
        let unread_metric = removed.iter().any(|removed| removed.called.is_none());
        let and_calls = if removed.is_empty() {
            ""
        } else if unread_metric {
            "; calls of clients are not visible here (/metrics was not read)"
        } else {
            ", and the API server counted no call on them since it started"
        };
        if let Some(unread) = unread_kinds(subject, known) {
            return check
                .unknown(format!("the hops remove {apis}; no object that was read names one{and_calls}; {unread}"));
        }
        return check.line(
            CheckStatus::Pass,
            format!("the hops remove {apis}; no object names one{and_calls}"),
            Vec::new(),
        );
    }
    let calls = if called > 0 {
        format!("; {} called with no object that shows it", count(called, "kind"))
    } else {
        String::new()
    };
    check.line(
        CheckStatus::Fail,
        format!("the hops remove {apis}; {} still written with them{calls}", count(objects.len(), "object")),
        objects,
    )
}

/// The kinds that no hop's users could be looked for among, in one line.
fn unread_kinds(subject: Subject<'_>, known: Known<'_>) -> Option<String> {
    let from = subject.inventory.effective_minor()?;
    let to = Minor::leading(&known.hops.last()?.to).ok()?;
    let lines: Vec<String> = apis::unread(subject, subject.facts.apis().removed_between(from, to), to)
        .into_iter()
        .map(|(why, kinds)| format!("{}: {why}", kinds.into_iter().collect::<Vec<_>>().join(", ")))
        .collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

pub(super) fn skew(subject: Subject<'_>, known: Known<'_>) -> ChecklistLine {
    let check = Check {
        id: "version-skew",
        title: "All components are within the version skew policy",
        severity: Severity::High,
        action: "bring them within the policy before anything else moves",
    };
    if subject.inventory.server.is_none() {
        return check.unknown("the API server's version is not known, and everything is measured against it");
    }
    let skewed: Vec<String> = known
        .components
        .iter()
        .flat_map(|line| {
            line.skew.iter().map(move |text| {
                format!("{} {} in {}: {text}", line.component, line.version, count(line.count, "place"))
            })
        })
        .collect();
    if skewed.is_empty() {
        let measured = known.components.iter().map(|line| line.count).sum();
        check.line(CheckStatus::Pass, format!("{} seen, none outside", count(measured, "component")), Vec::new())
    } else {
        check.line(CheckStatus::Fail, skewed.join("; "), Vec::new())
    }
}

pub(super) fn api_services(subject: Subject<'_>) -> ChecklistLine {
    let check = Check {
        id: "aggregated-apis",
        title: "Every aggregated API answers",
        severity: Severity::High,
        action: "repair or remove the APIService: discovery, namespaces and garbage collection depend on it",
    };
    let snapshot = subject.snapshot;
    let unread = unread(snapshot, &[kinds::API_SERVICES]);
    let aggregated: Vec<_> = snapshot.api_services.iter().filter(|service| service.service.is_some()).collect();
    let down = aggregated
        .iter()
        .filter(|service| service.available == Some(false))
        .map(|service| service.meta.object_ref("APIService"))
        .collect();
    let unsaid = aggregated.iter().filter(|service| service.available.is_none()).count();
    let unread =
        unread.or_else(|| (unsaid > 0).then(|| format!("{} without a status", count(unsaid, "aggregated API"))));
    check.none_of(
        CheckStatus::Fail,
        down,
        unread,
        &format!("{}, all available", count(aggregated.len(), "aggregated API")),
        |number| format!("{} not available", count(number, "aggregated API")),
    )
}
