//! In which order replacements come, and which of the nodes that take one it gets.

use std::cmp::Reverse;

use crate::fit::{Candidate, Index};

/// Which of the nodes that take a pod it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The emptiest one, as the scheduler's default scoring prefers (LeastAllocated).
    Emptiest,
    /// The fullest one (MostAllocated), which leaves the most room in one piece.
    Fullest,
}

impl Choice {
    /// The preferred one of these nodes; of equals the first by name.
    pub(super) fn among(self, nodes: &[usize], index: &Index<'_>, candidate: &Candidate) -> Option<usize> {
        let wanted = candidate.requests();
        let load = |node: usize| index.load_with(&wanted, node);
        match self {
            Self::Emptiest => nodes.iter().copied().min_by_key(|node| (load(*node), *node)),
            Self::Fullest => nodes.iter().copied().max_by_key(|node| (load(*node), Reverse(*node))),
        }
    }
}

/// The order in which pods look for a node; numbers are places in the list of replacements.
pub(super) fn hardest_first(feasible: &[usize], loads: &[u64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..feasible.len()).collect();
    order.sort_by_key(|place| (feasible[*place], Reverse(loads[*place]), *place));
    order
}

/// The largest first.
pub(super) fn largest_first(loads: &[u64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..loads.len()).collect();
    order.sort_by_key(|place| (Reverse(loads[*place]), *place));
    order
}

/// As before, but those that found no place come first.
pub(super) fn failed_first(order: &[usize], failed: &[usize]) -> Vec<usize> {
    let others = order.iter().filter(|place| !failed.contains(place));
    failed.iter().chain(others).copied().collect()
}
