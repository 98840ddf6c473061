//! Webhooks that refuse everything while nothing serves them.

use patchkit::{
    report::{CheckStatus, Severity},
    snapshot::{Snapshot, endpoints, kinds, objects::admission::ServiceReference},
};

use super::{Check, Subject, count, unread};
use crate::plan::model::ChecklistLine;

/// Whether anything answers behind a Service.
enum Served {
    Yes,
    No,
    CannotTell(String),
}

pub(super) fn fail_closed(subject: Subject<'_>) -> ChecklistLine {
    let check = Check {
        id: "webhooks-unserved",
        title: "Every fail-closed webhook is served",
        severity: Severity::High,
        action: "bring its backend up, or set failurePolicy: Ignore, before pods are evicted: it refuses what it cannot judge",
    };
    let snapshot = subject.snapshot;
    let unread = unread(snapshot, &[kinds::VALIDATING_WEBHOOKS, kinds::MUTATING_WEBHOOKS]);
    let (mut closed, mut unserved, mut unknown) = (0, Vec::new(), Vec::new());
    for configuration in &snapshot.webhooks {
        for webhook in configuration.webhooks.iter().filter(|webhook| webhook.fails_closed()) {
            closed += 1;
            let mut object = configuration.meta.object_ref(configuration.kind());
            object.container = None;
            match &webhook.client_config.service {
                None => unknown.push(format!("{} is served at a URL outside of the cluster", webhook.name)),
                Some(service) => match is_served(snapshot, service) {
                    Served::Yes => {}
                    Served::No => unserved.push(object),
                    Served::CannotTell(why) => unknown.push(format!("{}: {why}", webhook.name)),
                },
            }
        }
    }
    unserved.dedup();
    let unread = unread.or_else(|| (!unknown.is_empty()).then(|| unknown.join("; ")));
    check.none_of(
        CheckStatus::Fail,
        unserved,
        unread,
        &format!("{}, each with a ready endpoint", count(closed, "fail-closed webhook")),
        |number| {
            format!(
                "of {}, {} without a ready endpoint",
                count(closed, "fail-closed webhook"),
                count(number, "configuration")
            )
        },
    )
}

fn is_served(snapshot: &Snapshot, reference: &ServiceReference) -> Served {
    match endpoints::service(snapshot, reference) {
        Err(why) => Served::CannotTell(why),
        Ok(None) => Served::No,
        Ok(Some(service)) => match endpoints::ready_endpoints(snapshot, service) {
            Err(why) => Served::CannotTell(why),
            Ok(ready) if ready.is_empty() => Served::No,
            Ok(_) => Served::Yes,
        },
    }
}
