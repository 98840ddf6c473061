//! May this pod be asked to go now? If not, what does it wait for?
//!
//! A pod goes where all of these hold: what uses it has gone before it (tiers); its owner has its other pods Ready, but
//! for as many as its budget lets be missing; its one budget grants an eviction; and every Service that has other pods
//! keeps one that is Ready.

use std::{cmp::Reverse, fmt, time::Instant};

use patchkit::{
    rules::eviction::{self, Answer, Budget, EvictedPod, Refusal},
    snapshot::objects::{
        cluster_wide::PodDisruptionBudget,
        pod::{Phase, Pod},
    },
};

use super::{
    task::{How, OwnerKey, Task},
    world::World,
};
use crate::drain::Tier;

/// What a pod waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// A budget that grants nothing now.
    Budget {
        /// Its name, with its namespace.
        name: String,
        /// Pods that are healthy.
        current: i32,
        /// Pods that must be.
        desired: i32,
        /// Why the controller cannot compute it, or that it has not done so yet.
        trouble: Option<String>,
    },
    /// The owner's other pods.
    Owner {
        /// The owner.
        owner: OwnerKey,
        /// Its pods that are available.
        available: i64,
        /// Those that it wants.
        wanted: i64,
    },
    /// Another pod of a Service that is Ready.
    Peer(String),
    /// Pods that go before it.
    Tier(&'static str),
    /// Volumes that must be detached before what serves them goes.
    Volumes(String),
    /// A second replica that is brought up first.
    Surge(OwnerKey),
    /// A Job's pod completes by itself.
    Completion,
    /// A pause after a refusal, with why.
    Pause(String),
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget { name, trouble: Some(trouble), .. } => write!(f, "budget {name}: {trouble}"),
            Self::Budget { name, current, desired, trouble: None } => {
                write!(f, "budget {name}: {current} healthy, {desired} needed")
            }
            Self::Owner { owner, available, wanted } => {
                write!(f, "{owner}: {available} of {wanted} available")
            }
            Self::Peer(service) => write!(f, "another ready pod of Service {service}"),
            Self::Tier(before) => write!(f, "{before} that go first"),
            Self::Volumes(volumes) => write!(f, "volumes to be detached: {volumes}"),
            Self::Surge(owner) => write!(f, "a second replica of {owner}"),
            Self::Completion => f.write_str("its Job to complete it"),
            Self::Pause(why) => f.write_str(why),
        }
    }
}

/// Why a pod cannot go at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It may go.
    Open,
    /// It waits.
    Wait(Wait),
    /// It never goes, whatever is waited for.
    Never(String),
}

/// What the gates need beside the facts.
pub struct Context<'a> {
    /// All pods of the run.
    pub tasks: &'a [Task],
    /// The moment.
    pub now: Instant,
    /// The pods of an owner that were available when the run began, where its replicas cannot be read.
    pub wanted_before: &'a dyn Fn(&OwnerKey) -> Option<i64>,
    /// Of an owner's pods those that were not Ready when they were asked to go: what replaces them need not be.
    pub handicap: &'a dyn Fn(&OwnerKey) -> i64,
    /// Whether a node is one of the run's.
    pub is_drained: &'a dyn Fn(&str) -> bool,
    /// Volumes that are still attached to a node and must not be.
    pub attached: &'a dyn Fn(&str) -> Vec<String>,
    /// Whether the Deployment's second replica has been asked for.
    pub is_surged: &'a dyn Fn(&OwnerKey) -> bool,
}

/// Asks every gate.
#[must_use]
pub fn gate(task: &Task, world: &World<'_>, context: &Context<'_>) -> Gate {
    let Some(pod) = world.pod(&task.pod.uid) else { return Gate::Open };
    if task.how == How::Complete && !pod.is_finished() {
        return Gate::Wait(Wait::Completion);
    }
    if let Some(wait) = tiers(task, pod, world, context) {
        return Gate::Wait(wait);
    }
    if let Some(wait) = paused(task, pod, world, context) {
        return Gate::Wait(wait);
    }
    if let Some(wait) = owner(task, pod, world, context) {
        // Where a budget stands in the way as well, its name says more, and what never goes is not waited for. But for a
        // second replica nothing else would ask.
        let by_budget = if task.how == How::Delete { Gate::Open } else { budgets(pod, world) };
        return match (wait, by_budget) {
            (Wait::Owner { .. }, refused @ (Gate::Wait(_) | Gate::Never(_))) => refused,
            (wait, _) => Gate::Wait(wait),
        };
    }
    if let Some(wait) = peers(task, pod, world, context) {
        return Gate::Wait(wait);
    }
    if task.how == How::Delete { Gate::Open } else { budgets(pod, world) }
}

fn tiers(task: &Task, pod: &Pod, world: &World<'_>, context: &Context<'_>) -> Option<Wait> {
    let before = |everywhere: bool| {
        context
            .tasks
            .iter()
            .filter(|other| other.tier < task.tier && !other.is_over() && (everywhere || other.node == task.node))
            .map(|other| other.tier)
            .min()
    };
    match task.tier {
        Tier::Workloads => None,
        // With a ready one elsewhere it can go any time; otherwise when nobody needs it any more.
        Tier::Admission => {
            let served = world.peers(pod, context.is_drained).iter().all(|peers| peers.elsewhere > 0);
            before(true).filter(|_| !served)
        }
        Tier::Storage | Tier::Critical => before(false),
    }
    .map(|tier| Wait::Tier(words(tier)))
    .or_else(|| {
        let attached = if task.tier == Tier::Storage { (context.attached)(&task.node) } else { Vec::new() };
        (!attached.is_empty()).then(|| Wait::Volumes(attached.join(", ")))
    })
}

const fn words(tier: Tier) -> &'static str {
    match tier {
        Tier::Workloads => "workloads",
        Tier::Admission => "webhook backends",
        Tier::Storage => "storage pods",
        Tier::Critical => "critical pods",
    }
}

/// A refusal holds until its time is over, or until the budget that refused says something else.
fn paused(task: &Task, pod: &Pod, world: &World<'_>, context: &Context<'_>) -> Option<Wait> {
    let pause = task.pause.as_ref().filter(|pause| context.now < pause.until)?;
    if let Some(status) = &pause.refused_by {
        let [budget] = world.budgets_over(pod)[..] else { return None };
        if budget.status.as_ref() != Some(status) {
            return None;
        }
        return Some(Wait::Budget {
            name: budget.meta.path(),
            current: status.current_healthy,
            desired: status.desired_healthy,
            trouble: None,
        });
    }
    Some(Wait::Pause(pause.why.clone()))
}

fn owner(task: &Task, pod: &Pod, world: &World<'_>, context: &Context<'_>) -> Option<Wait> {
    let owner = task.owner.as_ref().filter(|_| !task.stays_pending)?;
    if matches!(owner.kind.as_str(), "Job" | "CronJob" | "DaemonSet" | "Node") || pod.is_finished() {
        return None;
    }
    let ordered = owner.kind == "StatefulSet";
    let standing = world.standing(owner);
    let wanted = standing.wanted.or(task.wanted).or_else(|| (context.wanted_before)(owner))?;
    let is_ready = world.is_ready(pod);
    if task.surge {
        // The one that comes must stand before the one that goes is asked to.
        let others = standing.available - i64::from(is_ready);
        return (!(context.is_surged)(owner) || others < 1).then(|| Wait::Surge(owner.clone()));
    }
    // A pod that serves nobody is not missed, except in a set whose members count each other.
    if !is_ready && !ordered {
        return None;
    }
    let missing = if ordered {
        wanted - standing.available
    } else {
        wanted - standing.available - standing.broken - standing.young.min((context.handicap)(owner))
    };
    let most = if ordered { 1 } else { most_missing(pod, world, wanted) };
    // The pod itself is among the available ones, unless it is not Ready for long enough.
    let this = i64::from(world.counts(owner, pod));
    let blocked = missing + this > most;
    blocked.then(|| Wait::Owner { owner: owner.clone(), available: standing.available, wanted })
}

/// How many of an owner's pods may be missing: one, or what its budget says. What a budget over several owners grants is
/// for all of them: one of each goes before two of the same.
fn most_missing(pod: &Pod, world: &World<'_>, wanted: i64) -> i64 {
    let expected = |budget: &PodDisruptionBudget| budget.status.as_ref().map_or(0, |status| status.expected_pods);
    let most = |budget: &&PodDisruptionBudget| {
        if i64::from(expected(budget)) > wanted { 1 } else { World::most_missing(budget) }
    };
    world.budgets_over(pod).iter().map(most).min().unwrap_or(1)
}

fn peers(task: &Task, pod: &Pod, world: &World<'_>, context: &Context<'_>) -> Option<Wait> {
    if task.stays_pending || !world.is_ready(pod) {
        return None;
    }
    let alone = |peers: &&super::world::Peers<'_>| peers.ready == 0 && peers.all > 1;
    world
        .peers(pod, context.is_drained)
        .iter()
        .find(alone)
        .map(|peers| Wait::Peer(format!("{}/{}", pod.meta.namespace, peers.service)))
}

fn budgets(pod: &Pod, world: &World<'_>) -> Gate {
    if !world.sees_budgets() {
        // Then the API server is asked, and asked again, as kubectl does.
        return Gate::Open;
    }
    let over = world.budgets_over(pod);
    let statuses: Vec<_> = over.iter().map(|budget| world.status(budget).unwrap_or_default()).collect();
    let budgets: Vec<Budget<'_>> = over
        .iter()
        .zip(&statuses)
        .map(|(budget, status)| Budget {
            name: budget.meta.name.as_str(),
            generation: budget.meta.generation,
            spec: &budget.spec,
            status,
        })
        .collect();
    let evicted = EvictedPod {
        not_running: matches!(pod.phase, Phase::Pending) || pod.is_finished(),
        deleting: pod.meta.deleting.is_some(),
        ready: pod.ready == Some(true),
    };
    let wait = |current, desired, trouble| {
        let name = over.first().map(|budget| budget.meta.path()).unwrap_or_default();
        Gate::Wait(Wait::Budget { name, current, desired, trouble })
    };
    match eviction::answer(evicted, &budgets) {
        Answer::Granted(_) => Gate::Open,
        Answer::Refused(Refusal::SeveralBudgets(names)) => Gate::Never(Refusal::SeveralBudgets(names).to_string()),
        Answer::Refused(Refusal::Exhausted { current, desired, sync_failure }) => wait(current, desired, sync_failure),
        Answer::Refused(other) => wait(0, 0, Some(other.to_string())),
    }
}

/// The order in which pods are asked: what others wait for least first, then those that nobody misses, then those whose
/// group takes longest. Of a group those go first whose node does: a node that is empty early makes room for the next.
#[must_use]
pub fn rank(task: &Task, node: usize, world: &World<'_>) -> (Tier, bool, Reverse<u64>, Reverse<u64>, usize, String) {
    let ready = world.pod(&task.pod.uid).is_some_and(|pod| world.is_ready(pod));
    (task.tier, ready, Reverse(task.chain), Reverse(task.grace.as_secs()), node, task.path())
}
