//! What is under way of a pool's update, from the journal on; what is best next is decided by `crate::pool`.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use patchkit::rules::window::Window;

use super::{
    PoolRecord,
    event::{PoolSummary, Readiness},
    machine::Todo,
    record::NodeRecord,
    task::OwnerKey,
    world::World,
};
use crate::pool::{Course, Hours, Outline, Pace, Proven, Question, Standing, hours};

/// How long nodes are waited for at least of which it is not known whether they were asked for.
const DOUBT: Duration = Duration::from_secs(10);

/// What has happened to a pool.
#[derive(Debug)]
pub enum PoolHappened {
    /// Nodes can be begun, or why not.
    Proved(Result<Proven, String>),
    /// Nodes are cordoned, each with its entry of the journal, or why not.
    Cordoned(Vec<(String, Result<NodeRecord, String>)>),
    /// The cordons of nodes that were not begun are lifted.
    Softened,
    /// Nodes were asked for in these zones, or why they could not be.
    Asked(BTreeMap<String, usize>, Result<(), String>),
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
    /// Cordon these nodes, in rounds.
    Cordon(Vec<Vec<String>>),
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
pub(super) enum Gate {
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
    pub(super) windows: Vec<Window>,
    /// Nodes that an earlier part of this run had begun: they go on first.
    pub(super) resumed: Vec<String>,
    /// A proof is under way.
    pub(super) proving: bool,
    /// Outdated nodes may take pods: it was not proven that the others have room.
    pub(super) soft: bool,
    pub(super) prove_again: Option<Instant>,
    pub(super) why_not: Option<String>,
    pub(super) stuck_since: Option<Instant>,
    /// Outdated nodes are cordoned.
    pub(super) hard: bool,
    pub(super) softening: bool,
    /// Proven, and begun when their cordons stand.
    pub(super) beginning: Vec<String>,
    pub(super) cordoning: bool,
    pub(super) asking: bool,
    /// When each node was asked for that has not come yet, the earliest first.
    pub(super) asked_at: VecDeque<Instant>,
    /// Nodes that an earlier part of the run may have asked for, and until when they are waited for.
    pub(super) doubtful: Option<(BTreeMap<String, usize>, Instant)>,
    pub(super) awaiting: Option<(usize, Instant)>,
    pub(super) gate: Gate,
    pub(super) gate_since: Option<Instant>,
    pub(super) removing: BTreeMap<String, Instant>,
    pub(super) removed: BTreeSet<String>,
    pub(super) failed: BTreeMap<String, String>,
    /// How the pool stood last.
    pub(super) standing: Standing,
    pub(super) told_window: Option<String>,
    /// New nodes that are outdated as well, and were told of.
    pub(super) told_outdated: BTreeSet<String>,
    pub(super) arrived: usize,
    /// Pods that an earlier part of this run has moved from nodes that were not through.
    pub(super) moved_before: usize,
    pub(super) lowest: BTreeMap<OwnerKey, (i64, i64)>,
    pub(super) worst_imbalance: usize,
    pub(super) waves: usize,
}

/// Adds nodes by zone to others.
pub(super) fn add(nodes: &mut BTreeMap<String, usize>, more: &BTreeMap<String, usize>) {
    for (zone, count) in more {
        *nodes.entry(zone.clone()).or_default() += count;
    }
}

/// Takes nodes by zone from others.
pub(super) fn subtract(nodes: &mut BTreeMap<String, usize>, less: &BTreeMap<String, usize>) {
    for (zone, count) in less {
        nodes.entry(zone.clone()).and_modify(|nodes| *nodes = nodes.saturating_sub(*count));
    }
    nodes.retain(|_, count| *count > 0);
}

/// What is still to come in each zone of what was asked for there. What has come elsewhere instead is not waited for.
pub(super) fn still_to_come(
    asked: &BTreeMap<String, usize>,
    arrived: &BTreeMap<String, usize>,
) -> BTreeMap<String, usize> {
    let mut coming = asked.clone();
    subtract(&mut coming, arrived);
    let mut elsewhere = arrived.clone();
    subtract(&mut elsewhere, asked);
    let mut elsewhere: usize = elsewhere.values().sum();
    for count in coming.values_mut() {
        let instead = elsewhere.min(*count);
        *count -= instead;
        elsewhere -= instead;
    }
    coming.retain(|_, count| *count > 0);
    coming
}

impl PoolRun {
    /// From the journal. `begun` are nodes that an earlier part of the run had begun, from which it had moved so many pods.
    #[must_use]
    pub fn new(
        mut record: PoolRecord,
        windows: Vec<Window>,
        outline: Outline,
        pace: Pace,
        begun: Vec<String>,
        moved_before: usize,
    ) -> Self {
        let patience = DOUBT.max(Duration::from_secs_f64(3.0 * pace.node)).min(record.surge_timeout);
        let asking = std::mem::take(&mut record.asking);
        add(&mut record.asked, &asking);
        let doubtful = (!asking.is_empty()).then(|| (asking, Instant::now() + patience));
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
            cordoning: false,
            asking: false,
            asked_at: VecDeque::new(),
            doubtful,
            awaiting: None,
            gate: Gate::Open,
            gate_since: None,
            removing: BTreeMap::new(),
            removed: BTreeSet::new(),
            failed: BTreeMap::new(),
            standing: Standing::default(),
            told_window: None,
            told_outdated: BTreeSet::new(),
            arrived: 0,
            moved_before,
            lowest: BTreeMap::new(),
            worst_imbalance: 0,
            waves: 0,
        }
    }

    /// Whether something is under way that must come to its end before the run does.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.asking || self.softening || !self.removing.is_empty() || self.cordoning
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
        let moves = self.record.moved + self.moved_before + moves;
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

    pub(super) fn hours(&self, now: Timestamp, seconds: f64) -> Hours {
        hours(&self.windows, self.record.opening(), now, Duration::from_secs_f64(seconds.max(0.0)))
    }

    /// Outdated nodes that were not begun take pods again.
    pub(super) fn soften(&mut self, standing: &Standing, todo: &mut Vec<Todo>) {
        self.hard = false;
        self.softening = true;
        let waiting = standing.waiting.iter().map(|node| node.name.clone()).collect();
        todo.push(Todo::Pool(PoolTodo::Soften(waiting)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_come_elsewhere_is_not_waited_for() {
        let zones = |nodes: &[(&str, usize)]| nodes.iter().map(|(zone, count)| ((*zone).to_owned(), *count)).collect();
        let asked: BTreeMap<String, usize> = zones(&[("a", 2), ("b", 2)]);
        for (arrived, expected) in [
            (vec![], vec![("a", 2), ("b", 2)]),
            (vec![("a", 2), ("b", 1)], vec![("b", 1)]),
            (vec![("a", 3)], vec![("b", 1)]),
            (vec![("c", 1)], vec![("a", 1), ("b", 2)]),
            (vec![("a", 2), ("b", 9)], vec![]),
        ] {
            assert_eq!(still_to_come(&asked, &zones(&arrived)), zones(&expected), "{arrived:?}");
        }
    }
}
