//! Webhooks that refuse everything while nothing serves them.

use patchkit::{
    report::{CheckStatus, Severity},
    snapshot::{
        Snapshot, kinds,
        objects::{admission::ServiceReference, network::Service},
    },
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

/// Endpoints tell best; where there are none in the input, the pods that the Service selects do.
fn is_served(snapshot: &Snapshot, reference: &ServiceReference) -> Served {
    let named =
        |service: &&Service| *service.meta.namespace == *reference.namespace && service.meta.name == reference.name;
    let slices_unread = snapshot.why_unknown(&kinds::ENDPOINT_SLICES);
    if slices_unread.is_none() {
        let ready = snapshot.endpoint_slices.iter().any(|slice| {
            *slice.meta.namespace == *reference.namespace
                && slice.service == reference.name
                && slice.endpoints.iter().any(|endpoint| endpoint.ready)
        });
        if ready {
            return Served::Yes;
        }
    }
    let Some(service) = snapshot.services.iter().find(named) else {
        return match snapshot.why_unknown(&kinds::SERVICES) {
            None => Served::No,
            Some(why) => Served::CannotTell(why),
        };
    };
    if service.kind == "ExternalName" {
        return Served::CannotTell(format!("the Service points to {}, outside of the cluster", service.external_name));
    }
    let Some(why) = slices_unread else { return Served::No };
    if service.selector.is_empty() || snapshot.why_unknown(&kinds::PODS).is_some() {
        return Served::CannotTell(why);
    }
    let ready = snapshot.pods.iter().any(|pod| {
        pod.meta.namespace == service.meta.namespace
            && pod.is_ready()
            && service.selector.iter().all(|(key, value)| pod.meta.labels.get(key) == Some(value))
    });
    if ready { Served::Yes } else { Served::No }
}
