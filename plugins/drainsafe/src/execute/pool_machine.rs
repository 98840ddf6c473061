//! The update of a pool as a part of the machine: when nodes are begun, asked for, cordoned and replaced. What is best
//! next is decided by `crate::pool`; here it is kept what is under way.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use patchkit::{
    report::words::{count, summary},
    rules::window::Window,
    snapshot::{Snapshot, objects::node::Node},
};

use super::{
    PoolRecord,
    event::{Event, Kind, PoolSummary, Readiness},
    machine::{LIST_AGAIN_AFTER, Machine, Now, Phase, Stop, Todo},
    record::NodeRecord,
    task::{OwnerKey, State},
    world::World,
};
use crate::pool::{
    Course, Hours, Next, Outline, Outside, Pace, Proven, Question, Standing, Waiting, hours, imbalance, next, works,
};

/// How often a proof that did not hold is tried again, and a gate that did not pass.
const PROVE_AGAIN: Duration = Duration::from_secs(2);
/// For how long it is hoped that nodes which are not outdated have room, before outdated ones take pods.
const SOFT_AFTER: Duration = Duration::from_secs(6);
/// How long nodes are waited for at least of which it is not known whether they were asked for.
const DOUBT: Duration = Duration::from_secs(10);
const GATE_AGAIN: Duration = Duration::from_secs(5);

/// What has happened to a pool.
#[derive(Debug)]
pub enum PoolHappened {
    /// Nodes can be begun, or why not.
    Proved(Result<Proven, String>),
    /// A node is cordoned, with its entry of the journal, or why not.
    Cordoned(String, Result<Box<NodeRecord>, String>),
    /// The cordons of nodes that were not begun are lifted.
    Softened,
    /// So many nodes were asked for, or why they could not be.
    Asked(usize, Result<(), String>),
    /// All gates have passed, or which has not, and why.
    Gated(Result<(), String>),
    /// A drained node is replaced or removed, or why not.
    Removed(String, Result<(), String>),
}

/// What is to be done with a pool.
#[derive(Clone, Debug, PartialEq)]
pub enum PoolTodo {
    /// Find out whether nodes can be begun.
    Prove(Question),
    /// Cordon these nodes.
    Cordon(Vec<String>),
    /// Lift the cordons of these nodes, which were not begun.
    Soften(Vec<String>),
    /// Ask for nodes in these zones.
    Ask(BTreeMap<String, usize>),
    /// Run the gates.
    Gate,
    /// Replace or remove a drained node, from which so many pods were made to go.
    Remove(String, usize),
}

/// How far the gates are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    /// Nothing needs to be asked.
    Open,
    /// They have to be asked.
    Closed,
    /// They are being asked.
    Asking,
    /// They have not passed, and are asked again then.
    Again(Instant),
}

/// The update of a pool.
pub struct PoolRun {
    pub(super) record: PoolRecord,
    pub(super) course: Course,
    pub(super) outline: Outline,
    pub(super) pace: Pace,
    windows: Vec<Window>,
    /// Nodes that an earlier part of this run had begun: they go on first.
    resumed: Vec<String>,
    /// A proof is under way, and whether outdated nodes are shunned in it.
    proving: bool,
    /// Outdated nodes may take pods: it was not proven that the others have room.
    soft: bool,
    prove_again: Option<Instant>,
    why_not: Option<String>,
    stuck_since: Option<Instant>,
    /// Outdated nodes are cordoned.
    hard: bool,
    softening: bool,
    /// Proven, and begun when their cordons stand.
    beginning: Vec<String>,
    cordoning: BTreeSet<String>,
    asking: bool,
    /// Nodes that an earlier part of the run may have asked for, and until when they are waited for.
    doubtful: Option<(usize, Instant)>,
    awaiting: Option<(usize, Instant)>,
    gate: Gate,
    gate_since: Option<Instant>,
    removing: BTreeSet<String>,
    removed: BTreeSet<String>,
    failed: BTreeMap<String, String>,
    told_window: Option<String>,
    /// New nodes that are outdated as well, and were told of.
    told_outdated: BTreeSet<String>,
    pub(super) arrived: usize,
    lowest: BTreeMap<OwnerKey, (i64, i64)>,
    worst_imbalance: usize,
    waves: usize,
}

impl PoolRun {
    /// From the journal. `begun` are nodes that an earlier part of the run had begun.
    #[must_use]
    pub fn new(mut record: PoolRecord, windows: Vec<Window>, outline: Outline, pace: Pace, begun: Vec<String>) -> Self {
        let patience = DOUBT.max(Duration::from_secs_f64(3.0 * pace.node)).min(record.surge_timeout);
        let doubtful = (record.asking > 0).then(|| (record.asking, Instant::now() + patience));
        record.asked += std::mem::take(&mut record.asking);
        Self {
            course: record.course(),
            record,
            outline,
            pace,
            windows,
            resumed: begun,
            proving: false,
            soft: false,
            prove_again: None,
            why_not: None,
            stuck_since: None,
            hard: false,
            softening: false,
            beginning: Vec::new(),
            cordoning: BTreeSet::new(),
            asking: false,
            doubtful,
            awaiting: None,
            gate: Gate::Open,
            gate_since: None,
            removing: BTreeSet::new(),
            removed: BTreeSet::new(),
            failed: BTreeMap::new(),
            told_window: None,
            told_outdated: BTreeSet::new(),
            arrived: 0,
            lowest: BTreeMap::new(),
            worst_imbalance: 0,
            waves: 0,
        }
    }

    /// Whether something is under way that must come to its end before the run does.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.asking || self.softening || !self.removing.is_empty() || !self.cordoning.is_empty()
    }

    /// Takes how many pods of each workload are Ready at this moment.
    pub(super) fn sample(&mut self, world: &World<'_>) {
        for (owner, ready, wanted) in world.readiness() {
            match self.lowest.get_mut(owner) {
                Some(lowest) if ready < lowest.0 => *lowest = (ready, wanted),
                Some(_) => {}
                None => {
                    self.lowest.insert(owner.clone(), (ready, wanted));
                }
            }
        }
    }

    /// The workload that has had the smallest share of its pods Ready.
    pub(super) fn worst(&self) -> Option<Readiness> {
        let share = |(ready, wanted): (i64, i64)| ready as f64 / wanted.max(1) as f64;
        let (owner, worst) = self.lowest.iter().min_by(|(_, a), (_, b)| share(**a).total_cmp(&share(**b)))?;
        Some(Readiness { workload: owner.to_string(), ready: worst.0, wanted: worst.1 })
    }

    /// Nodes that are through, of this part of the run and earlier ones.
    pub(super) fn replaced(&self) -> Vec<String> {
        let earlier = self.record.replaced.iter().filter(|name| !self.removed.contains(*name));
        earlier.chain(&self.removed).cloned().collect()
    }

    /// What it came to; `moves` are those of this part of the run.
    pub(super) fn summary(&self, outdated: usize, moves: usize) -> PoolSummary {
        let moves = self.record.moved + moves;
        PoolSummary {
            name: self.record.members.title(),
            outdated,
            replaced: self.replaced(),
            added: self.arrived,
            pods: self.record.pods,
            moves,
            moves_per_pod: if self.record.pods == 0 { 0.0 } else { moves as f64 / self.record.pods as f64 },
            lowest_readiness: self
                .lowest
                .iter()
                .filter(|(_, (ready, wanted))| ready < wanted)
                .map(|(owner, (ready, wanted))| Readiness {
                    workload: owner.to_string(),
                    ready: *ready,
                    wanted: *wanted,
                })
                .collect(),
            zone_imbalance: self.worst_imbalance,
            predicted_seconds: self.record.predicted_seconds,
        }
    }

    fn hours(&self, now: Timestamp, seconds: f64) -> Hours {
        hours(&self.windows, self.record.opening(), now, Duration::from_secs_f64(seconds.max(0.0)))
    }
}

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
                        pool.soft = !pool.soft && !under_way && lasts;
                        pool.prove_again = (!pool.soft).then(|| now.instant + PROVE_AGAIN);
                    }
                }
            }
            PoolHappened::Cordoned(name, outcome) => {
                pool.cordoning.remove(&name);
                let beginning = pool.beginning.iter().position(|node| *node == name);
                match (outcome, beginning) {
                    (Ok(_), Some(_)) => self.untold.push(Event::of_node(Kind::Cordoned, &name, "")),
                    (Ok(_), None) => {}
                    (Err(why), Some(at)) => {
                        pool.beginning.remove(at);
                        self.stop(Stop::Failed(format!("node {name} cannot be cordoned: {why}")));
                    }
                    (Err(why), None) => {
                        let text = format!("node {name} cannot be cordoned: {why}");
                        self.untold.push(Event::of_node(Kind::Warning, &name, text));
                    }
                }
                // Only when all cordons stand: a pod that goes before would find an outdated node that is still open.
                if self.stopping.is_none()
                    && let Some(pool) = self.pool.as_mut().filter(|pool| pool.cordoning.is_empty())
                {
                    for name in std::mem::take(&mut pool.beginning) {
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
                        pool.record.asked = pool.record.asked.saturating_sub(nodes);
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
                pool.removing.remove(&name);
                match outcome {
                    Ok(()) => {
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
        self.remove_drained(todo);
        self.count_failed();
        let standing = self.standing(snapshot, now);
        let Some(pool) = &mut self.pool else { return };
        pool.worst_imbalance = pool.worst_imbalance.max(imbalance(&pool.course, &standing.working));
        if self.stopping.is_some() || pool.proving || pool.softening {
            return;
        }
        if !pool.beginning.is_empty() {
            self.cordon_beginning(&standing, todo);
            return;
        }
        let idle = standing.in_flight == 0 && standing.leaving == 0 && !pool.asking && pool.cordoning.is_empty();
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
                    // They may be there before the command has ended.
                    pool.record.asked += nodes;
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
    fn remove_drained(&mut self, todo: &mut Vec<Todo>) {
        let Some(pool) = &mut self.pool else { return };
        for node in self.nodes.iter().filter(|node| node.phase == Phase::Drained) {
            let name = &node.name;
            if pool.removing.contains(name) || pool.removed.contains(name) || pool.failed.contains_key(name) {
                continue;
            }
            pool.removing.insert(name.clone());
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
        let mut ready = 0;
        for node in members {
            let name = node.meta.name.as_str();
            let through = pool.removed.contains(name) || pool.record.replaced.iter().any(|known| known == name);
            let is_outdated = self.nodes.iter().any(|known| known.name == name);
            // A node that was replaced in place comes back under its name, without its cordon.
            if (through && node.unschedulable) || (is_outdated && !through) {
                continue;
            }
            *standing.fresh.entry(zone(node)).or_default() += 1;
            if !works(node, false) {
                continue;
            }
            match pool.record.criterion.why_outdated(node, now.time) {
                Ok(None) => {
                    ready += 1;
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
        let arrived = ready_beyond(ready, pool.record.fresh_before);
        if arrived > pool.arrived {
            let text = format!("{} Ready", count(arrived, "new node"));
            self.untold.push(Event::of_run(Kind::NodesReady, text));
            pool.arrived = arrived;
            pool.stuck_since = None;
        }
        standing.coming = pool.record.asked.saturating_sub(arrived);
        if let Some((nodes, until)) = pool.doubtful
            && (now.instant >= until || standing.coming == 0)
        {
            let lost = nodes.min(standing.coming);
            pool.doubtful = None;
            pool.record.asked -= lost;
            standing.coming -= lost;
            if lost > 0 {
                let text =
                    format!("{} that an earlier part of the run may have asked for did not come", count(lost, "node"));
                self.untold.push(Event::of_run(Kind::Warning, text));
            }
        }
        standing
    }

    /// Gates, time and proof, in this order: what may change is asked last.
    fn want_to_begin(
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
            let half = names.len() / 2;
            let step = pool.course.step();
            names.truncate(if half > step { half - half % step } else { half });
        }
        let seconds = seconds(&names);
        if self.is_time(seconds, idle, standing, now, todo) {
            self.prove(names, standing, now, todo);
        }
    }

    fn prove(&mut self, names: Vec<String>, standing: &Standing, now: Now, todo: &mut Vec<Todo>) {
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
            pool.hard = false;
            pool.softening = true;
            let waiting: Vec<String> = standing.waiting.iter().map(|node| node.name.clone()).collect();
            todo.push(Todo::Pool(PoolTodo::Soften(waiting)));
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
    fn cordon_beginning(&mut self, standing: &Standing, todo: &mut Vec<Todo>) {
        let Some(pool) = &mut self.pool else { return };
        if !pool.cordoning.is_empty() {
            return;
        }
        let mut names = pool.beginning.clone();
        pool.waves += 1;
        let text = format!("wave {}: {}", pool.waves, summary(&names));
        if pool.hard {
            names.extend(standing.waiting.iter().map(|node| node.name.clone()));
        }
        pool.cordoning.extend(names.iter().cloned());
        pool.soft = false;
        pool.gate = Gate::Closed;
        self.untold.push(Event::of_run(Kind::Wave, text));
        todo.push(Todo::Pool(PoolTodo::Cordon(names)));
    }

    /// Whether what takes so long may begin now. Where it may not, and nothing is under way, outdated nodes take pods
    /// again, and the run waits or ends.
    fn is_time(&mut self, seconds: f64, idle: bool, standing: &Standing, now: Now, todo: &mut Vec<Todo>) -> bool {
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
            pool.hard = false;
            pool.softening = true;
            let waiting = standing.waiting.iter().map(|node| node.name.clone()).collect();
            todo.push(Todo::Pool(PoolTodo::Soften(waiting)));
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
    fn await_nodes(&mut self, standing: &Standing, snapshot: &Snapshot, now: Now) {
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
        let expected = if standing.coming > 0 { standing.coming } else { pool.course.step() };
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

fn ready_beyond(ready: usize, before: usize) -> usize {
    ready.saturating_sub(before)
}
