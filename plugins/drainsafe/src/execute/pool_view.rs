//! What the live view shows of a pool beside its nodes.

use std::time::Instant;

use super::{
    machine::{Machine, Phase},
    task::State,
    view::{NodeLine, Shown},
};
use crate::drain::words::duration;

impl Machine {
    /// The lines of a pool above those of its nodes: how far it is, what is under way, and the lowest readiness.
    pub(super) fn pool_lines(&self, began: Instant) -> Vec<Shown> {
        let Some(pool) = &self.pool else { return Vec::new() };
        let total = self.nodes.len() + pool.record.replaced.iter().filter(|name| !self.has_node(name)).count();
        let waiting = self.nodes.iter().filter(|node| node.phase == Phase::Waiting).count();
        let begun: Vec<_> = self.under_way().map(|node| (node.name.as_str(), self.pods_left(&node.name))).collect();
        let mut parts = Vec::new();
        for (count, what) in [
            (begun.len(), "draining"),
            (pool.removing.len(), "being replaced"),
            (waiting, "waiting"),
            (pool.standing.awaited(), "asked for"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        // Whoever waits for a window has more time than that.
        let time = if begun.is_empty() && waiting == 0 {
            format!("{} gone", duration(began.elapsed().as_secs()))
        } else {
            let left = pool.outline.forecast(&pool.course, pool.pace, pool.standing.clone(), begun);
            format!("about {} left", duration(left.ceil() as u64))
        };
        let name = format!("pool {}", pool.record.members.title());
        let mut lines = vec![Shown::Node(NodeLine { name, done: pool.replaced().len(), pods: total, text: time })];
        if !parts.is_empty() {
            lines.push(Shown::Text(format!("nodes: {}", parts.join(", "))));
        }
        if let Some(worst) = pool.worst() {
            let text = format!("lowest readiness: {} of {}, {}", worst.ready, worst.wanted, worst.workload);
            lines.push(Shown::Text(text));
        }
        lines
    }

    /// Pods of a node that are not gone.
    fn pods_left(&self, node: &str) -> usize {
        self.tasks.iter().filter(|task| task.node == node && !matches!(task.state, State::Gone { .. })).count()
    }

    fn has_node(&self, name: &str) -> bool {
        self.nodes.iter().any(|node| node.name == name)
    }
}
