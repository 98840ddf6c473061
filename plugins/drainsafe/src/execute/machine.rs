//! The run as a state machine: what has happened goes in, what is to be done comes out. It knows no network and no
//! clock; both are told.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use patchkit::{
    cluster::{PodRemoval, Removal},
    rules::LabelSelector,
    snapshot::{Snapshot, kinds},
};

use super::{
    OnFailure,
    answers::Answered,
    event::{Event, FailedPod, Kind},
    pool_run::{PoolHappened, PoolRun, PoolTodo},
    record::Surge,
    task::{Choice, How, OwnerKey, State, Task},
    world::Before,
};
use crate::drain::{Action, DrainPlan, PlannedPod};

/// How long after its cordon a node is listed once more at the earliest: a pod that the scheduler was just binding is
/// there by then.
pub(super) const LIST_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// The moment, by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For what we measure.
    pub instant: Instant,
    /// For what the cluster measures.
    pub time: Timestamp,
}

/// What has happened.
#[derive(Debug)]
pub enum Happened {
    /// Pods were noted in a node's entry of the journal, or could not be.
    Noted(String, Result<(), String>),
    /// The API server answered to the removal of the pod with this UID.
    Answered(String, Removal),
    /// The simulation was run again: the plan, or why it does not hold.
    Proved(Result<Box<DrainPlan>, String>),
    /// The UIDs of the pods on a node by a consistent list.
    Listed(String, Result<Vec<String>, String>),
    /// A Deployment was scaled up, or could not be.
    Surged(OwnerKey, Result<(), String>),
    /// A Deployment has its replicas back, or could not be given them.
    Restored(OwnerKey, Result<(), String>),
    /// Something of a pool.
    Pool(PoolHappened),
    /// Somebody asks the run to begin nothing more.
    Pause,
    /// The run is to end in good order, for this reason.
    Stop(Stop),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Todo {
    /// Write these UIDs into the node's entry.
    Note(String, Vec<String>),
    /// Make a pod go.
    Remove(PodRemoval, How),
    /// Run the simulation again: on facts read anew, or for pods that were not there before on those at hand.
    Prove {
        /// Of these nodes.
        nodes: Vec<String>,
        /// Read everything anew first.
        fresh: bool,
    },
    /// List the pods of a node.
    List(String),
    /// Note the surge, then scale the Deployment up.
    Surge(OwnerKey, Surge),
    /// Scale the Deployment back, then forget the surge.
    Restore(OwnerKey, Surge),
    /// Something of a pool.
    Pool(PoolTodo),
    /// Tell people.
    Tell(Event),
}

/// Why a run ends before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Ctrl-C.
    Interrupted,
    /// Something failed.
    Failed(String),
    /// Somebody asked for it, or the maintenance window is over: it is to be gone on with.
    Paused(String),
    /// The lock is lost: nothing more may be written.
    LockLost(String),
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every node was gone through to the end.
    Through,
    /// It stopped before.
    Stopped(Stop),
}

/// What is fixed for a whole run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `--timeout`: how long a node may take.
    pub timeout: Option<Duration>,
    /// `--on-failure`
    pub on_failure: OnFailure,
    /// `--pod-selector`: other pods stay.
    pub pod_selector: Option<LabelSelector>,
    /// What concerns single pods.
    pub choice: Choice,
    /// `--grace-period`; none means each pod's own.
    pub grace_period: Option<i64>,
    /// `--skip-wait-for-delete-timeout`: how many seconds after its deletion was due a pod is not waited for any more;
    /// 0 waits for all.
    pub skip_wait: i64,
    /// When the run was started, on whatever machine.
    pub began: Timestamp,
}

/// How far a node is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Phase {
    /// Its wave has not begun.
    Waiting,
    /// Its pods are made to go.
    Draining,
    /// It is listed once more.
    Listing,
    /// Empty.
    Drained,
    /// Some pod does not go.
    Failed,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub name: String,
    pub wave: usize,
    pub unreachable: bool,
    pub phase: Phase,
    pub cordoned: Now,
    pub started: Option<Instant>,
    /// UIDs of pods that stay.
    pub stays: HashSet<String>,
    /// Its entry is being written.
    pub noting: bool,
    /// Its volumes were told of.
    pub told_volumes: bool,
    pub list_after: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    None,
    Asked,
    Holds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raised {
    /// An earlier part of this run was about to scale it up, and may have ended before it did.
    Noted,
    /// It is being scaled up.
    Asked,
    /// It was scaled up.
    Up,
    /// It is being scaled back.
    Lowering,
}

/// A run.
pub struct Machine {
    pub(super) settings: Settings,
    pub(super) nodes: Vec<Node>,
    pub(super) tasks: Vec<Task>,
    pub(super) by_uid: HashMap<String, usize>,
    /// The wave whose simulation holds; 0 before the first.
    pub(super) wave: usize,
    pub(super) proof: Proof,
    /// A plan for pods that were not there before was asked for.
    pub(super) proving_late: bool,
    pub(super) surges: BTreeMap<OwnerKey, (Surge, Raised)>,
    pub(super) wanted_before: HashMap<OwnerKey, i64>,
    /// None until there is sight.
    pub(super) before: Option<Arc<Before>>,
    pub(super) stopping: Option<Stop>,
    pub(super) over_since: Option<Instant>,
    pub(super) replaced: HashSet<OwnerKey>,
    pub(super) not_replaced: Option<Vec<FailedPod>>,
    pub(super) wake: Option<Instant>,
    /// Events that came up while something was taken in, and are told with the next decision.
    pub(super) untold: Vec<Event>,
    /// What a pool needs beside its drains; none where nodes are drained and no more.
    pub(super) pool: Option<PoolRun>,
    /// Nothing more is begun.
    pub(super) pausing: bool,
    /// Evictions and deletions that were asked for, refused ones included.
    pub attempted: usize,
    /// Those that were granted.
    pub granted: usize,
}

impl Machine {
    /// A run of this plan, over nodes that are cordoned.
    #[must_use]
    pub fn new(settings: Settings, plan: &DrainPlan, cordoned: &BTreeMap<String, Timestamp>, now: Now) -> Self {
        let nodes = plan
            .nodes
            .iter()
            .map(|node| Node {
                name: node.name.clone(),
                wave: node.wave,
                unreachable: node.unreachable,
                phase: Phase::Waiting,
                cordoned: Now { time: cordoned.get(&node.name).copied().unwrap_or(now.time), ..now },
                started: None,
                stays: HashSet::new(),
                noting: false,
                told_volumes: false,
                list_after: now.instant + LIST_AGAIN_AFTER,
            })
            .collect();
        let mut machine = Self {
            settings,
            nodes,
            tasks: Vec::new(),
            by_uid: HashMap::new(),
            wave: 0,
            proof: Proof::None,
            proving_late: false,
            surges: BTreeMap::new(),
            wanted_before: HashMap::new(),
            before: None,
            stopping: None,
            over_since: None,
            replaced: HashSet::new(),
            not_replaced: None,
            wake: None,
            untold: Vec::new(),
            pool: None,
            pausing: false,
            attempted: 0,
            granted: 0,
        };
        machine.take_plan(plan);
        machine
    }

    /// Deployments that an earlier part of this run has scaled up, or was about to.
    pub fn go_on_with(&mut self, surges: &[Surge]) {
        for surge in surges {
            let owner = OwnerKey {
                namespace: surge.namespace.clone(),
                kind: "Deployment".to_owned(),
                name: surge.name.clone(),
            };
            self.surges.insert(owner, (surge.clone(), Raised::Noted));
        }
    }

    /// Takes in what has happened.
    pub fn happened(&mut self, what: Happened, now: Now) {
        match what {
            Happened::Noted(node, outcome) => self.noted(&node, outcome, now.instant),
            Happened::Answered(uid, removal) => {
                let Some(&at) = self.by_uid.get(&uid) else { return };
                match self.tasks[at].answered(removal, now.instant) {
                    Answered::Quietly => {}
                    Answered::Granted => {
                        self.granted += 1;
                        self.tell(at, Kind::Granted, "");
                    }
                    Answered::Refused(kind, why) => self.tell(at, kind, &why),
                    Answered::Failed(why) => self.fail(at, why),
                }
            }
            Happened::Proved(Ok(plan)) => {
                self.take_plan(&plan);
                if self.proof == Proof::Asked {
                    self.proof = Proof::Holds;
                }
                self.proving_late = false;
            }
            Happened::Proved(Err(why)) => {
                self.proving_late = false;
                self.stop(Stop::Failed(format!("the plan does not hold any more: {why}")));
            }
            Happened::Listed(node, outcome) => self.listed(&node, outcome, now.instant),
            Happened::Surged(owner, outcome) => self.surged(owner, outcome),
            Happened::Restored(owner, Ok(())) => {
                let text = format!("{owner} has its replicas back");
                self.surges.remove(&owner);
                self.untold.push(Event::of_run(Kind::Restored, text));
            }
            Happened::Restored(owner, Err(why)) => {
                self.untold.push(Event::of_run(Kind::Warning, format!("{owner} cannot be scaled back: {why}")));
                if let Some((_, raised)) = self.surges.get_mut(&owner) {
                    *raised = Raised::Up;
                }
                self.stop(Stop::Failed(format!("{owner} cannot be scaled back: {why}")));
            }
            Happened::Pool(what) => self.pool_happened(what, now),
            Happened::Pause => self.pausing = true,
            Happened::Stop(why) => self.stop(why),
        }
    }

    /// Nodes that are begun and not through.
    pub(super) fn under_way(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| matches!(node.phase, Phase::Draining | Phase::Listing))
    }

    fn noted(&mut self, node: &str, outcome: Result<(), String>, now: Instant) {
        if let Some(node) = self.nodes.iter_mut().find(|known| known.name == node) {
            node.noting = false;
        }
        let mut failed = None;
        for task in self.tasks.iter_mut().filter(|task| task.node == node && task.state == State::Noting) {
            match &outcome {
                Ok(()) => task.state = State::Noted,
                Err(why) => {
                    task.state = State::Waiting;
                    if let Some(why) = task.troubled(format!("the journal cannot be written: {why}"), now) {
                        failed = Some(why);
                    }
                }
            }
        }
        if let Some(why) = failed {
            self.stop(Stop::Failed(why));
        }
    }

    fn surged(&mut self, owner: OwnerKey, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => {
                if let Some((surge, raised)) = self.surges.get_mut(&owner) {
                    *raised = Raised::Up;
                    let text = format!("{owner} scaled from {} to {}", surge.from, surge.to);
                    self.untold.push(Event::of_run(Kind::Surged, text));
                }
            }
            Err(why) => {
                self.surges.remove(&owner);
                for at in 0..self.tasks.len() {
                    if self.tasks[at].owner.as_ref() == Some(&owner) && !self.tasks[at].is_over() {
                        self.fail(at, format!("{owner} cannot be scaled up: {why}"));
                    }
                }
            }
        }
    }

    /// Ends the run in good order: what is under way is waited for, nothing more is begun. The first reason counts, but
    /// for the loss of the lock.
    pub(super) fn stop(&mut self, why: Stop) {
        if self.stopping.is_none() || matches!(why, Stop::LockLost(_)) {
            self.stopping = Some(why);
        }
    }

    pub(super) fn fail(&mut self, at: usize, why: String) {
        self.tell(at, Kind::Failed, &why);
        let task = &mut self.tasks[at];
        let text = format!("pod {}: {why}", task.path());
        task.state = State::Failed(why);
        if self.settings.on_failure != OnFailure::Continue {
            self.stop(Stop::Failed(text));
        }
    }

    pub(super) fn tell(&mut self, at: usize, kind: Kind, detail: &str) {
        let task = &self.tasks[at];
        self.untold.push(Event::of_pod(kind, &task.node, task.path(), detail));
    }

    /// Takes in pods that a plan knows and this run does not yet.
    pub(super) fn take_plan(&mut self, plan: &DrainPlan) {
        for pod in &plan.pods {
            let Some(at) = self.nodes.iter().position(|node| node.name == pod.node) else { continue };
            if self.by_uid.contains_key(&pod.uid) || self.nodes[at].stays.contains(&pod.uid) {
                continue;
            }
            let chain = pod.group.and_then(|group| plan.groups.get(group)).and_then(|group| group.predicted_seconds);
            let chain = chain.unwrap_or_else(|| u64::try_from(pod.grace_period_seconds).unwrap_or_default());
            match Task::of(pod, self.settings.grace_period, self.settings.choice, chain) {
                Some(task) => {
                    self.by_uid.insert(pod.uid.clone(), self.tasks.len());
                    self.tasks.push(task);
                }
                None => self.stays(at, pod),
            }
        }
    }

    fn stays(&mut self, at: usize, pod: &PlannedPod) {
        let node = &mut self.nodes[at];
        node.stays.insert(pod.uid.clone());
        if pod.action == Action::Blocked {
            let name = node.name.clone();
            node.phase = Phase::Failed;
            self.untold.push(Event::of_pod(Kind::Failed, &name, pod.path(), pod.reason.clone()));
            if self.settings.on_failure != OnFailure::Continue {
                self.stop(Stop::Failed(format!("pod {}: {}", pod.path(), pod.reason)));
            }
        }
    }

    /// Decides what is to be done now, from the facts of this moment.
    pub fn decide(&mut self, snapshot: &Snapshot, now: Now) -> Vec<Todo> {
        self.wake = None;
        let mut todo = Vec::new();
        // Without sight nothing is concluded: a pod that is not seen is not gone.
        if snapshot.why_unknown(&kinds::PODS).is_none() {
            self.before.get_or_insert_with(|| Arc::new(Before::of(snapshot, self.settings.began)));
            self.see_nodes(snapshot);
            self.see(snapshot, now);
            self.time_out(now);
            if self.stopping.is_none() {
                self.find_late(snapshot, &mut todo);
                if self.pool.is_some() {
                    self.go_on_with_pool(snapshot, now, &mut todo);
                } else {
                    self.begin_wave(now, &mut todo);
                }
                self.ask(snapshot, now, &mut todo);
                self.lower(&mut todo);
                self.finish_nodes(snapshot, now, &mut todo);
                self.verify(snapshot, now);
            }
        }
        let told = self.untold.drain(..).map(Todo::Tell);
        // What is told explains what is done after it.
        told.chain(todo).collect()
    }

    /// When to decide again, though nothing has happened.
    #[must_use]
    pub const fn wake(&self) -> Option<Instant> {
        self.wake
    }

    pub(super) fn wake_at(&mut self, at: Instant) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    /// How the run has ended; none where it has not.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        let busy = self.tasks.iter().any(Task::is_under_way)
            || self.pool.as_ref().is_some_and(PoolRun::is_busy)
            || self.surges.values().any(|(_, raised)| matches!(raised, Raised::Asked | Raised::Lowering));
        if let Some(stop) = &self.stopping {
            return (!busy || matches!(stop, Stop::LockLost(_))).then(|| Outcome::Stopped(stop.clone()));
        }
        (self.not_replaced.is_some() && self.surges.is_empty()).then_some(Outcome::Through)
    }

    /// Scales a Deployment back as soon as its pod has been asked to go.
    fn lower(&mut self, todo: &mut Vec<Todo>) {
        let mut lower = Vec::new();
        for (owner, (surge, raised)) in &self.surges {
            let needed = self.tasks.iter().any(|task| {
                task.owner.as_ref() == Some(owner)
                    && !matches!(task.state, State::Going { .. } | State::Gone { .. } | State::Failed(_))
            });
            if matches!(raised, Raised::Up | Raised::Noted) && !needed {
                lower.push((owner.clone(), surge.clone()));
            }
        }
        for (owner, surge) in lower {
            if let Some((_, raised)) = self.surges.get_mut(&owner) {
                *raised = Raised::Lowering;
            }
            todo.push(Todo::Restore(owner, surge));
        }
    }

    /// The nodes that are empty, and those that are not.
    #[must_use]
    pub fn nodes_by_end(&self) -> (Vec<String>, Vec<String>) {
        let names = |drained: bool| {
            let those = self.nodes.iter().filter(|node| (node.phase == Phase::Drained) == drained);
            those.map(|node| node.name.clone()).collect()
        };
        (names(true), names(false))
    }

    /// Pods that did not go, and replacements that are not available.
    #[must_use]
    pub fn failures(&self) -> (Vec<FailedPod>, Vec<FailedPod>) {
        let failed = self.tasks.iter().filter_map(|task| match &task.state {
            State::Failed(why) => Some(FailedPod { pod: task.path(), node: Some(task.node.clone()), why: why.clone() }),
            _ => None,
        });
        (failed.collect(), self.not_replaced.clone().unwrap_or_default())
    }
}
