//! The whole simulation: rounds in several orders, and what can be promised after them.

use crate::fit::{Index, Judge, why_unknown};

use super::{
    apart,
    held::held,
    order::{Choice, failed_first, hardest_first, largest_first},
    placement::{Outcome, Placement, Proof, Rejections, Simulation},
    replacement::{Returns, Templates},
    round::{Moving, Round, round},
    slack::{Sums, is_certain},
};

/// How often those that found no place are put first and all is tried again.
const RETRIES: usize = 4;

/// Simulates the eviction of pods, given by their places in `snapshot.pods`, from nodes that are drained, given by their
/// numbers in the index. The index is that of the cluster as it is; the nodes need not be cordoned yet.
#[must_use]
pub fn run(index: &Index<'_>, drained: &[usize], evicted: &[usize]) -> Simulation {
    let snapshot = index.snapshot();
    let templates = Templates::of(snapshot);
    let mut base = index.clone();
    let mut is_drained = vec![false; base.nodes().len()];
    for node in drained.iter().copied() {
        base.cordon(node);
        if let Some(is_drained) = is_drained.get_mut(node) {
            *is_drained = true;
        }
    }
    let mut placements: Vec<Placement> = Vec::with_capacity(evicted.len());
    let mut moving: Vec<Moving> = Vec::new();
    let mut place_of: Vec<Option<usize>> = Vec::with_capacity(evicted.len());
    for pod in evicted.iter().copied() {
        let mut placement = Placement {
            pod,
            outcome: Outcome::NoPlace,
            rejections: Rejections::default(),
            template: None,
            returns: None,
            held: Vec::new(),
            notes: Vec::new(),
        };
        let mut place = None;
        match snapshot.pods.get(pod).map(|found| templates.replacement(found)) {
            None => placement.outcome = Outcome::NotEvaluated("there is no such pod in the snapshot".to_owned()),
            Some(Err(why)) => placement.outcome = Outcome::NotReplaced(why),
            Some(Ok(replacement)) => {
                let candidate = replacement.candidate;
                placement.template = Some(replacement.template);
                placement.held = held(&base, &is_drained, &candidate);
                placement.notes = apart::quota_notes(snapshot, &candidate);
                let unknown = match &replacement.returns {
                    // The kubelet of that node takes it without asking anybody.
                    Some(Returns::NamesNode(name)) => Some(format!("its template names the node {name}")),
                    _ => candidate.why_not_evaluated().or_else(|| why_unknown(index, &candidate)),
                };
                placement.returns = replacement.returns;
                match unknown {
                    Some(why) => placement.outcome = Outcome::NotEvaluated(why),
                    None => {
                        place = Some(moving.len());
                        moving.push(Moving { pod, candidate });
                    }
                }
            }
        }
        place_of.push(place);
        placements.push(placement);
    }
    let rounds = place_all(&base, &is_drained, &moving, &mut placements, &place_of);
    Simulation { placements, rounds }
}

/// Decides the outcomes of those that look for a node; gives the number of rounds.
fn place_all(
    base: &Index<'_>,
    drained: &[bool],
    moving: &[Moving],
    placements: &mut [Placement],
    place_of: &[Option<usize>],
) -> usize {
    if moving.is_empty() {
        return 0;
    }
    // All of them leave in the end: alone, a pod has the whole rest of the cluster.
    let mut empty = base.clone();
    for it in moving {
        if let Some(placed) = empty.placed(it.pod) {
            empty.remove(placed);
        }
    }
    let alone: Vec<Vec<usize>> = moving
        .iter()
        .map(|it| {
            let judge = Judge::new(&empty, &it.candidate);
            (0..drained.len()).filter(|node| !drained[*node] && judge.fits(*node)).collect()
        })
        .collect();
    let loads: Vec<u64> = moving.iter().map(|it| base.share_of(&it.candidate)).collect();
    let feasible: Vec<usize> = alone.iter().map(Vec::len).collect();
    let hardest = hardest_first(&feasible, &loads);
    let sums = Sums::of(moving);
    let certain: Vec<bool> =
        (0..moving.len()).map(|place| is_certain(&empty, moving, place, &alone[place], &sums)).collect();

    let attempt = |order: &[usize], choice| round(base, drained, moving, order, choice, false);
    let given: Vec<usize> = (0..moving.len()).collect();
    let mut tried: Vec<(Vec<usize>, Choice, Round)> = Vec::new();
    if !certain.iter().all(|certain| *certain) {
        let reversed: Vec<usize> = given.iter().rev().copied().collect();
        for order in [hardest.clone(), given, reversed, largest_first(&loads)] {
            for choice in [Choice::Emptiest, Choice::Fullest] {
                if !tried.iter().any(|(known, with, _)| *known == order && *with == choice) {
                    let made = attempt(&order, choice);
                    tried.push((order.clone(), choice, made));
                }
            }
        }
        // Where no order placed all, those that were left over go first.
        let mut order = hardest.clone();
        for _ in 0..RETRIES {
            if tried.iter().any(|(_, _, made)| made.failed().is_empty()) {
                break;
            }
            let failed = tried.last().map(|(_, _, made)| made.failed()).unwrap_or_default();
            order = failed_first(&order, &failed);
            let made = attempt(&order, Choice::Fullest);
            tried.push((order.clone(), Choice::Fullest, made));
        }
    }
    // What is shown is nearest to what the scheduler does by itself, and places all if any does.
    let best = tried.iter().min_by_key(|(_, _, made)| made.failed().len());
    let (order, choice) = best.map_or((hardest.as_slice(), Choice::Emptiest), |(order, choice, _)| (order, *choice));
    let shown = round(base, drained, moving, order, choice, true);
    for (placement, place) in placements.iter_mut().zip(place_of) {
        let Some(place) = *place else { continue };
        placement.rejections = shown.rejections[place].clone();
        placement.outcome = outcome(&shown, &tried, place, certain[place], alone[place].is_empty());
        if placement.outcome.node().is_none() {
            let candidate = &moving[place].candidate;
            placement.notes.extend(apart::preemption_note(base, drained, candidate, &placement.rejections));
        }
    }
    tried.len()
}

fn outcome(
    shown: &Round,
    tried: &[(Vec<usize>, Choice, Round)],
    place: usize,
    certain: bool,
    alone_nowhere: bool,
) -> Outcome {
    let failed = tried.iter().filter(|(_, _, made)| made.nodes[place].is_none()).count();
    match shown.nodes[place] {
        Some(node) if certain => Outcome::Placed { node, proof: Proof::AnyChoice },
        Some(node) if failed == 0 => Outcome::Placed { node, proof: Proof::Tried },
        Some(node) => Outcome::NotProven {
            node: Some(node),
            why: format!(
                "there is a place, but in {failed} of {} orders and choices of nodes that were tried others take it first",
                tried.len()
            ),
        },
        // Other replacements can make room only for pods that want to be beside them.
        None if alone_nowhere && failed == tried.len() => Outcome::NoPlace,
        None => Outcome::NotProven {
            node: None,
            why: format!("no place for all was found in {} orders and choices of nodes", tried.len()),
        },
    }
}
