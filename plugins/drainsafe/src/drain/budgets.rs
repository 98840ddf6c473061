//! What the budgets say to the evictions of a drain, all of them together.
//!
//! The answers are those of the API server (`patchkit::rules::eviction`). What one eviction takes is given back as soon
//! as the replacement is Ready elsewhere; where there is no place for it, it never is.

use std::collections::BTreeMap;

use patchkit::{
    report::{Finding, Severity, words::summary},
    rules::{
        budget::{self, BudgetStatus, CoveredPod, Outlook, Scale, outlook},
        eviction::{self, Answer, Because, EvictedPod, Refusal, answer},
    },
    snapshot::{
        budgets::{covered, covers, pods_of},
        objects::{
            cluster_wide::PodDisruptionBudget,
            pod::{Phase, Pod},
        },
    },
};

use super::{
    model::{BlockedFor, PlannedBudget},
    scene::{Draft, Said, Scene},
};

/// A budget as it stands.
pub struct Standing<'a> {
    /// The budget.
    pub budget: &'a PodDisruptionBudget,
    /// Its status: the API server's, or worked out where the input has none.
    pub status: Option<BudgetStatus>,
    /// Why its status says nothing.
    pub unknown: Option<String>,
    /// Whether it lets pods go now, later or never.
    pub outlook: Outlook,
    /// Evictions that it grants with all of its pods there and healthy.
    pub at_best: Option<i32>,
    /// The pods that it covers and that are not Ready.
    pub unready: Vec<&'a Pod>,
}

impl Standing<'_> {
    /// `PodDisruptionBudget shop/web`
    #[must_use]
    pub fn display(&self) -> String {
        format!("PodDisruptionBudget {}", self.budget.meta.path())
    }

    fn as_rule(&self) -> Option<eviction::Budget<'_>> {
        Some(eviction::Budget {
            name: &self.budget.meta.name,
            generation: self.budget.meta.generation,
            spec: &self.budget.spec,
            status: self.status.as_ref()?,
        })
    }
}

/// How a budget stands.
#[must_use]
pub fn standing<'a>(scene: &Scene<'a>, budget: &'a PodDisruptionBudget) -> Standing<'a> {
    let pods: Vec<&Pod> = pods_of(scene.snapshot, budget).collect();
    let rule_pods: Vec<CoveredPod<'_>> = pods.iter().map(|pod| covered(pod, scene.owners)).collect();
    let own = budget.status.clone().unwrap_or_default();
    let found = outlook(&budget.spec, &rule_pods, &own, scene.now);
    let healthy: Vec<CoveredPod<'_>> = rule_pods
        .iter()
        .filter(|pod| !pod.finished)
        .map(|pod| CoveredPod { ready: true, deleting: false, ..*pod })
        .collect();
    let at_best = match outlook(&budget.spec, &healthy, &BudgetStatus::default(), scene.now) {
        Outlook::Open(number) | Outlook::Later(number) => Some(number),
        Outlook::Never | Outlook::NoPods | Outlook::Broken(_) => Some(0),
        Outlook::Unknown(_) => None,
    };
    let (status, unknown) = match &budget.status {
        Some(status) => (Some(status.clone()), why_stale(scene, budget, status)),
        None if pods.iter().all(|pod| pod.ready.is_none()) => {
            (None, Some("neither it nor its pods have a status".to_owned()))
        }
        None => match budget::health(&budget.spec, &rule_pods, &own, scene.now) {
            Ok(health) => (Some(computed(budget, health)), None),
            Err(problem) if problem.is_of_the_cluster() => (Some(computed(budget, budget::Health::default())), None),
            Err(problem) => (None, Some(problem.to_string())),
        },
    };
    let unready = pods
        .into_iter()
        .filter(|pod| pod.ready != Some(true) && !pod.is_finished() && pod.meta.deleting.is_none())
        .collect();
    Standing { budget, status, unknown, outlook: found, at_best, unready }
}

fn computed(budget: &PodDisruptionBudget, health: budget::Health) -> BudgetStatus {
    BudgetStatus {
        observed_generation: budget.meta.generation,
        disruptions_allowed: health.allowed,
        current_healthy: health.current,
        desired_healthy: health.desired,
        expected_pods: health.expected,
        ..BudgetStatus::default()
    }
}

/// Why a status does not tell how things are.
fn why_stale(scene: &Scene<'_>, budget: &PodDisruptionBudget, status: &BudgetStatus) -> Option<String> {
    if !status.is_synced(budget.meta.generation) {
        return Some(format!(
            "its status is of generation {}, its specification of generation {}: plan again in two minutes",
            status.observed_generation, budget.meta.generation
        ));
    }
    // The controller takes these entries out by itself, so one that is left tells that it does not run.
    let pending = status.pending_disruptions(scene.now).count();
    let old = status.disrupted_pods.len() - pending;
    (old > 0).then(|| {
        format!(
            "its status counts {old} of the evictions that were granted more than two minutes ago as under way: the \
             disruption controller does not keep it up to date"
        )
    })
}

/// The standing of the budgets in the namespaces of the pods that go.
#[must_use]
pub fn standings<'a>(scene: &Scene<'a>, drafts: &[Draft<'a>]) -> Vec<Standing<'a>> {
    scene
        .snapshot
        .budgets
        .iter()
        .filter(|budget| drafts.iter().any(|draft| draft.pod.meta.namespace == budget.meta.namespace))
        .map(|budget| standing(scene, budget))
        .collect()
}

/// The budgets over a pod: their places among the standings.
fn over(standings: &[Standing<'_>], draft: &Draft<'_>) -> Vec<usize> {
    (0..standings.len()).filter(|&index| covers(standings[index].budget, draft.pod)).collect()
}

/// Names the budgets over each pod.
pub fn name<'a>(standings: &[Standing<'a>], drafts: &mut [Draft<'a>]) {
    for draft in drafts.iter_mut().filter(|draft| draft.goes()) {
        draft.planned.budgets = names(standings, &over(standings, draft));
    }
}

fn names(standings: &[Standing<'_>], over: &[usize]) -> Vec<String> {
    over.iter().map(|index| standings[*index].budget.meta.name.to_string()).collect()
}

/// Names the budgets over each pod, and blocks those that do not go now, or never.
pub fn judge<'a>(scene: &Scene<'a>, standings: &[Standing<'a>], drafts: &mut [Draft<'a>], said: &mut Said) {
    let mut refused: BTreeMap<usize, Vec<(String, BlockedFor, String)>> = BTreeMap::new();
    for draft in drafts.iter_mut().filter(|draft| draft.goes()) {
        let over = over(standings, draft);
        draft.planned.budgets = names(standings, &over);
        if let Some((blocked_for, reason)) = judge_pod(scene, standings, &over, draft, said) {
            let path = draft.planned.path();
            if scene.options.disable_eviction {
                draft.note(&format!("deleted in spite of it: {reason}"));
            } else {
                draft.block(blocked_for, reason.clone());
            }
            refused.entry(over[0]).or_default().push((path, blocked_for, reason));
        }
    }
    for (index, pods) in refused {
        said.find(refusal(scene, &standings[index], &pods));
    }
    if scene.options.disable_eviction {
        bypassed(drafts, said);
    }
}

/// Why the pod does not go, and for how long.
fn judge_pod(
    scene: &Scene<'_>,
    standings: &[Standing<'_>],
    over: &[usize],
    draft: &mut Draft<'_>,
    said: &mut Said,
) -> Option<(BlockedFor, String)> {
    let pod = draft.pod;
    let evicted = EvictedPod {
        not_running: matches!(pod.phase, Phase::Pending | Phase::Succeeded | Phase::Failed),
        deleting: pod.meta.deleting.is_some(),
        ready: pod.ready == Some(true),
    };
    if evicted.not_running || evicted.deleting {
        return None;
    }
    if over.len() > 1 {
        let names = over.iter().map(|&index| standings[index].budget.meta.name.to_string()).collect();
        return Some((BlockedFor::Never, Refusal::SeveralBudgets(names).to_string()));
    }
    let standing = &standings[*over.first()?];
    if let Some(why) = &standing.unknown {
        said.unknown(standing.display(), why.clone());
        draft.note(&format!("whether {} lets it go is not known", standing.budget.meta.name));
        return None;
    }
    let rule = standing.as_rule()?;
    match answer(evicted, &[rule]) {
        Answer::Granted(Because::Unhealthy) => {
            draft.note(&format!("not Ready, and {} lets such pods go", standing.budget.meta.name));
            None
        }
        Answer::Granted(_) => None,
        Answer::Refused(refusal) => {
            let refused = refused_for(scene, standing, draft, &refusal);
            if refused.is_none() {
                draft.note("a second replica is brought up first");
            }
            refused
        }
    }
}

/// Tells "now" from "never".
fn refused_for(
    scene: &Scene<'_>,
    standing: &Standing<'_>,
    draft: &Draft<'_>,
    refusal: &Refusal,
) -> Option<(BlockedFor, String)> {
    let name = &standing.budget.meta.name;
    Some(match &standing.outlook {
        Outlook::Broken(problem) => (BlockedFor::Never, format!("budget {name} cannot be computed: {problem}")),
        _ if matches!(refusal, Refusal::Exhausted { sync_failure: Some(_), .. }) => {
            (BlockedFor::Never, format!("budget {name}: {refusal}"))
        }
        Outlook::Never
            if draft.planned.can_surge && scene.options.surge_singletons && surge_opens(scene, standing, draft) =>
        {
            return None;
        }
        Outlook::Never => {
            let reason = format!("budget {name} never allows it{}", limits(standing));
            let offer = draft.planned.can_surge && !scene.options.surge_singletons;
            (BlockedFor::Never, if offer { format!("{reason}; {OFFER}") } else { reason })
        }
        _ => (BlockedFor::Now, format!("{refusal} ({name})")),
    })
}

/// Whether the budget lets the pod go once its owner has one replica more.
fn surge_opens(scene: &Scene<'_>, standing: &Standing<'_>, draft: &Draft<'_>) -> bool {
    let Scale::Replicas { controller: surged, .. } = scene.owners.scale(draft.pod) else { return false };
    let pods: Vec<CoveredPod<'_>> = pods_of(scene.snapshot, standing.budget)
        .map(|pod| covered(pod, scene.owners))
        .map(|pod| match pod.scale {
            Scale::Replicas { controller, replicas } if controller == surged => {
                CoveredPod { scale: Scale::Replicas { controller, replicas: replicas.saturating_add(1) }, ..pod }
            }
            _ => pod,
        })
        .collect();
    let found = outlook(&standing.budget.spec, &pods, &BudgetStatus::default(), scene.now);
    matches!(found, Outlook::Open(_) | Outlook::Later(_))
}

/// ` (minAvailable 1 of 1 pod)`
fn limits(standing: &Standing<'_>) -> String {
    let spec = &standing.budget.spec;
    let expected = standing.status.as_ref().map_or(0, |status| status.expected_pods);
    match (&spec.max_unavailable, &spec.min_available) {
        (Some(max), _) => format!(" (maxUnavailable {max} of {expected})"),
        (None, Some(min)) => format!(" (minAvailable {min} of {expected})"),
        (None, None) => String::new(),
    }
}

fn refusal(scene: &Scene<'_>, standing: &Standing<'_>, pods: &[(String, BlockedFor, String)]) -> Finding {
    let never = pods.iter().filter(|(_, blocked_for, _)| *blocked_for == BlockedFor::Never);
    let worst: Vec<_> = never.collect();
    let (id, worst, hint) = match worst.as_slice() {
        [] => (
            "budget-now",
            pods.iter().collect::<Vec<_>>(),
            "wait until its pods are healthy again, or repair those that are not",
        ),
        [first, ..] if first.2.starts_with("more than one") => (
            "budgets-overlap",
            worst.clone(),
            "give every pod one budget: narrow the selectors until they no longer overlap",
        ),
        _ if worst.iter().any(|(.., reason)| reason.ends_with(OFFER)) => (
            "budget-never",
            worst.clone(),
            "waiting does not help: scale to more replicas or loosen the budget; where the reason offers it, \
             --surge-singletons brings a second replica up first",
        ),
        _ => ("budget-never", worst.clone(), "waiting does not help: scale to more replicas or loosen the budget"),
    };
    let names: Vec<String> = worst.iter().map(|(path, ..)| path.clone()).collect();
    let reason = worst.first().map(|(_, _, reason)| reason.as_str()).unwrap_or_default();
    let finding = Finding::new(id, Severity::High, format!("{}: {reason}", summary(&names)))
        .with_evidence("pods", names)
        .with_evidence("blockedFor", if id == "budget-now" { "now" } else { "never" });
    let finding = match &standing.status {
        Some(status) => finding
            .with_evidence("disruptionsAllowed", status.disruptions_allowed)
            .with_evidence("currentHealthy", status.current_healthy)
            .with_evidence("desiredHealthy", status.desired_healthy),
        None => finding,
    };
    scene.about(finding, "PodDisruptionBudget", &standing.budget.meta).with_hint(hint)
}

const OFFER: &str = "--surge-singletons brings a second replica up first";

/// With `--disable-eviction` nobody asks the budgets.
fn bypassed(drafts: &[Draft<'_>], said: &mut Said) {
    let covered: Vec<String> = drafts
        .iter()
        .filter(|draft| draft.goes() && !draft.planned.budgets.is_empty())
        .map(|it| it.planned.path())
        .collect();
    if !covered.is_empty() {
        said.find(
            Finding::new(
                "budgets-bypassed",
                Severity::Medium,
                format!("{} will be deleted without asking the budget over it", summary(&covered)),
            )
            .with_evidence("pods", covered)
            .with_hint("leave --disable-eviction out: deleting bypasses every PodDisruptionBudget"),
        );
    }
}

/// Pods that are not Ready take from a budget what a drain needs.
#[must_use]
pub fn held_by_unready(scene: &Scene<'_>, standing: &Standing<'_>) -> Option<Finding> {
    let holds = !matches!(standing.outlook, Outlook::Never | Outlook::Broken(_) | Outlook::NoPods);
    // A manifest says nothing of what runs.
    let known = standing.unready.iter().any(|pod| pod.ready.is_some());
    if !holds || !known || standing.budget.spec.always_allows_unhealthy() {
        return None;
    }
    let names: Vec<String> = standing.unready.iter().map(|pod| pod.meta.path()).collect();
    let waits = |pod: &&Pod| pod.containers.iter().any(|container| container.waiting == "CrashLoopBackOff");
    let why = if standing.unready.iter().any(waits) { "crash-looping" } else { "not Ready" };
    let finding = Finding::new(
        "budget-held-by-unready",
        Severity::Medium,
        format!("{} {why} and held against the budget", summary(&names)),
    )
    .with_evidence("pods", names)
    .with_hint(
        "repair them, or set unhealthyPodEvictionPolicy: AlwaysAllow, which lets pods go that are not Ready anyway",
    );
    Some(scene.about(finding, "PodDisruptionBudget", &standing.budget.meta))
}

/// A budget that matches no pod.
#[must_use]
pub fn protects_nobody(scene: &Scene<'_>, standing: &Standing<'_>) -> Option<Finding> {
    if pods_of(scene.snapshot, standing.budget).next().is_some() {
        return None;
    }
    let finding =
        Finding::new("budget-protects-nobody", Severity::Medium, "the budget matches no pod: it protects nobody")
            .with_hint("compare its selector with the labels of the pods that it is meant for");
    Some(scene.about(finding, "PodDisruptionBudget", &standing.budget.meta))
}

/// What is to be known of the budgets in the namespaces of the pods that go.
pub fn tell(scene: &Scene<'_>, standings: &[Standing<'_>], drafts: &[Draft<'_>], said: &mut Said) {
    for standing in standings {
        let name = &standing.budget.meta.name;
        let concerns = |draft: &Draft<'_>| {
            draft.pod.meta.namespace == standing.budget.meta.namespace
                && draft.planned.budgets.iter().any(|it| it == name)
        };
        if drafts.iter().any(concerns) {
            said.findings.extend(held_by_unready(scene, standing));
        }
        said.findings.extend(protects_nobody(scene, standing));
    }
}

/// Counts what the drain takes from each budget, in the order of the evictions, and blocks what comes after the last
/// one was taken for good: a replacement without a place is never Ready.
pub fn consume(standings: &[Standing<'_>], drafts: &mut [Draft<'_>], order: &[usize], said: &mut Said) {
    let mut free: Vec<i32> =
        standings.iter().map(|it| it.status.as_ref().map_or(0, |status| status.disruptions_allowed)).collect();
    let mut takers: Vec<Vec<String>> = vec![Vec::new(); standings.len()];
    for &index in order {
        let draft = &mut drafts[index];
        let over = standings.iter().position(|standing| covers(standing.budget, draft.pod));
        let Some(over) = over.filter(|_| draft.goes() && takes(draft)) else { continue };
        if standings[over].unknown.is_some() {
            continue;
        }
        let name = &standings[over].budget.meta.name;
        if free[over] <= 0 && !takers[over].is_empty() {
            let reason = format!(
                "budget {name} allows no more once {} has gone, whose replacement has no place",
                summary(&takers[over])
            );
            said.find(
                Finding::new("budget-used-up", Severity::High, format!("{}: {reason}", draft.planned.path()))
                    .with_object(draft.reference())
                    .with_hint("make room for the replacements first"),
            );
            draft.block(BlockedFor::Now, reason);
        } else if !comes_back_ready(draft) {
            free[over] -= 1;
            takers[over].push(draft.planned.path());
        }
    }
}

/// Whether an eviction takes from a budget.
fn takes(draft: &Draft<'_>) -> bool {
    draft.pod.ready == Some(true)
        && draft.pod.meta.deleting.is_none()
        && !matches!(draft.pod.phase, Phase::Pending | Phase::Succeeded | Phase::Failed)
}

/// Whether the replacement gives back what the eviction took. A place that could not be looked for counts: that the
/// plan is not proven is told elsewhere.
fn comes_back_ready(draft: &Draft<'_>) -> bool {
    draft.planned.owner.is_some()
        && (draft.planned.destination.is_some() || draft.planned.destination_unknown.is_some())
}

/// The budgets for the report.
#[must_use]
pub fn planned(standings: &[Standing<'_>], drafts: &[Draft<'_>]) -> Vec<PlannedBudget> {
    standings
        .iter()
        .filter_map(|standing| {
            let over = drafts.iter().filter(|draft| draft.pod.meta.namespace == standing.budget.meta.namespace);
            let over: Vec<_> =
                over.filter(|it| it.planned.budgets.iter().any(|name| *name == standing.budget.meta.name)).collect();
            if over.is_empty() {
                return None;
            }
            let status = standing.status.clone().unwrap_or_default();
            Some(PlannedBudget {
                namespace: standing.budget.meta.namespace.to_string(),
                name: standing.budget.meta.name.to_string(),
                allowed_now: standing.unknown.is_none().then_some(status.disruptions_allowed),
                allowed_at_best: standing.at_best,
                current_healthy: status.current_healthy,
                desired_healthy: status.desired_healthy,
                evictions: over.iter().filter(|draft| draft.goes() && takes(draft)).count(),
            })
        })
        .collect()
}
