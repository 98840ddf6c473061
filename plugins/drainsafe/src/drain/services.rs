//! Services that nothing would answer any more.

use std::collections::BTreeSet;

use patchkit::{
    report::{Finding, Severity, words::count},
    snapshot::{
        budgets::covers,
        endpoints::{ReadyEndpoint, ready_endpoints},
        kinds,
        objects::{
            admission::Webhook,
            network::Service,
            workload::{Workload, WorkloadKind},
        },
    },
};

use super::{
    budgets::Standing,
    model::BlockedFor,
    scene::{Draft, Said, Scene},
};

/// Refuses to take every ready pod of a Service, even where no budget forbids it. What makes it safe is a second
/// replica elsewhere; a budget that keeps one healthy pod makes the API server see to it that the evictions wait for
/// each other, and so does the consent `--allow-last-endpoints`.
pub fn guard(scene: &Scene<'_>, standings: &[Standing<'_>], drafts: &mut [Draft<'_>], said: &mut Said) {
    if !said.needs(scene.snapshot, &kinds::SERVICES) {
        return;
    }
    let namespaces: BTreeSet<&str> =
        drafts.iter().filter(|draft| draft.goes()).map(|draft| &*draft.pod.meta.namespace).collect();
    for service in scene.snapshot.services.iter().filter(|service| namespaces.contains(&*service.meta.namespace)) {
        let Ok(ready) = ready_endpoints(scene.snapshot, service) else { continue };
        let mut going = Vec::new();
        let mut stays = ready.is_empty();
        for endpoint in &ready {
            let index = match endpoint {
                ReadyEndpoint::Pod(pod) => {
                    drafts.iter().position(|draft| std::ptr::eq(draft.pod, *pod) && draft.goes())
                }
                ReadyEndpoint::Other => None,
            };
            match index {
                Some(index) => going.push(index),
                None => stays = true,
            }
        }
        if !stays {
            last_endpoints(scene, standings, service, &going, drafts, said);
        }
    }
}

fn last_endpoints(
    scene: &Scene<'_>,
    standings: &[Standing<'_>],
    service: &Service,
    going: &[usize],
    drafts: &mut [Draft<'_>],
    said: &mut Said,
) {
    let webhooks = webhooks_of(scene, service);
    let names: Vec<String> = going.iter().map(|&index| drafts[index].planned.path()).collect();
    let several = going.len() > 1;
    // One pod at a time, each only once a replacement is Ready elsewhere: then there is always one that answers.
    let surged = !several && drafts[going[0]].planned.can_surge && scene.options.surge_singletons;
    let budgeted = several && going.iter().all(|&index| keeps_one(standings, &drafts[index]));
    let allowed = surged || budgeted || (several && scene.options.allow_last_endpoints);
    let accepted = !several && scene.options.allow_last_endpoints;
    let what = if several {
        format!("all {} of Service {}", count(names.len(), "ready pod"), service.meta.path())
    } else {
        format!("the only ready pod of Service {}", service.meta.path())
    };
    let title = if several {
        format!("{what} are on the nodes to be drained")
    } else {
        format!("{what} is on a node to be drained")
    };
    let (id, hint) = match (webhooks.first(), several) {
        (Some(webhook), _) => (
            "webhook-only-here",
            format!(
                "bring a second replica up elsewhere first: while nothing answers, {} refuses what it should judge, the \
                 replacements of pods among it",
                webhook.name
            ),
        ),
        (None, true) => (
            "last-endpoints",
            "bring one up elsewhere first, give them a PodDisruptionBudget, or let --allow-last-endpoints move them one \
             after another"
                .to_owned(),
        ),
        (None, false) => (
            "last-endpoints",
            "scale to two or more, let --surge-singletons bring a second replica up first where it can, or accept the \
             interruption with --allow-last-endpoints"
                .to_owned(),
        ),
    };
    let severity = if allowed || accepted { Severity::Medium } else { Severity::High };
    let finding = Finding::new(id, severity, title.clone()).with_evidence("pods", names.clone()).with_hint(hint);
    said.find(scene.about(finding, "Service", &service.meta));
    for &index in going {
        let draft = &mut drafts[index];
        if surged {
            draft.note("a second replica is brought up first");
        } else if accepted {
            draft.note(&format!(
                "Service {} has nothing that answers until its replacement is Ready",
                service.meta.path()
            ));
        } else if allowed {
            draft.note(&format!(
                "one of {} at a time, since Service {} has no other",
                names.len(),
                service.meta.path()
            ));
        } else {
            draft.block(BlockedFor::Now, title.clone());
        }
    }
}

/// Whether a budget makes the API server keep a pod beside this one: it must want at least one healthy.
fn keeps_one(standings: &[Standing<'_>], draft: &Draft<'_>) -> bool {
    standings
        .iter()
        .filter(|standing| covers(standing.budget, draft.pod))
        .any(|standing| standing.unknown.is_none() && standing.status.as_ref().is_some_and(|it| it.desired_healthy > 0))
}

/// The webhooks that refuse everything while nothing answers behind the Service.
fn webhooks_of<'a>(scene: &Scene<'a>, service: &Service) -> Vec<&'a Webhook> {
    let all = scene.snapshot.webhooks.iter().flat_map(|configuration| &configuration.webhooks);
    all.filter(|webhook| webhook.fails_closed())
        .filter(|webhook| {
            webhook.client_config.service.as_ref().is_some_and(|reference| {
                *reference.namespace == *service.meta.namespace && reference.name == service.meta.name
            })
        })
        .collect()
}

/// Workloads with a single replica that goes: nobody answers for them while they move.
pub fn singletons(scene: &Scene<'_>, drafts: &[Draft<'_>], said: &mut Said) {
    let mut known: BTreeSet<(&str, &str)> = BTreeSet::new();
    for draft in drafts.iter().filter(|draft| draft.is_replaced()) {
        let surges = draft.planned.can_surge && scene.options.surge_singletons;
        let Some(top) = scene.top(draft.pod).filter(|top| !surges && is_single(top)) else { continue };
        if known.insert((&top.meta.namespace, &top.meta.name)) {
            said.find(single_replica(scene, top, draft.planned.can_surge));
        }
    }
}

/// Whether it keeps one pod running, and no more.
#[must_use]
pub fn is_single(workload: &Workload) -> bool {
    workload.replicas == 1
        && !workload.is_owned()
        && matches!(
            workload.kind,
            WorkloadKind::Deployment
                | WorkloadKind::StatefulSet
                | WorkloadKind::ReplicaSet
                | WorkloadKind::ReplicationController
        )
}

/// A workload that is away while its only pod moves.
#[must_use]
pub fn single_replica(scene: &Scene<'_>, workload: &Workload, can_surge: bool) -> Finding {
    let hint = if can_surge {
        "--surge-singletons brings a second replica up first"
    } else {
        "scale it to two or more, or accept that it is away while it moves"
    };
    let name = format!("{} {}", workload.kind, workload.meta.path());
    let title = format!("{name} has a single replica: it is away while it moves");
    scene.about(
        Finding::new("single-replica", Severity::Medium, title).with_hint(hint),
        workload.kind.as_str(),
        &workload.meta,
    )
}
