//! A run from its first write to its last: cordon, drain, and leave the nodes as the end demands.

use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

use patchkit::{
    app::Interrupt,
    cluster::{Cluster, ClusterError, ErrorKind},
    report::{Exit, words::count},
    rules::window::Window,
    snapshot::{LiveSnapshot, Snapshot},
};
use tokio::task::JoinSet;

use super::{
    OnFailure, PoolRecord,
    driver::{Driver, PATIENCE, change_node, now, restore},
    event::{Event, Kind, Summary},
    lock::{Lock, LockError},
    machine::{Machine, Outcome, Settings, Stop},
    node::{Cordon, NodeObject},
    pool_run::PoolRun,
    record::{NodePhase, NodeRecord, RunRecord},
    task::Choice,
    view::View,
};
use crate::{
    drain::DrainPlan,
    pool::{Outline, Pace},
};

/// Everything that a run is made of.
pub struct Run<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The lock, which is held.
    pub lock: Lock,
    /// The entry of the run.
    pub record: RunRecord,
    /// The facts that the plan was made from.
    pub snapshot: Snapshot,
    /// The plan.
    pub plan: DrainPlan,
    /// Where it is shown.
    pub view: &'a mut View,
    /// Ctrl-C.
    pub interrupt: &'a mut Interrupt,
    /// What the update of a pool needs beside it.
    pub pool: Option<PoolPart>,
}

/// What the update of a pool needs beside the drains.
pub struct PoolPart {
    /// Its entry in the journal.
    pub record: PoolRecord,
    /// The maintenance windows.
    pub windows: Vec<Window>,
    /// The pods of the outdated nodes.
    pub outline: Outline,
    /// How fast nodes come.
    pub pace: Pace,
}

/// Why a run could not begin. What had been cordoned is as it was before.
#[derive(Debug, thiserror::Error)]
#[error("node {node} cannot be cordoned or marked: {why}")]
pub struct NotCordoned {
    node: String,
    why: String,
}

impl Run<'_> {
    /// Carries it out, and says how the command ends.
    ///
    /// # Errors
    /// Where a node cannot be cordoned, or shunned.
    pub async fn carry_out(mut self) -> Result<Exit, NotCordoned> {
        let began = Instant::now();
        let records = self.take_nodes().await?;
        let times = records.iter().filter_map(|(node, record)| Some((node.clone(), record.since?))).collect();
        let options = &self.record.flags.options;
        let settings = Settings {
            timeout: options.deadline(),
            pod_selector: options.pod_selector.clone(),
            on_failure: self.record.flags.on_failure,
            choice: Choice { surge: options.surge_singletons, allow_pending: options.allow_pending },
            grace_period: (options.grace_period >= 0).then_some(options.grace_period),
            skip_wait: i64::from(options.skip_wait_for_delete_timeout),
            began: self.record.since.unwrap_or_else(|| now().time),
        };
        let mut machine = Machine::new(settings, &self.plan, &times, now());
        machine.go_on_with(&self.record.surges);
        let mut patience = PATIENCE;
        if let Some(pool) = self.pool.take() {
            let begun = records.iter().filter(|(_, record)| record.phase.is_begun()).map(|(node, _)| node.clone());
            // What a command has begun is brought to its end.
            patience = patience.max(pool.record.command_timeout);
            let moved = moved_before(&records, &self.snapshot);
            machine.of_pool(PoolRun::new(pool.record, pool.windows, pool.outline, pool.pace, begun.collect(), moved));
        }
        let mut driver = Driver {
            cluster: self.cluster,
            lock: self.lock.clone(),
            live: LiveSnapshot::new(std::mem::take(&mut self.snapshot)),
            options,
            records,
            fresh: fresh(&self.record),
            read_at: Instant::now(),
            patience,
            view: &mut *self.view,
            interrupt: &mut *self.interrupt,
            refused: BTreeMap::new(),
        };
        let outcome = driver.drive(&mut machine).await;
        self.view.clear();
        let (summary, exit) = self.leave(&machine, &outcome, began).await;
        let text = told(&summary, &outcome);
        self.view.end(&text, &summary);
        Ok(exit)
    }

    /// Takes the nodes for this run: cordons them or, of a pool, lets the scheduler shun them. Reads back that they are.
    async fn take_nodes(&mut self) -> Result<BTreeMap<String, NodeRecord>, NotCordoned> {
        let fresh = fresh(&self.record);
        let is_pool = self.pool.is_some();
        let mut work = JoinSet::new();
        for node in self.plan.nodes.iter().map(|node| &node.name) {
            let (cluster, node, fresh) = (self.cluster.clone(), node.clone(), fresh.clone());
            work.spawn(async move {
                let outcome = if is_pool {
                    shun(&cluster, &node, &fresh).await.map(|record| (record, Kind::Shunned))
                } else {
                    let kind = |was| if was { Kind::AlreadyCordoned } else { Kind::Cordoned };
                    cordon(&cluster, &node, &fresh).await.map(|(record, was)| (record, kind(was)))
                };
                (node, outcome)
            });
        }
        let mut records = BTreeMap::new();
        let mut failed = None;
        while let Some(done) = work.join_next().await {
            let Ok((node, outcome)) = done else { continue };
            match outcome {
                Ok((record, kind)) => {
                    self.view.tell(&Event::of_node(kind, &node, ""));
                    records.insert(node, record);
                }
                Err(why) => failed = failed.or(Some(NotCordoned { node, why })),
            }
        }
        let Some(failed) = failed else { return Ok(records) };
        // No pod has been touched: nothing is worth keeping the cordons for.
        for node in records.keys().chain([&failed.node]) {
            self.restore(node).await;
        }
        self.ending(self.lock.finish().await);
        Err(failed)
    }

    /// Takes back what was done to a node.
    async fn restore(&self, node: &str) {
        let lifted = std::sync::atomic::AtomicBool::new(false);
        let restored = change_node(self.cluster, node, |found| {
            let (patch, lift) = found.restoring()?;
            lifted.store(lift, std::sync::atomic::Ordering::Relaxed);
            Some(patch)
        })
        .await;
        match restored {
            Ok(Some(_)) if lifted.into_inner() => self.view.tell(&Event::of_node(Kind::Uncordoned, node, "")),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => self.warn(format!("node {node} cannot be restored: {error}")),
        }
    }

    /// Leaves nodes, Deployments and the lock as the end of the run demands.
    async fn leave(&self, machine: &Machine, outcome: &Outcome, began: Instant) -> (Summary, Exit) {
        let (drained, not_drained) = machine.nodes_by_end();
        let (failed, not_replaced) = machine.failures();
        let not_removed: Vec<&String> = drained.iter().filter(|node| !machine.is_removed(node)).collect();
        let unfinished = match outcome {
            Outcome::Through => !not_drained.is_empty() || !not_removed.is_empty(),
            Outcome::Stopped(Stop::Failed(_)) => self.record.flags.on_failure != OnFailure::Uncordon,
            Outcome::Stopped(_) => true,
        };
        let lost = matches!(outcome, Outcome::Stopped(Stop::LockLost(_)));
        if !lost {
            for node in &drained {
                // A node that is not replaced yet is gone on with there.
                let phase = if machine.is_removed(node) { NodePhase::Drained } else { NodePhase::Replacing };
                self.part(node, phase, unfinished).await;
            }
            for node in &not_drained {
                if unfinished && machine.is_waiting(node) {
                    self.soften(node).await;
                } else if unfinished {
                    self.part(node, NodePhase::Draining, true).await;
                } else {
                    self.restore(node).await;
                }
            }
            if unfinished {
                self.ending(self.lock.give_back().await);
            } else {
                for surge in self.lock.record().await.surges {
                    if let Err(why) = restore(self.cluster, &self.lock, &surge).await {
                        self.warn(format!("Deployment {} cannot be scaled back: {why}", surge.path()));
                    }
                }
                self.ending(self.lock.finish().await);
            }
        }
        let exit = match outcome {
            Outcome::Stopped(Stop::Interrupted) => Exit::Interrupted,
            Outcome::Through
                if not_drained.is_empty() && not_replaced.is_empty() && failed.is_empty() && not_removed.is_empty() =>
            {
                Exit::Clean
            }
            _ => Exit::Partial,
        };
        let summary = Summary {
            run: self.record.run.clone(),
            outcome: match outcome {
                Outcome::Stopped(Stop::Interrupted) => "interrupted",
                Outcome::Stopped(Stop::Paused(_)) => "paused",
                Outcome::Stopped(_) => "stopped",
                Outcome::Through if not_drained.is_empty() && not_removed.is_empty() => "drained",
                Outcome::Through => "failed",
            },
            drained,
            not_drained,
            evictions_attempted: machine.attempted,
            evicted: machine.granted,
            failed,
            not_replaced,
            seconds: began.elapsed().as_secs_f64(),
            pool: machine.pool_summary(self.record.nodes.len()),
            next: unfinished.then(|| "kubectl drainsafe resume, or kubectl drainsafe undo".to_owned()),
        };
        (summary, exit)
    }

    async fn part(&self, node: &str, phase: NodePhase, unfinished: bool) {
        let run = &self.record.run;
        let own = |found: &NodeObject| found.record().is_some_and(|record| record.run == *run);
        match change_node(self.cluster, node, |found| own(found).then(|| found.leaving(phase, unfinished))?).await {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                self.warn(format!("the annotations of node {node} cannot be removed: {error}"));
            }
            _ => {}
        }
    }

    /// A node of a pool that was not begun takes pods again until the run is gone on with.
    async fn soften(&self, node: &str) {
        match change_node(self.cluster, node, NodeObject::softening).await {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                self.warn(format!("the cordon of node {node} cannot be lifted: {error}"));
            }
            _ => {}
        }
    }

    fn ending(&self, outcome: Result<(), LockError>) {
        if let Err(error) = outcome {
            self.warn(format!("the lock cannot be given back, and runs out by itself: {error}"));
        }
    }

    fn warn(&self, text: String) {
        self.view.tell(&Event::of_run(Kind::Warning, text));
    }
}

/// The entry of a node that the run comes to.
fn fresh(record: &RunRecord) -> NodeRecord {
    NodeRecord { run: record.run.clone(), by: record.by.clone(), since: record.since, ..NodeRecord::default() }
}

/// Pods that an earlier part of a run has moved from nodes that are not through: those that were noted in their entries, and
/// are gone or going.
fn moved_before(records: &BTreeMap<String, NodeRecord>, snapshot: &Snapshot) -> usize {
    let there: HashSet<&str> =
        snapshot.pods.iter().filter(|pod| pod.meta.deleting.is_none()).map(|pod| pod.meta.uid.as_str()).collect();
    let moved = |record: &NodeRecord| {
        record.evicted_before + record.evicted.iter().filter(|uid| !there.contains(uid.as_str())).count()
    };
    records.values().map(moved).sum()
}

/// Lets the scheduler shun a node.
async fn shun(cluster: &Cluster, node: &str, fresh: &NodeRecord) -> Result<NodeRecord, String> {
    let after = change_node(cluster, node, |found| Some(found.shunning(fresh).0)).await;
    match after.map_err(|error| error.to_string())? {
        Some(after) if after.is_shunned_for(&fresh.run) => {
            after.record().ok_or_else(|| "its entry of the journal is gone".to_owned())
        }
        _ => Err("it was tainted and is not: something else writes it".to_owned()),
    }
}

/// Cordons a node, and says whether it was cordoned before.
pub(super) async fn cordon(cluster: &Cluster, node: &str, fresh: &NodeRecord) -> Result<(NodeRecord, bool), String> {
    let before = std::sync::Mutex::new(false);
    let after: Result<Option<NodeObject>, ClusterError> = change_node(cluster, node, |found| {
        if let Ok(mut before) = before.lock() {
            *before = found.cordon() != Cordon::None;
        }
        Some(found.cordoning(fresh).0)
    })
    .await;
    let after = after.map_err(|error| error.to_string())?;
    let record = after.as_ref().and_then(NodeObject::record);
    match (after, record) {
        (Some(after), Some(record)) if after.is_cordoned_for(&fresh.run) => {
            Ok((record, before.into_inner().unwrap_or_default()))
        }
        _ => Err("it was cordoned and is not: something else writes it".to_owned()),
    }
}

/// The end of a run in words.
fn told(summary: &Summary, outcome: &Outcome) -> String {
    let mut lines = Vec::new();
    let nodes = count(summary.drained.len(), "node");
    let pods = count(summary.evicted, "pod");
    let seconds = summary.seconds;
    match outcome {
        Outcome::Through if summary.not_drained.is_empty() => {
            lines.push(format!("{nodes} drained, {pods} evicted in {seconds:.1} s"));
        }
        Outcome::Through => {
            lines.push(format!("{nodes} drained, {} not, {pods} evicted in {seconds:.1} s", summary.not_drained.len()));
        }
        Outcome::Stopped(why) => {
            let why = match why {
                Stop::Interrupted => "interrupted".to_owned(),
                Stop::Failed(why) => format!("stopped: {why}"),
                Stop::Paused(why) => format!("paused: {why}"),
                Stop::LockLost(why) => format!("stopped, since the lock is lost: {why}"),
            };
            lines.push(why);
            lines.push(format!("done so far: {nodes} drained, {pods} evicted in {seconds:.1} s"));
        }
    }
    if let Some(pool) = &summary.pool {
        let apart = if pool.zone_imbalance > 0 {
            format!(", zones at most {} apart", count(pool.zone_imbalance, "node"))
        } else {
            String::new()
        };
        lines.push(format!(
            "pool {}: {} of {} replaced, {:.2} moves per pod{apart}",
            pool.name,
            pool.replaced.len(),
            count(pool.outdated, "outdated node"),
            pool.moves_per_pod
        ));
        if let Some(worst) =
            pool.lowest_readiness.iter().min_by(|a, b| (a.ready * b.wanted.max(1)).cmp(&(b.ready * a.wanted.max(1))))
        {
            lines.push(format!("lowest readiness: {}, {} of {} ready", worst.workload, worst.ready, worst.wanted));
        }
    }
    if !summary.not_drained.is_empty() {
        lines.push("There are pending nodes to be drained:".to_owned());
        lines.extend(summary.not_drained.iter().map(|node| format!(" {node}")));
    }
    for pod in &summary.not_replaced {
        lines.push(format!("not available yet: {}: {}", pod.pod, pod.why));
    }
    if let Some(next) = &summary.next {
        lines.push(format!("to go on: {next}"));
    }
    lines.join("\n")
}
