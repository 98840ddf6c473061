//! Which pods wait for each other, in which order they go, and how long that takes.
//!
//! Pods of one owner, and pods under one budget, wait for each other: the next goes when the replacement of one before
//! it is Ready elsewhere. Everything else is independent. So the time of a drain is, tier by tier, that of its slowest
//! group.

use std::collections::BTreeMap;

use patchkit::snapshot::objects::workload::WorkloadKind;

use super::{
    budgets::Standing,
    model::{Group, PlannedNode, PlannedPod, Tier},
    scene::{Draft, Scene},
    sets,
    words::duration,
};

/// Letting go of a volume and giving it to another node, where nothing has to be waited for.
const DETACH_SECONDS: f64 = 2.0;

/// From an eviction's answer until the next one may be sent: the watch tells of the change, and the request goes out.
const TURN_SECONDS: f64 = 0.2;

/// How much of their grace periods pods use.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// All of it.
    InFull,
    /// None, but for what their preStop hooks sleep.
    AtOnce,
}

/// The groups of the pods that go, and the order of all pods.
pub struct Ordered {
    /// The groups; their pods are places in the drafts.
    pub groups: Vec<Group>,
    /// The pods that go, in their order: places in the drafts.
    pub order: Vec<usize>,
}

/// Groups and orders the pods that go.
#[must_use]
pub fn order(
    scene: &Scene<'_>,
    standings: &[Standing<'_>],
    nodes: &[PlannedNode],
    drafts: &mut [Draft<'_>],
) -> Ordered {
    let mut groups = grouped(scene, standings, drafts);
    for group in &mut groups {
        group.pods.sort_by(|&one, &other| rank(nodes, &drafts[one]).cmp(&rank(nodes, &drafts[other])));
        group.predicted_seconds = Some(whole(time(&pods_of(group, drafts), group.at_once, Ending::InFull)));
    }
    // The longest first: what is started late ends late.
    groups.sort_by(|one, other| (other.predicted_seconds, &one.name).cmp(&(one.predicted_seconds, &other.name)));
    let mut order: Vec<usize> = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        for &pod in &group.pods {
            drafts[pod].planned.group = Some(index);
            order.push(pod);
        }
    }
    order.sort_by_key(|&pod| (wave(nodes, &drafts[pod]), drafts[pod].planned.tier, drafts[pod].planned.group));
    Ordered { groups, order }
}

fn wave(nodes: &[PlannedNode], draft: &Draft<'_>) -> usize {
    nodes.iter().find(|node| node.name == draft.planned.node).map_or(1, |node| node.wave)
}

/// Within a group: what is not Ready first, since it takes nothing from a budget; of a set the highest number first, as
/// its controller would.
fn rank<'d>(
    nodes: &[PlannedNode],
    draft: &'d Draft<'_>,
) -> (usize, Tier, bool, std::cmp::Reverse<u64>, &'d str, &'d str) {
    let number = if draft.planned.replaced_when_gone { sets::ordinal(draft.pod).unwrap_or(0) } else { 0 };
    (
        wave(nodes, draft),
        draft.planned.tier,
        draft.pod.ready == Some(true),
        std::cmp::Reverse(number),
        &draft.planned.node,
        &draft.planned.name,
    )
}

/// What joins pods, and how many of them may be away at once.
struct Bond {
    name: String,
    at_once: usize,
}

fn grouped(scene: &Scene<'_>, standings: &[Standing<'_>], drafts: &[Draft<'_>]) -> Vec<Group> {
    // Pods that share a bond are in one group, and so are those that share one with them.
    let mut group_of: Vec<usize> = (0..drafts.len()).collect();
    let mut bonds: BTreeMap<String, (usize, Bond)> = BTreeMap::new();
    let mut bonds_of: Vec<Vec<String>> = vec![Vec::new(); drafts.len()];
    for index in (0..drafts.len()).filter(|&index| drafts[index].goes()) {
        for bond in bonds_over(scene, standings, &drafts[index]) {
            bonds_of[index].push(bond.name.clone());
            match bonds.get(&bond.name) {
                Some((first, _)) => {
                    let (from, to) = (group_of[index], group_of[*first]);
                    for group in &mut group_of {
                        if *group == from {
                            *group = to;
                        }
                    }
                }
                None => {
                    bonds.insert(bond.name.clone(), (index, bond));
                }
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for index in (0..drafts.len()).filter(|&index| drafts[index].goes()) {
        groups.entry(group_of[index]).or_default().push(index);
    }
    groups
        .into_values()
        .map(|pods| {
            // The tightest bond sets the pace.
            let tightest = pods
                .iter()
                .flat_map(|&pod| &bonds_of[pod])
                .filter_map(|name| bonds.get(name))
                .map(|(_, bond)| bond)
                .min_by_key(|bond| (bond.at_once, std::cmp::Reverse(&bond.name)));
            match tightest {
                Some(bond) => Group { name: bond.name.clone(), at_once: bond.at_once, pods, predicted_seconds: None },
                None => Group {
                    name: format!("Pod {}", drafts[pods[0]].planned.path()),
                    at_once: pods.len(),
                    pods,
                    predicted_seconds: None,
                },
            }
        })
        .collect()
}

/// Pods that nobody waits for have no bonds: finished ones, ones that are ending already, ones that nothing brings back.
fn bonds_over(scene: &Scene<'_>, standings: &[Standing<'_>], draft: &Draft<'_>) -> Vec<Bond> {
    let planned = &draft.planned;
    if planned.finished || draft.pod.meta.deleting.is_some() {
        return Vec::new();
    }
    let budgets: Vec<Bond> = standings
        .iter()
        .filter(|standing| {
            standing.budget.meta.namespace == draft.pod.meta.namespace
                && planned.budgets.iter().any(|name| *name == standing.budget.meta.name)
        })
        .map(|standing| {
            let now = standing.status.as_ref().map_or(0, |status| status.disruptions_allowed);
            let best = standing.at_best.unwrap_or(now);
            // What is not healthy today may stay so.
            let at_once = if now > 0 { best.min(now) } else { best };
            Bond { name: standing.display(), at_once: usize::try_from(at_once).unwrap_or(0).max(1) }
        })
        .collect();
    let Some(owner) = &planned.owner else { return budgets };
    let controller = scene.controller(draft.pod).map(|controller| controller.kind);
    let own = match controller {
        // Whether one pod of a Job is away or all of them, its work is lost.
        Some(WorkloadKind::Job) => return budgets,
        Some(WorkloadKind::StatefulSet) | None => 1,
        // Where a budget says how many may be away, that is the pace.
        _ if !budgets.is_empty() => return with_owner(budgets, owner_name(draft, owner), usize::MAX),
        _ => 1,
    };
    with_owner(budgets, owner_name(draft, owner), own)
}

fn with_owner(mut bonds: Vec<Bond>, name: String, at_once: usize) -> Vec<Bond> {
    bonds.push(Bond { name, at_once });
    bonds
}

fn owner_name(draft: &Draft<'_>, owner: &super::model::Owner) -> String {
    format!("{} {}/{}", owner.kind, draft.planned.namespace, owner.name)
}

fn pods_of<'d>(group: &Group, drafts: &'d [Draft<'_>]) -> Vec<&'d PlannedPod> {
    group.pods.iter().map(|&pod| &drafts[pod].planned).collect()
}

/// How long a pod keeps its turn: until its replacement is Ready, and has been for `minReadySeconds`.
fn turn(pod: &PlannedPod, ending: Ending) -> f64 {
    if pod.finished || pod.owner.is_none() {
        return TURN_SECONDS;
    }
    let ready = pod.ready_after.as_ref().map_or(0, |ready| ready.seconds) as f64 + pod.min_ready_seconds as f64;
    let before = if pod.replaced_when_gone || !pod.volumes_to_detach.is_empty() {
        end(pod, ending) + if pod.volumes_to_detach.is_empty() { 0.0 } else { DETACH_SECONDS }
    } else {
        0.0
    };
    before + ready + TURN_SECONDS
}

/// How long a pod takes to end.
fn end(pod: &PlannedPod, ending: Ending) -> f64 {
    match ending {
        _ if pod.finished => 0.0,
        Ending::InFull => pod.grace_period_seconds as f64,
        Ending::AtOnce => pod.grace_period_seconds.min(pod.pre_stop_seconds) as f64,
    }
}

/// How long a pod keeps its turn, and how long it takes to end where it uses all of its grace period; in seconds.
#[must_use]
pub fn pace(pod: &PlannedPod) -> (f64, f64) {
    (turn(pod, Ending::InFull), end(pod, Ending::InFull))
}

/// How long a group takes: so many turns at once, one pod after another; at the end the last pod must be gone, and its
/// replacement Ready.
fn time(pods: &[&PlannedPod], at_once: usize, ending: Ending) -> f64 {
    let mut turns = vec![0.0_f64; at_once.clamp(1, pods.len().max(1))];
    let mut last = 0.0_f64;
    for pod in pods {
        let Some(next) = turns.iter_mut().min_by(|one, other| one.total_cmp(other)) else { continue };
        let begin = *next;
        *next = begin + turn(pod, ending);
        last = last.max(*next).max(begin + end(pod, ending));
    }
    last
}

fn whole(seconds: f64) -> u64 {
    // Durations are far below 2^52, and never negative.
    seconds.ceil() as u64
}

/// How long a drain takes, and what binds it.
pub struct Prediction {
    /// Where pods use all of their grace periods.
    pub seconds: u64,
    /// Where they end as soon as they are told to.
    pub at_least: u64,
    /// What binds it, in words.
    pub bound_by: String,
}

/// The place of a group, and those of its pods that go in one tier of one wave.
type Part<'d> = (usize, Vec<&'d PlannedPod>);

/// Adds up the slowest group of each tier of each wave.
#[must_use]
pub fn predict(nodes: &[PlannedNode], groups: &[Group], drafts: &[Draft<'_>]) -> Prediction {
    let mut parts: BTreeMap<(usize, Tier), Vec<Part<'_>>> = BTreeMap::new();
    for (index, group) in groups.iter().enumerate() {
        for &pod in group.pods.iter().filter(|&&pod| drafts[pod].goes()) {
            let part = parts.entry((wave(nodes, &drafts[pod]), drafts[pod].planned.tier)).or_default();
            match part.last_mut().filter(|(known, _)| *known == index) {
                Some((_, pods)) => pods.push(&drafts[pod].planned),
                None => part.push((index, vec![&drafts[pod].planned])),
            }
        }
    }
    let (mut full, mut at_least) = (0.0, 0.0);
    let mut slowest: Option<(f64, usize, Vec<&PlannedPod>)> = None;
    for part in parts.into_values() {
        let of =
            |ending| part.iter().map(|(index, pods)| time(pods, groups[*index].at_once, ending)).fold(0.0, f64::max);
        full += of(Ending::InFull);
        at_least += of(Ending::AtOnce);
        for (index, pods) in part {
            let seconds = time(&pods, groups[index].at_once, Ending::InFull);
            if slowest.as_ref().is_none_or(|(most, ..)| seconds > *most) {
                slowest = Some((seconds, index, pods));
            }
        }
    }
    let bound_by =
        slowest.map_or_else(|| "nothing: no pod has to go".to_owned(), |(_, index, pods)| bound(&groups[index], &pods));
    Prediction { seconds: whole(full), at_least: whole(at_least), bound_by }
}

/// What binds a group.
fn bound(group: &Group, pods: &[&PlannedPod]) -> String {
    if pods.len() > group.at_once {
        return format!("{}: {} pods, {} at a time", group.name, pods.len(), group.at_once);
    }
    let Some(slowest) = pods.iter().max_by(|one, other| {
        let whole = |pod: &PlannedPod| turn(pod, Ending::InFull).max(end(pod, Ending::InFull));
        whole(one).total_cmp(&whole(other))
    }) else {
        return group.name.clone();
    };
    let grace = slowest.grace_period_seconds.unsigned_abs();
    let ready = slowest.ready_after.as_ref().map_or(0, |ready| ready.seconds);
    if slowest.finished {
        format!("{}: nothing runs in it any more", group.name)
    } else if grace >= ready {
        format!("the grace period of {} ({})", slowest.path(), duration(grace))
    } else {
        format!("the start of the replacement of {} ({})", slowest.path(), duration(ready))
    }
}
