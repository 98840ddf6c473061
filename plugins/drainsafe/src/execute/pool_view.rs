//! What the live view shows of a pool beside its nodes.

use std::time::Instant;

use super::{
    machine::{Machine, Phase},
    task::State,
    view::NodeLine,
};
use crate::drain::words::duration;

/// Nodes that are shown one by one.
const MOST_NODES: usize = 15;

impl Machine {
    /// The pool's own line, and its nodes: those that are begun one by one, the others counted.
    pub(super) fn pool_lines(&self, mut nodes: Vec<NodeLine>, began: Instant) -> Vec<NodeLine> {
        let Some(pool) = &self.pool else { return nodes };
        let total = self.nodes.len() + pool.record.replaced.iter().filter(|name| !self.has_node(name)).count();
        let waiting: Vec<&str> =
            self.nodes.iter().filter(|node| node.phase == Phase::Waiting).map(|node| node.name.as_str()).collect();
        nodes.retain(|line| !waiting.contains(&line.name.as_str()));
        let under_way: Vec<&str> = self.under_way().map(|node| node.name.as_str()).collect();
        let mut parts = Vec::new();
        if !under_way.is_empty() {
            parts.push(format!("{} draining", under_way.len()));
        }
        if !waiting.is_empty() {
            parts.push(format!("{} waiting", waiting.len()));
        }
        if let Some(worst) = pool.worst() {
            parts.push(format!("lowest {}: {} of {} ready", worst.workload, worst.ready, worst.wanted));
        }
        let begun = under_way.iter().map(|name| (*name, self.pods_left(name)));
        let left = pool.outline.forecast(&pool.course, pool.pace, pool.standing.clone(), begun);
        // Whoever waits for a window has more time than that.
        if !under_way.is_empty() || !waiting.is_empty() {
            parts.push(format!("about {} left", duration(left.ceil() as u64)));
        } else {
            parts.push(format!("{} gone", duration(began.elapsed().as_secs())));
        }
        let more = nodes.len().saturating_sub(MOST_NODES);
        nodes.truncate(MOST_NODES);
        if more > 0 {
            nodes.push(NodeLine { name: format!("{more} more"), done: 0, pods: 0, text: String::new() });
        }
        let name = format!("pool {}", pool.record.members.title());
        let done = pool.replaced().len();
        nodes.insert(0, NodeLine { name, done, pods: total, text: parts.join(", ") });
        nodes
    }

    /// Pods of a node that are not gone.
    fn pods_left(&self, node: &str) -> usize {
        self.tasks.iter().filter(|task| task.node == node && !matches!(task.state, State::Gone { .. })).count()
    }

    fn has_node(&self, name: &str) -> bool {
        self.nodes.iter().any(|node| node.name == name)
    }
}
