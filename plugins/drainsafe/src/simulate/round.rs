//! One way to place all replacements: one order, one choice of nodes.

use crate::fit::{Candidate, Index, Judge};

use super::{order::Choice, placement::Rejections};

/// A pod that is replaced.
#[derive(Debug)]
pub(super) struct Moving {
    /// The pod's place in the snapshot.
    pub(super) pod: usize,
    pub(super) candidate: Candidate,
}

/// What came of one round, by the pods' places in the list.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) nodes: Vec<Option<usize>>,
    /// Empty unless they were asked for.
    pub(super) rejections: Vec<Rejections>,
}

impl Round {
    /// The places of those that found no node.
    pub(super) fn failed(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|place| self.nodes[*place].is_none()).collect()
    }
}

/// Places the pods one after another: the old one leaves, the new one is committed.
pub(super) fn round(
    base: &Index<'_>,
    drained: &[bool],
    moving: &[Moving],
    order: &[usize],
    choice: Choice,
    with_rejections: bool,
) -> Round {
    let mut index = base.clone();
    let mut round = Round { nodes: vec![None; moving.len()], rejections: Vec::new() };
    if with_rejections {
        round.rejections = vec![Rejections::default(); moving.len()];
    }
    let mut queue: Vec<usize> = order.to_vec();
    loop {
        let before = queue.len();
        queue.retain(|place| !place_one(&mut index, drained, &moving[*place], *place, choice, &mut round));
        // The scheduler tries again what found no node: another pod may have come that it wants to be beside.
        if queue.is_empty() || queue.len() == before {
            break;
        }
    }
    round
}

/// Places one pod; says whether it got a node.
fn place_one(
    index: &mut Index<'_>,
    drained: &[bool],
    moving: &Moving,
    place: usize,
    choice: Choice,
    round: &mut Round,
) -> bool {
    let Moving { pod, candidate } = moving;
    if let Some(placed) = index.placed(*pod) {
        index.remove(placed);
    }
    let mut fitting = Vec::new();
    let mut rejections = Rejections::default();
    {
        let judge = Judge::new(index, candidate);
        for (node, drained) in drained.iter().enumerate() {
            if round.rejections.is_empty() {
                if !drained && judge.fits(node) {
                    fitting.push(node);
                }
                continue;
            }
            match judge.rejection(node) {
                Some(rejection) => rejections.add(node, rejection),
                None if !drained => fitting.push(node),
                None => {}
            }
        }
    }
    if let Some(shown) = round.rejections.get_mut(place) {
        *shown = rejections;
    }
    let Some(node) = choice.among(&fitting, index, candidate) else { return false };
    index.add(candidate, node);
    round.nodes[place] = Some(node);
    true
}
