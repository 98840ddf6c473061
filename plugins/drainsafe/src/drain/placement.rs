//! Where the replacements go, and what is done about those that have no place.

use std::collections::BTreeMap;

use patchkit::report::{Finding, Severity, words::summary};

use super::{
    model::BlockedFor,
    scene::{Draft, Said, Scene},
};
use crate::{
    fit::{self, Index, RejectedNode},
    simulate::{self, Held, Outcome, Placement},
};

/// The finding that makes a plan not proven rather than blocked.
pub const PLACE_NOT_PROVEN: &str = "place-not-proven";

/// Looks for a place for every replacement, over all nodes together; notes the places, and blocks what has none unless
/// the user accepts it.
pub fn settle<'a>(scene: &Scene<'a>, drafts: &mut [Draft<'a>], said: &mut Said) {
    let index = &scene.ground.index;
    let moving: Vec<usize> = (0..drafts.len()).filter(|&at| drafts[at].is_replaced()).collect();
    let pods: Vec<usize> = moving.iter().filter_map(|&at| place_in(scene, &drafts[at])).collect();
    let nodes: Vec<usize> = scene.nodes.iter().filter_map(|node| index.node_number(&node.meta.name)).collect();
    let missing = missing(scene, index, drafts, &moving, said);
    let simulation = simulate::run(index, &nodes, &pods);
    let mut not_proven = Vec::new();
    for (&at, placement) in moving.iter().zip(simulation.placements) {
        let draft = &mut drafts[at];
        draft.planned.rejected = placement.rejections.each(index).collect();
        match &placement.outcome {
            Outcome::Placed { node, .. } => {
                draft.planned.destination = index.nodes().get(*node).map(|node| node.name().to_owned());
            }
            Outcome::NotProven { why, .. } => {
                draft.planned.destination_unknown = Some(why.clone());
                not_proven.push(draft.planned.path());
            }
            // What the input lacks is why, and not the cluster.
            Outcome::NoPlace if missing.contains_key(&at) => {
                let why = missing[&at].clone();
                said.unknown(format!("the place of {}", draft.planned.path()), why.clone());
                draft.planned.destination_unknown = Some(why);
            }
            Outcome::NoPlace => nowhere(scene, draft, &placement, said),
            Outcome::NotEvaluated(why) => {
                said.unknown(format!("the place of {}", draft.planned.path()), why.clone());
                draft.planned.destination_unknown = Some(why.clone());
            }
            // Nobody makes a new one, so nobody waits for it.
            Outcome::NotReplaced(why) => {
                draft.planned.owner = None;
                draft.note(&why.to_string());
            }
        }
    }
    if !not_proven.is_empty() {
        let title = format!("a place is not certain for every replacement: {}", summary(&not_proven));
        said.find(
            Finding::new(PLACE_NOT_PROVEN, Severity::High, title)
                .with_evidence("pods", not_proven)
                .with_hint("drain fewer nodes at once, or add room"),
        );
    }
}

/// The pod's place in the snapshot.
fn place_in(scene: &Scene<'_>, draft: &Draft<'_>) -> Option<usize> {
    scene.snapshot.pods.iter().position(|pod| std::ptr::eq(pod, draft.pod))
}

/// Notes kinds that decide about places and of which files hold none; gives why nothing can be told, pod by pod.
fn missing(
    scene: &Scene<'_>,
    index: &Index<'_>,
    drafts: &[Draft<'_>],
    moving: &[usize],
    said: &mut Said,
) -> BTreeMap<usize, String> {
    let mut reasons = BTreeMap::new();
    for &at in moving {
        let Ok(replacement) = scene.ground.templates.replacement(drafts[at].pod) else { continue };
        let missing = fit::missing_in_files(index, &replacement.candidate);
        if let Some(first) = missing.first() {
            reasons.insert(at, first.why.clone());
        }
        said.not_evaluated.extend(missing);
    }
    reasons
}

fn nowhere(scene: &Scene<'_>, draft: &mut Draft<'_>, placement: &Placement, said: &mut Said) {
    let holds: Vec<String> =
        placement.held.iter().filter(|held| !matches!(held, Held::HostPath(_))).map(ToString::to_string).collect();
    let (id, why, hint) = if holds.is_empty() {
        (
            "no-place",
            format!("no other node takes its replacement{}", by_filter(&draft.planned.rejected)),
            "make room or loosen what it asks for, or accept with --allow-pending that it stays Pending",
        )
    } else {
        (
            "pinned-to-node",
            format!("its replacement stays Pending until a drained node is uncordoned: {}", holds.join("; ")),
            "accept that with --allow-pending, or move what holds it first",
        )
    };
    let severity = if scene.options.allow_pending { Severity::Medium } else { Severity::High };
    let mut filters: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for rejection in &draft.planned.rejected {
        filters.entry(rejection.filter.to_string()).or_default().push(&rejection.node);
    }
    let mut finding = Finding::new(id, severity, format!("{}: {why}", draft.planned.path()))
        .with_object(draft.reference())
        .with_evidence("rejectedBy", serde_json::json!(filters))
        .with_hint(hint);
    if !placement.notes.is_empty() {
        finding = finding.with_evidence("notes", placement.notes.clone());
    }
    said.find(finding);
    if scene.options.allow_pending {
        draft.note("its replacement stays Pending");
    } else {
        draft.block(BlockedFor::Now, why);
    }
}

/// ` (NodeResourcesFit: 3, TaintToleration: 2)`
fn by_filter(rejected: &[RejectedNode]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for rejection in rejected {
        *counts.entry(rejection.filter.to_string()).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(name, number)| (std::cmp::Reverse(*number), name.clone()));
    let words: Vec<String> = counts.iter().map(|(name, number)| format!("{name}: {number}")).collect();
    if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) }
}
