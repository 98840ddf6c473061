//! The update of a pool as a part of the machine: what has happened to it, how it stands, and what follows.

use std::{collections::BTreeMap, time::Duration};

use patchkit::{
    report::words::count,
    snapshot::{Snapshot, objects::node::Node},
};

use super::{
    event::{Event, Kind, PoolSummary},
    machine::{LIST_AGAIN_AFTER, Machine, Now, Phase, Stop, Todo},
    pool_run::{Gate, PoolHappened, PoolRun, PoolTodo, add, still_to_come, subtract},
    task::State,
};
use crate::pool::{Next, Proven, Standing, Waiting, imbalance, next, works};

/// How often a proof that did not hold is tried again, and a gate that did not pass.
const PROVE_AGAIN: Duration = Duration::from_secs(2);
const GATE_AGAIN: Duration = Duration::from_secs(5);
/// For how long it is hoped that nodes which are not outdated have room, before outdated ones take pods.
const SOFT_AFTER: Duration = Duration::from_secs(6);

impl Machine {
    /// Whether a node of a pool was not begun.
    #[must_use]
    pub fn is_waiting(&self, name: &str) -> bool {
        self.pool.is_some() && self.nodes.iter().any(|node| node.name == name && node.phase == Phase::Waiting)
    }

    /// Whether nothing more is to be done with a drained node.
    #[must_use]
    pub fn is_removed(&self, name: &str) -> bool {
        self.pool.as_ref().is_none_or(|pool| pool.removed.contains(name))
    }

    /// What the update of a pool came to.
    #[must_use]
    pub fn pool_summary(&self, outdated: usize) -> Option<PoolSummary> {
        Some(self.pool.as_ref()?.summary(outdated, self.granted))
    }

    /// Makes it the update of a pool.
    pub fn of_pool(&mut self, pool: PoolRun) {
        self.pool = Some(pool);
    }

    pub(super) fn pool_happened(&mut self, what: PoolHappened, now: Now) {
        let under_way = self.under_way().next().is_some();
        let Some(pool) = &mut self.pool else { return };
        match what {
            PoolHappened::Proved(outcome) => {
                pool.proving = false;
                match outcome {
                    Ok(proven) => self.proven(proven),
                    Err(why) => {
                        pool.why_not = Some(why);
                        let since = *pool.stuck_since.get_or_insert(now.instant);
                        let lasts = now.instant.duration_since(since) >= SOFT_AFTER;
                        // Where nothing is waited for, outdated nodes may have the room that others have not.
                        pool.soft = !pool.soft && !under_way && pool.standing.awaited() == 0 && lasts;
                        pool.prove_again = (!pool.soft).then(|| now.instant + PROVE_AGAIN);
                    }
                }
            }
            PoolHappened::Cordoned(outcomes) => {
                pool.cordoning = false;
                let mut beginning = std::mem::take(&mut pool.beginning);
                for (name, outcome) in outcomes {
                    let at = beginning.iter().position(|node| *node == name);
                    match (outcome, at) {
                        (Ok(_), Some(_)) => self.untold.push(Event::of_node(Kind::Cordoned, &name, "")),
                        (Ok(_), None) => {}
                        (Err(why), Some(at)) => {
                            beginning.remove(at);
                            self.stop(Stop::Failed(format!("node {name} cannot be cordoned: {why}")));
                        }
                        (Err(why), None) => {
                            let text = format!("node {name} cannot be cordoned: {why}");
                            self.untold.push(Event::of_node(Kind::Warning, &name, text));
                        }
                    }
                }
                // Only when all cordons stand: a pod that goes before would find an outdated node that is still open.
                if self.stopping.is_none() {
                    for name in beginning {
                        self.begin_node(&name, now);
                    }
                }
            }
            PoolHappened::Softened => pool.softening = false,
            PoolHappened::Asked(nodes, outcome) => {
                pool.asking = false;
                match outcome {
                    Ok(()) => {}
                    Err(why) => {
                        subtract(&mut pool.record.asked, &nodes);
                        pool.asked_at.clear();
                        self.stop(Stop::Failed(format!("no nodes could be added: {why}")));
                    }
                }
            }
            PoolHappened::Gated(Ok(())) => {
                pool.gate = Gate::Open;
                pool.gate_since = None;
                self.untold.push(Event::of_run(Kind::GatePassed, "all gates have passed"));
            }
            PoolHappened::Gated(Err(why)) => {
                let since = *pool.gate_since.get_or_insert(now.instant);
                self.untold.push(Event::of_run(Kind::GateFailed, format!("a gate has not passed: {why}")));
                if now.instant.duration_since(since) >= pool.record.gate_timeout {
                    pool.gate = Gate::Closed;
                    self.stop(Stop::Failed(format!("a gate has not passed: {why}")));
                } else {
                    pool.gate = Gate::Again(now.instant + GATE_AGAIN);
                }
            }
            PoolHappened::Removed(name, outcome) => {
                let since = pool.removing.remove(&name);
                match outcome {
                    Ok(()) => {
                        // As long as the next one will take.
                        pool.pace.remove =
                            since.map_or(pool.pace.remove, |since| now.instant.duration_since(since).as_secs_f64());
                        if pool.record.replaces() {
                            self.untold.push(Event::of_node(Kind::Removed, &name, ""));
                        }
                        pool.removed.insert(name);
                    }
                    Err(why) => {
                        let event = Event::of_node(Kind::Warning, &name, format!("node {name} is not replaced: {why}"));
                        pool.failed.insert(name, why);
                        self.untold.push(event);
                    }
                }
            }
        }
    }

    /// Takes in what can be begun; it is when its cordons stand.
    fn proven(&mut self, proven: Proven) {
        let Some(pool) = &mut self.pool else { return };
        pool.why_not = None;
        pool.stuck_since = None;
        pool.prove_again = None;
        pool.beginning.clone_from(&proven.begin);
        pool.resumed.retain(|name| !proven.begin.contains(name));
        pool.hard |= !pool.soft;
        self.take_plan(&proven.plan);
    }

    fn begin_node(&mut self, name: &str, now: Now) {
        if let Some(node) = self.nodes.iter_mut().find(|node| node.name == name && node.phase == Phase::Waiting) {
            node.phase = Phase::Draining;
            node.started = Some(now.instant);
            node.cordoned = now;
            node.list_after = now.instant + LIST_AGAIN_AFTER;
        }
    }

    /// Goes on with the pool: one decision.
    pub(super) fn go_on_with_pool(&mut self, snapshot: &Snapshot, now: Now, todo: &mut Vec<Todo>) {
        self.see_gone_nodes(snapshot);
        self.remove_drained(now, todo);
        self.count_failed();
        let standing = self.standing(snapshot, now);
        let Some(pool) = &mut self.pool else { return };
        pool.standing = standing.clone();
        pool.worst_imbalance = pool.worst_imbalance.max(imbalance(&pool.course, &standing.working));
        if self.stopping.is_some() || pool.proving || pool.softening {
            return;
        }
        if !pool.beginning.is_empty() {
            self.cordon_beginning(&standing, snapshot, todo);
            return;
        }
        let idle = standing.in_flight == 0 && standing.leaving == 0 && !pool.asking && !pool.cordoning;
        if self.pausing {
            if idle {
                self.stop(Stop::Paused("a pause was asked for".to_owned()));
            }
            return;
        }
        if !pool.resumed.is_empty() {
            let resumed = pool.resumed.clone();
            self.prove(resumed, &standing, now, todo);
            return;
        }
        match next(&pool.course, &standing) {
            Next::Begin(names) => self.want_to_begin(names, &standing, idle, snapshot, now, todo),
            Next::Ask(zones) => {
                if pool.asking {
                    return;
                }
                let first: Vec<&str> =
                    standing.waiting.iter().take(pool.course.step()).map(|node| node.name.as_str()).collect();
                let seconds = pool.pace.node + pool.outline.together(first);
                if self.is_time(seconds, idle, &standing, now, todo) {
                    let Some(pool) = &mut self.pool else { return };
                    pool.asking = true;
                    pool.awaiting = None;
                    let nodes: usize = zones.values().sum();
                    pool.asked_at.extend(std::iter::repeat_n(now.instant, nodes));
                    // They may be there before the command has ended.
                    add(&mut pool.record.asked, &zones);
                    let places: Vec<String> = zones
                        .iter()
                        .filter(|(zone, _)| !zone.is_empty())
                        .map(|(zone, count)| format!("{count} in {zone}"))
                        .collect();
                    let places = if places.is_empty() { String::new() } else { format!(": {}", places.join(", ")) };
                    let text = format!("{} asked for{places}", count(nodes, "node"));
                    self.untold.push(Event::of_run(Kind::NodesAsked, text));
                    todo.push(Todo::Pool(PoolTodo::Ask(zones)));
                }
            }
            Next::AwaitNodes => self.await_nodes(&standing, snapshot, now),
            Next::Wait | Next::Done => {}
        }
    }

    /// Nodes that are gone from the cluster need nothing any more.
    fn see_gone_nodes(&mut self, snapshot: &Snapshot) {
        let Some(pool) = &mut self.pool else { return };
        for node in &mut self.nodes {
            let is_there = snapshot.nodes.iter().any(|found| found.meta.name == node.name.as_str());
            if !is_there && node.phase == Phase::Waiting {
                node.phase = Phase::Drained;
                pool.resumed.retain(|name| *name != node.name);
                pool.beginning.retain(|name| *name != node.name);
                pool.removed.insert(node.name.clone());
                let text = format!("node {} is gone by itself", node.name);
                self.untold.push(Event::of_node(Kind::Warning, &node.name, text));
            }
        }
    }

    /// What is drained is replaced.
    fn remove_drained(&mut self, now: Now, todo: &mut Vec<Todo>) {
        let Some(pool) = &mut self.pool else { return };
        for node in self.nodes.iter().filter(|node| node.phase == Phase::Drained) {
            let name = &node.name;
            if pool.removing.contains_key(name) || pool.removed.contains(name) || pool.failed.contains_key(name) {
                continue;
            }
            pool.removing.insert(name.clone(), now.instant);
            if pool.record.replaces() {
                self.untold.push(Event::of_node(Kind::Replacing, name, ""));
            }
            let gone = self
                .tasks
                .iter()
                .filter(|task| task.node == *name && matches!(task.state, State::Gone { .. } | State::Going { .. }));
            todo.push(Todo::Pool(PoolTodo::Remove(name.clone(), gone.count())));
        }
    }

    /// More nodes than may have failed stop the run.
    fn count_failed(&mut self) {
        let Some(pool) = &mut self.pool else { return };
        for task in &self.tasks {
            if let State::Failed(why) = &task.state {
                pool.failed.entry(task.node.clone()).or_insert_with(|| format!("pod {}: {why}", task.path()));
            }
        }
        for node in self.nodes.iter().filter(|node| node.phase == Phase::Failed) {
            pool.failed.entry(node.name.clone()).or_insert_with(|| "some of its pods do not go".to_owned());
        }
        let most = pool.record.max_failed_nodes;
        if pool.failed.len() > most {
            let first = pool.failed.iter().next().map(|(node, why)| format!("node {node}: {why}")).unwrap_or_default();
            let allowed = if most == 0 {
                String::new()
            } else {
                format!(" ({} failed, {most} may: --max-failed-nodes)", count(pool.failed.len(), "node"))
            };
            self.stop(Stop::Failed(format!("{first}{allowed}")));
        }
    }

    /// How the pool stands.
    fn standing(&mut self, snapshot: &Snapshot, now: Now) -> Standing {
        let Some(pool) = &mut self.pool else { return Standing::default() };
        let mut standing = Standing {
            leaving: pool.removing.len(),
            cordoned: pool.hard,
            can_ask: pool.record.surge_command.is_some(),
            ..Standing::default()
        };
        let zone = |node: &Node| node.zone().unwrap_or_default().to_owned();
        let members = pool.record.members.nodes(snapshot);
        for known in &self.nodes {
            let name = known.name.as_str();
            let beginning = pool.beginning.iter().any(|node| node == name);
            match known.phase {
                Phase::Waiting if beginning || pool.resumed.iter().any(|node| node == name) => standing.in_flight += 1,
                Phase::Draining | Phase::Listing => standing.in_flight += 1,
                Phase::Waiting => {
                    let Some(node) = snapshot.nodes.iter().find(|node| node.meta.name == name) else { continue };
                    let works = works(node, true);
                    if works {
                        *standing.working.entry(zone(node)).or_default() += 1;
                    }
                    standing.waiting.push(Waiting { name: name.to_owned(), zone: zone(node), works });
                }
                Phase::Drained | Phase::Failed => {}
            }
        }
        let mut ready = BTreeMap::new();
        for node in members {
            let name = node.meta.name.as_str();
            let through = pool.removed.contains(name) || pool.record.replaced.iter().any(|known| known == name);
            let is_outdated = self.nodes.iter().any(|known| known.name == name);
            // A node that was replaced in place comes back under its name, without its cordon.
            if (through && node.unschedulable) || (is_outdated && !through) {
                continue;
            }
            if !works(node, false) {
                continue;
            }
            match pool.record.criterion.why_outdated(node, now.time) {
                Ok(None) => {
                    *ready.entry(zone(node)).or_default() += 1;
                    *standing.working.entry(zone(node)).or_default() += 1;
                }
                Ok(Some(why)) => {
                    if pool.told_outdated.insert(name.to_owned()) {
                        let text = format!("node {name} has come and is outdated too: {why}");
                        self.untold.push(Event::of_node(Kind::Warning, name, text));
                    }
                }
                Err(_) => {}
            }
        }
        subtract(&mut ready, &pool.record.fresh_before);
        let arrived: usize = ready.values().sum();
        if arrived > pool.arrived {
            let text = format!("{} Ready", count(arrived, "new node"));
            self.untold.push(Event::of_run(Kind::NodesReady, text));
            let came = (arrived - pool.arrived).min(pool.asked_at.len());
            if let Some(asked) = pool.asked_at.drain(..came).next() {
                // As long as the next one will take.
                pool.pace.node = now.instant.duration_since(asked).as_secs_f64();
            }
            pool.arrived = arrived;
            pool.stuck_since = None;
        }
        standing.coming = still_to_come(&pool.record.asked, &ready);
        if let Some((nodes, until)) = &pool.doubtful
            && (now.instant >= *until || standing.awaited() == 0)
        {
            // Those that have not come of the zones that were being asked.
            let mut lost = nodes.clone();
            lost.retain(|zone, count| {
                *count = (*count).min(standing.coming.get(zone).copied().unwrap_or_default());
                *count > 0
            });
            pool.doubtful = None;
            subtract(&mut pool.record.asked, &lost);
            subtract(&mut standing.coming, &lost);
            let lost: usize = lost.values().sum();
            if lost > 0 {
                let text =
                    format!("{} that an earlier part of the run may have asked for did not come", count(lost, "node"));
                self.untold.push(Event::of_run(Kind::Warning, text));
            }
        }
        standing
    }
}
