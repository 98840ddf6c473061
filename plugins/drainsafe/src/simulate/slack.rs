//! A proof that needs no trying: so many nodes take a pod that the other replacements cannot fill them all, whatever
//! nodes they get and in whatever order.
//!
//! To keep a pod from a node, the others that go there have to take more of some resource than is left beside it, or
//! one of the last places for pods. Each of them is on one node only, and together they have no more than the sum of
//! what they request. So at most so many nodes are lost to the pod, and if more than that take it, one remains. It holds
//! only for pods that others keep from nodes by nothing but room.

use crate::fit::{Candidate, Index};

use super::round::Moving;

/// Whether the pod at this place finds a node for certain; `fitting` are the nodes that take it when it is alone.
pub(super) fn is_certain(index: &Index<'_>, moving: &[Moving], place: usize, fitting: &[usize], sums: &Sums) -> bool {
    let candidate = &moving[place].candidate;
    if !index.only_room_decides(candidate) || is_shunned(moving, place) {
        return false;
    }
    let others = moving.len() - 1;
    // Each of the others can spoil one node at most.
    fitting.len() > others || fitting.len() > sums.spoiled(index, candidate, fitting).min(others)
}

/// Whether another replacement's anti-affinity may keep the pod away, by its labels in any namespace.
fn is_shunned(moving: &[Moving], place: usize) -> bool {
    let labels = &moving[place].candidate.labels;
    moving.iter().enumerate().any(|(other, it)| other != place && it.candidate.may_shun(labels))
}

/// What all replacements request together.
#[derive(Debug)]
pub(super) struct Sums(crate::fit::RoomSum);

impl Sums {
    pub(super) fn of(moving: &[Moving]) -> Self {
        Self(crate::fit::RoomSum::of(moving.iter().map(|it| &it.candidate)))
    }

    /// The most nodes that the others can fill so far that the pod finds no room there.
    fn spoiled(&self, index: &Index<'_>, candidate: &Candidate, fitting: &[usize]) -> usize {
        let most = |mut slacks: Vec<i64>, budget: i64| {
            slacks.sort_unstable();
            let mut left = budget;
            slacks
                .into_iter()
                .take_while(|slack| {
                    // What is left beside the pod must be overdrawn by one.
                    left = left.saturating_sub(slack.saturating_add(1));
                    left >= 0
                })
                .count()
        };
        self.0.beside(index, candidate, fitting).into_iter().map(|(slacks, budget)| most(slacks, budget)).sum()
    }
}
