//! The plan of a pool's update as a value.

use std::collections::BTreeMap;

use super::{Course, Members};

/// An outdated node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutdatedNode {
    /// Its name.
    pub name: String,
    /// Its zone; empty where it has none.
    pub zone: String,
    /// Why it is outdated.
    pub reason: String,
    /// Pods that are moved from it.
    pub pods: usize,
    /// How long its drain takes by itself, in seconds.
    pub seconds: u64,
}

/// How long a new node is supposed to take from being asked for until it is Ready, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeStart {
    /// As the user says.
    Given(u64),
    /// As the nodes of the pool took from their creation.
    Seen(u64),
    /// Nothing is known of it.
    Guessed(u64),
}

/// Where the pods of the outdated nodes go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Headroom {
    /// Onto nodes that are added first.
    Surge,
    /// Onto the nodes that stay: each pod has a proven place there.
    Proven,
    /// So many nodes can be drained as things stand; the next ones when those are back.
    InTurns {
        /// The first ones.
        first: usize,
        /// Some pods may have to go to a node that is still outdated, and move once more.
        twice: bool,
    },
    /// Nowhere, and why.
    #[default]
    Nowhere,
    /// The reason for which there is none.
    Lacking(String),
}

/// The update of a pool.
#[derive(Clone, Debug)]
pub struct PoolPlan {
    /// What is the pool.
    pub members: Members,
    /// What its nodes are brought to, in words.
    pub goal: String,
    /// Its outdated nodes, in the order in which they go.
    pub outdated: Vec<OutdatedNode>,
    /// Its nodes in all.
    pub nodes: usize,
    /// How it is gone through.
    pub course: Course,
    /// What is to be known of the surge.
    pub surge_note: Option<String>,
    /// Where the pods go.
    pub headroom: Headroom,
    /// How long it takes, in seconds.
    pub predicted_seconds: u64,
    /// How long one node is supposed to take to come; with surge.
    pub node_start: NodeStart,
    /// What keeps a node from being drained at all: by node.
    pub blocked: BTreeMap<String, String>,
}

impl PoolPlan {
    /// Pods that are moved.
    #[must_use]
    pub fn pods(&self) -> usize {
        self.outdated.iter().map(|node| node.pods).sum()
    }

    /// Why the update must not begin.
    #[must_use]
    pub fn stops(&self) -> Option<String> {
        if let Some((node, why)) = self.blocked.iter().next() {
            let more = self.blocked.len() - 1;
            let more = if more > 0 { format!(" (and {more} nodes more)") } else { String::new() };
            return Some(format!("node {node} cannot be drained: {why}{more}"));
        }
        match &self.headroom {
            Headroom::Lacking(why) => Some(format!("without --surge there is no room: {why}")),
            Headroom::Nowhere if !self.outdated.is_empty() => Some("it is not known where the pods go".to_owned()),
            _ => None,
        }
    }
}
