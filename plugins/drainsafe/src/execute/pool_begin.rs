//! Beginning nodes of a pool: gates, time and proof, in this order, and the wait for nodes that should come.

use std::collections::{BTreeMap, BTreeSet};

use patchkit::{
    report::words::{count, summary},
    snapshot::Snapshot,
};

use super::{
    event::{Event, Kind},
    machine::{Machine, Now, Stop, Todo},
    pool_run::{Gate, PoolTodo},
    task::OwnerKey,
};
use crate::pool::{Hours, Outside, Question, Standing, fewer, works};

impl Machine {
    /// Gates, time and proof, in this order: what may change is asked last.
    pub(super) fn want_to_begin(
        &mut self,
        mut names: Vec<String>,
        standing: &Standing,
        idle: bool,
        snapshot: &Snapshot,
        now: Now,
        todo: &mut Vec<Todo>,
    ) {
        if !self.is_gate_open(snapshot, now, todo) {
            return;
        }
        let under_way: Vec<String> = self.under_way().map(|node| node.name.clone()).collect();
        let Some(pool) = &self.pool else { return };
        let seconds = |names: &[String]| {
            pool.outline.together(under_way.iter().chain(names).map(String::as_str)) + pool.pace.remove
        };
        // Fewer of them may still be through in time.
        while names.len() > 1 && matches!(pool.hours(now.time, seconds(&names)), Hours::TooShort { .. }) {
            names.truncate(fewer(names.len(), pool.course.step()));
        }
        let seconds = seconds(&names);
        if self.is_time(seconds, idle, standing, now, todo) {
            self.prove(names, standing, now, todo);
        }
    }

    pub(super) fn prove(&mut self, names: Vec<String>, standing: &Standing, now: Now, todo: &mut Vec<Todo>) {
        let in_flight: Vec<String> = self.under_way().map(|node| node.name.clone()).collect();
        let Some(pool) = &mut self.pool else { return };
        if let Some(again) = pool.prove_again.filter(|again| now.instant < *again) {
            self.wake_at(again);
            return;
        }
        if let (Some(why), Some(since)) = (&pool.why_not, pool.stuck_since)
            && in_flight.is_empty()
            && now.instant.duration_since(since) >= pool.record.surge_timeout
        {
            let text = format!("no further node can be drained: {why}");
            self.stop(Stop::Failed(text));
            return;
        }
        if pool.soft && pool.hard {
            pool.soften(standing, todo);
            return;
        }
        let waiting = standing.waiting.iter().map(|node| node.name.clone());
        let question = Question {
            in_flight,
            shunned: if pool.soft { Vec::new() } else { waiting.collect() },
            candidates: names,
            step: pool.course.step(),
            allow_unproven: pool.record.allow_unproven,
        };
        pool.proving = true;
        todo.push(Todo::Pool(PoolTodo::Prove(question)));
    }

    /// Cordons what was proven, and with it all that is outdated, so that no pod goes there any more.
    pub(super) fn cordon_beginning(&mut self, standing: &Standing, snapshot: &Snapshot, todo: &mut Vec<Todo>) {
        let Some(pool) = &mut self.pool else { return };
        if pool.cordoning {
            return;
        }
        let mut names = pool.beginning.clone();
        pool.waves += 1;
        let text = format!("wave {}: {}", pool.waves, summary(&names));
        if pool.hard {
            let is_open = |name: &String| {
                snapshot.nodes.iter().any(|node| node.meta.name == name.as_str() && !node.unschedulable)
            };
            names.extend(standing.waiting.iter().map(|node| &node.name).filter(|name| is_open(name)).cloned());
        }
        pool.cordoning = true;
        pool.soft = false;
        pool.gate = Gate::Closed;
        self.untold.push(Event::of_run(Kind::Wave, text));
        todo.push(Todo::Pool(PoolTodo::Cordon(zone_by_zone(names, snapshot))));
    }

    /// Whether what takes so long may begin now. Where it may not, and nothing is under way, outdated nodes take pods
    /// again, and the run waits or ends.
    pub(super) fn is_time(
        &mut self,
        seconds: f64,
        idle: bool,
        standing: &Standing,
        now: Now,
        todo: &mut Vec<Todo>,
    ) -> bool {
        let Some(pool) = &mut self.pool else { return false };
        let hours = pool.hours(now.time, seconds);
        if hours.is_open() {
            pool.told_window = None;
            return true;
        }
        if !idle {
            return false;
        }
        let text = hours.words();
        if pool.told_window.as_ref() != Some(&text) {
            pool.told_window = Some(text.clone());
            self.untold.push(Event::of_run(Kind::Window, text.clone()));
        }
        let (Hours::TooShort { next, .. } | Hours::Closed { next }) = hours else { return true };
        if pool.record.outside_window == Outside::Exit || next.is_none() {
            self.stop(Stop::Paused(text));
        } else if pool.hard {
            pool.soften(standing, todo);
        }
        false
    }

    /// Workloads that were moved must be well again, and the gates pass, before more is begun.
    fn is_gate_open(&mut self, snapshot: &Snapshot, now: Now, todo: &mut Vec<Todo>) -> bool {
        let not_back = self.not_back(snapshot, now);
        let Some(pool) = &mut self.pool else { return false };
        match pool.gate {
            Gate::Open => return true,
            Gate::Asking => return false,
            Gate::Again(at) if now.instant < at => {
                self.wake_at(at);
                return false;
            }
            Gate::Closed | Gate::Again(_) => {}
        }
        if !not_back.is_empty() {
            let since = *pool.gate_since.get_or_insert(now.instant);
            if now.instant.duration_since(since) >= pool.record.gate_timeout {
                let text = format!("what was moved is not available again: {}", summary(&not_back));
                self.stop(Stop::Failed(text));
            }
            return false;
        }
        if pool.record.gates.is_empty() {
            pool.gate = Gate::Open;
            pool.gate_since = None;
            return true;
        }
        pool.gate = Gate::Asking;
        todo.push(Todo::Pool(PoolTodo::Gate));
        false
    }

    /// Workloads that were moved, have nothing under way, and are not available again.
    fn not_back(&self, snapshot: &Snapshot, now: Now) -> Vec<String> {
        let world = self.world(snapshot, now.time);
        let busy: BTreeSet<&OwnerKey> = self
            .tasks
            .iter()
            .filter(|task| self.under_way().any(|node| node.name == task.node))
            .filter_map(|task| task.owner.as_ref())
            .collect();
        let owners = self.moved_owners().into_iter().filter(|owner| !busy.contains(owner));
        owners.filter(|owner| self.missing_of(&world, owner) > 0).map(|owner| owner.to_string()).collect()
    }

    /// Nodes that should come and are not Ready: for as long as some come.
    pub(super) fn await_nodes(&mut self, standing: &Standing, snapshot: &Snapshot, now: Now) {
        let names: BTreeSet<String> = self.nodes.iter().map(|node| node.name.clone()).collect();
        let Some(pool) = &mut self.pool else { return };
        let since = match pool.awaiting {
            Some((arrived, since)) if arrived == pool.arrived => since,
            _ => now.instant,
        };
        pool.awaiting = Some((pool.arrived, since));
        let end = since + pool.record.surge_timeout;
        if now.instant < end {
            self.wake_at(end);
            return;
        }
        let not_ready: Vec<String> = pool
            .record
            .members
            .nodes(snapshot)
            .into_iter()
            .filter(|node| !names.contains(node.meta.name.as_str()) && !works(node, false))
            .map(|node| node.meta.name.to_string())
            .collect();
        let seconds = pool.record.surge_timeout.as_secs();
        let expected = if standing.awaited() > 0 { standing.awaited() } else { pool.course.step() };
        let mut text = format!("{} did not become Ready within {seconds} s", count(expected, "new node"));
        if !not_ready.is_empty() {
            text.push_str(&format!(
                ": {} {} not Ready",
                summary(&not_ready),
                if not_ready.len() == 1 { "is" } else { "are" }
            ));
        } else if standing.can_ask {
            text.push_str(": none has come, though the surge command has succeeded");
        } else {
            text.push_str(": none has come; --surge-command adds them, where no autoscaler does");
        }
        self.stop(Stop::Failed(text));
    }
}

/// Rounds with one node of each zone, so that while they are cordoned no zone takes more pods than another. Nodes of a
/// single zone are one round.
fn zone_by_zone(names: Vec<String>, snapshot: &Snapshot) -> Vec<Vec<String>> {
    let zones: BTreeMap<&str, &str> =
        snapshot.nodes.iter().map(|node| (node.meta.name.as_str(), node.zone().unwrap_or_default())).collect();
    let zone = |name: &String| zones.get(name.as_str()).copied().unwrap_or_default();
    if names.iter().all(|name| zone(name) == names.first().map(zone).unwrap_or_default()) {
        return vec![names];
    }
    let mut rounds: Vec<Vec<String>> = Vec::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for name in names {
        let round = seen.entry(zone(&name)).or_default();
        if *round == rounds.len() {
            rounds.push(Vec::new());
        }
        rounds[*round].push(name);
        *round += 1;
    }
    rounds
}

#[cfg(test)]
mod tests {
    use patchkit::snapshot::objects::node::Node;

    use super::*;

    #[test]
    fn each_round_has_one_node_of_a_zone() {
        let mut snapshot = Snapshot::default();
        for (name, zone) in [("a1", "a"), ("a2", "a"), ("b1", "b"), ("b2", "b"), ("b3", "b")] {
            let mut node = Node::default();
            node.meta.name = name.into();
            node.meta.labels = std::sync::Arc::new([("topology.kubernetes.io/zone", zone)].into_iter().collect());
            snapshot.nodes.push(node);
        }
        let rounds = |names: &[&str]| zone_by_zone(names.iter().map(|name| (*name).to_owned()).collect(), &snapshot);
        assert_eq!(rounds(&["b1", "b2", "a1", "b3", "a2"]), [vec!["b1", "a1"], vec!["b2", "a2"], vec!["b3"]]);
        assert_eq!(rounds(&["a1", "a2"]), [vec!["a1", "a2"]]);
    }
}
