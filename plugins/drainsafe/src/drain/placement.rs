//! Where the replacements go, and what is done about those that have no place.

use std::collections::BTreeMap;

use patchkit::report::{Finding, Severity, words::summary};

use super::{
    model::{BlockedFor, Rejection},
    returns,
    scene::{Draft, Said, Scene},
};

/// What the simulation says of one replacement.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// It goes to this node; the others reject it, or would have taken it as well.
    Node {
        /// The node.
        node: String,
        /// The nodes that do not take it.
        rejected: Vec<Rejection>,
    },
    /// No node takes it, whatever else goes where.
    Nowhere {
        /// Every node with what it rejects it by.
        rejected: Vec<Rejection>,
    },
    /// Some node takes it by itself, but no arrangement of all replacements was found.
    NotProven {
        /// The nodes that do not take it.
        rejected: Vec<Rejection>,
    },
    /// It cannot be told.
    Unknown(String),
}

/// Looks for a place for every replacement, over all nodes together.
#[must_use]
pub fn find(_scene: &Scene<'_>, drafts: &[Draft<'_>]) -> BTreeMap<usize, Place> {
    let replaced = (0..drafts.len()).filter(|&index| drafts[index].is_replaced());
    replaced.map(|index| (index, Place::Unknown("where replacements go is not simulated yet".to_owned()))).collect()
}

/// Notes the places, and blocks what has none unless the user accepts it.
pub fn settle(scene: &Scene<'_>, drafts: &mut [Draft<'_>], places: BTreeMap<usize, Place>, said: &mut Said) {
    let mut not_proven = Vec::new();
    for (index, place) in places {
        let draft = &mut drafts[index];
        match place {
            Place::Node { node, rejected } => {
                draft.planned.destination = Some(node);
                draft.planned.rejected = rejected;
            }
            Place::Nowhere { rejected } => {
                draft.planned.rejected = rejected;
                nowhere(scene, draft, said);
            }
            Place::NotProven { rejected } => {
                let why = "no arrangement was found in which every replacement has a place";
                draft.planned.rejected = rejected;
                draft.planned.destination_unknown = Some(why.to_owned());
                not_proven.push(draft.planned.path());
            }
            Place::Unknown(why) => {
                said.unknown(format!("the place of {}", draft.planned.path()), why.clone());
                draft.planned.destination_unknown = Some(why);
            }
        }
    }
    if !not_proven.is_empty() {
        said.find(
            Finding::new(
                PLACE_NOT_PROVEN,
                Severity::High,
                format!("no arrangement was found in which every replacement has a place: {}", summary(&not_proven)),
            )
            .with_evidence("pods", not_proven)
            .with_hint("drain fewer nodes at once, or add room"),
        );
    }
}

/// The finding that makes a plan not proven rather than blocked.
pub const PLACE_NOT_PROVEN: &str = "place-not-proven";

fn nowhere(scene: &Scene<'_>, draft: &mut Draft<'_>, said: &mut Said) {
    let pinned = returns::pinned(scene, draft);
    let (id, why, hint) = match &pinned {
        Some(holds) => (
            "pinned-to-node",
            format!(
                "only the drained nodes can take its replacement ({holds}): it stays Pending until one is uncordoned"
            ),
            "accept that with --allow-pending, or move what holds it first",
        ),
        None => (
            "no-place",
            format!("no other node takes its replacement{}", by_filter(&draft.planned.rejected)),
            "make room or loosen what it asks for, or accept with --allow-pending that it stays Pending",
        ),
    };
    let accepted = scene.options.allow_pending;
    let severity = if accepted { Severity::Medium } else { Severity::High };
    let mut filters: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for rejection in &draft.planned.rejected {
        filters.entry(&rejection.filter).or_default().push(&rejection.node);
    }
    said.find(
        Finding::new(id, severity, format!("{}: {why}", draft.planned.path()))
            .with_object(draft.reference())
            .with_evidence("rejectedBy", serde_json::json!(filters))
            .with_hint(hint),
    );
    if accepted {
        draft.note("its replacement stays Pending");
    } else {
        draft.block(BlockedFor::Now, why);
    }
}

/// ` (NodeResourcesFit: 3 nodes, TaintToleration: 2)`
fn by_filter(rejected: &[Rejection]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for rejection in rejected {
        *counts.entry(&rejection.filter).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(name, number)| (std::cmp::Reverse(*number), *name));
    let words: Vec<String> = counts.iter().map(|(name, number)| format!("{name}: {number}")).collect();
    if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) }
}
