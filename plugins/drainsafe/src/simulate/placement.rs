//! What a simulation says of each pod.

use crate::fit::{Index, RejectedNode, Rejection};

use super::{
    held::Held,
    replacement::{NotReplaced, Returns, Template},
};

/// The answer of a simulation.
#[derive(Clone, Debug, Default)]
pub struct Simulation {
    /// One for each evicted pod, in the order in which they were given.
    pub placements: Vec<Placement>,
    /// How many orders and choices of nodes were tried. None, where every promise could be proven without.
    pub rounds: usize,
}

/// What becomes of one evicted pod.
#[derive(Clone, Debug)]
pub struct Placement {
    /// The pod's place in `snapshot.pods`.
    pub pod: usize,
    /// Whether its replacement finds a node.
    pub outcome: Outcome,
    /// Why the nodes that do not take the replacement reject it, at the moment at which it looks for one. Nodes that
    /// would take it as well are not among them.
    pub rejections: Rejections,
    /// What the replacement was built from; `None` where there is none.
    pub template: Option<Template>,
    /// Why the replacement may be put onto a drained node again, though it is cordoned.
    pub returns: Option<Returns>,
    /// What holds the pod on the drained nodes: it waits until one of them is uncordoned.
    pub held: Vec<Held>,
    /// What filters say nothing about: quotas, priority, what preemption could do; one sentence each.
    pub notes: Vec<String>,
}

/// Whether a replacement finds a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It does; this is one that it may get.
    Placed {
        /// The node's number in the index.
        node: usize,
        /// How far the promise reaches.
        proof: Proof,
    },
    /// It may, but not for certain.
    NotProven {
        /// A node that it may get, where one was found.
        node: Option<usize>,
        /// Why it is not certain.
        why: String,
    },
    /// No node takes it, even if it is the only pod that looks for one.
    NoPlace,
    /// The filters say nothing about it.
    NotEvaluated(String),
    /// Nobody makes a replacement, or it does not need another node.
    NotReplaced(NotReplaced),
}

/// How far a promise reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Whatever nodes the scheduler chooses for the other replacements, and in whatever order they come.
    AnyChoice,
    /// In all orders and with all choices that were tried.
    Tried,
}

impl Outcome {
    /// The number of the node that a replacement may get.
    #[must_use]
    pub fn node(&self) -> Option<usize> {
        match self {
            Self::Placed { node, .. } => Some(*node),
            Self::NotProven { node, .. } => *node,
            _ => None,
        }
    }
}

/// Why nodes reject a replacement. Nodes with the same reason are kept together: a large drain has millions of them.
#[derive(Clone, Debug, Default)]
pub struct Rejections(Vec<(Rejection, Vec<u32>)>);

impl Rejections {
    pub(super) fn add(&mut self, node: usize, rejection: Rejection) {
        let node = u32::try_from(node).unwrap_or(u32::MAX);
        match self.0.iter_mut().find(|(known, _)| *known == rejection) {
            Some((_, nodes)) => nodes.push(node),
            None => self.0.push((rejection, vec![node])),
        }
    }

    /// The reasons, each with the numbers of its nodes.
    pub fn groups(&self) -> impl Iterator<Item = (&Rejection, impl Iterator<Item = usize>)> {
        self.0.iter().map(|(rejection, nodes)| (rejection, nodes.iter().map(|node| *node as usize)))
    }

    /// How many nodes reject it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|(_, nodes)| nodes.len()).sum()
    }

    /// Whether no node rejects it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Node by node, by ascending name.
    pub fn each(&self, index: &Index<'_>) -> impl Iterator<Item = RejectedNode> {
        let mut all: Vec<(u32, &Rejection)> =
            self.0.iter().flat_map(|(rejection, nodes)| nodes.iter().map(move |node| (*node, rejection))).collect();
        all.sort_by_key(|(node, _)| *node);
        let names: Vec<RejectedNode> = all
            .into_iter()
            .filter_map(|(node, rejection)| {
                let node = index.nodes().get(node as usize)?.name().to_owned();
                Some(RejectedNode { node, filter: rejection.filter, rejection: rejection.clone() })
            })
            .collect();
        names.into_iter()
    }
}
