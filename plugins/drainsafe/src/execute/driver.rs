//! The edge of a run: watches the cluster, does what the machine says, and tells it what came of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use patchkit::{
    app::Interrupt,
    cluster::{
        Cluster, ClusterError, ErrorKind, GatherProgress, ListEvent, ListRequest, WatchEvent, Watches, Wish, Writer,
    },
    snapshot::{Kind as Resource, LiveSnapshot, Snapshot, kinds},
};
use serde::Deserialize;
use serde_json::json;
use tokio::task::JoinSet;

use super::{
    FIELD_MANAGER,
    event::{Event, Kind},
    lock::{Lock, LockError, RENEW_EVERY},
    machine::{Happened, Machine, Now, Outcome, Stop, Todo},
    node::NodeObject,
    record::{NodePhase, NodeRecord, RECORD, RunRecord, Surge},
    task::{How, OwnerKey},
    view::View,
};
use crate::drain::{self, DrainPlan, Options, Subject, Targets};

/// What is watched: what changes while a drain runs. The rest is read once, and anew before each later wave.
pub const WATCHED: &[Resource] = &[
    kinds::NODES,
    kinds::PODS,
    kinds::POD_DISRUPTION_BUDGETS,
    kinds::VOLUME_ATTACHMENTS,
    kinds::DEPLOYMENTS,
    kinds::REPLICA_SETS,
    kinds::STATEFUL_SETS,
    kinds::PERSISTENT_VOLUME_CLAIMS,
    kinds::PERSISTENT_VOLUMES,
];

/// How long answers that are under way are waited for when a run stops.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long a server may forbid a watch before it means it: one that has just started does not know its roles yet.
const REFUSED_FOR: Duration = Duration::from_secs(15);
/// Refusals that lie farther apart are two stories: between tries are at most five seconds.
const REFUSED_AGAIN: Duration = Duration::from_secs(10);
/// How often a write that met trouble is tried again, and how long in all.
const TRY_EVERY: Duration = Duration::from_millis(700);
const TRY_FOR: Duration = Duration::from_secs(60);

pub(super) const WRITER: Writer<'static> = Writer { field_manager: FIELD_MANAGER, dry_run: false };

/// Everything that a run needs beside its machine.
pub struct Driver<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The run's lock.
    pub lock: Lock,
    /// The facts.
    pub live: LiveSnapshot,
    /// What the user has decided.
    pub options: &'a Options,
    /// The nodes' entries of the journal.
    pub records: BTreeMap<String, NodeRecord>,
    /// The entry of a node that the run comes to.
    pub fresh: NodeRecord,
    /// When everything was read last, also what is not watched.
    pub read_at: Instant,
    /// How long what is under way is waited for when the run stops.
    pub patience: Duration,
    /// Where it is shown.
    pub view: &'a mut View,
    /// Ctrl-C.
    pub interrupt: &'a mut Interrupt,
    /// Watches that the server forbids.
    pub refused: BTreeMap<&'static str, Refused>,
}

/// A watch that the server forbids.
#[derive(Debug)]
pub struct Refused {
    first: Instant,
    last: Instant,
    why: String,
}

/// The moment.
#[must_use]
pub fn now() -> Now {
    Now { instant: Instant::now(), time: Timestamp::now() }
}

impl Driver<'_> {
    /// Runs the machine to its end.
    pub async fn drive(&mut self, machine: &mut Machine) -> Outcome {
        let mut watches = self.cluster.watch(WATCHED);
        let mut work: JoinSet<Happened> = JoinSet::new();
        let mut renewals = self.renewals();
        let mut blind: BTreeSet<&'static str> = WATCHED.iter().map(|kind| kind.plural).collect();
        let mut stopped: Option<Instant> = None;
        let mut paused = false;
        loop {
            // Nothing is asked for before the lists are there, nor while the lock may be somebody else's.
            let ready = !blind.contains(kinds::PODS.plural) && !blind.contains(kinds::NODES.plural);
            if ready && !self.lock.is_over() {
                // The machine may decide more from what it has just decided: a plan that is at hand.
                while self.step(machine, &mut work) {}
            }
            if !paused && self.lock.is_pause_asked() {
                paused = true;
                machine.happened(Happened::Pause, now());
            }
            self.view.refresh(machine);
            if let Some(outcome) = machine.outcome() {
                return outcome;
            }
            if let Some(why) = self.refused_for_good() {
                return Outcome::Stopped(Stop::Failed(why));
            }
            if let Some(since) = stopped
                && (work.is_empty() || since.elapsed() > self.patience)
            {
                return machine.outcome().unwrap_or(Outcome::Stopped(Stop::Interrupted));
            }
            let wake = machine.wake().unwrap_or_else(|| Instant::now() + Duration::from_secs(1));
            // Never later than a second: what is shown counts seconds.
            let wake = wake.min(Instant::now() + Duration::from_secs(1));
            tokio::select! {
                event = watches.next() => {
                    if let Some(event) = event {
                        self.take(event, &mut blind);
                    } else {
                        machine.happened(Happened::Stop(Stop::Failed("nothing can be watched".to_owned())), now());
                    }
                    self.take_ready(&mut watches, &mut blind);
                }
                Some(done) = work.join_next(), if !work.is_empty() => {
                    let mut next = Some(done);
                    while let Some(done) = next {
                        if let Ok(happened) = done {
                            self.keep(&happened);
                            machine.happened(happened, now());
                        }
                        next = work.try_join_next();
                    }
                    self.take_ready(&mut watches, &mut blind);
                }
                lost = renewals.join_next() => {
                    let why = lost.and_then(Result::ok).unwrap_or_else(|| "its renewal ended".to_owned());
                    machine.happened(Happened::Stop(Stop::LockLost(why)), now());
                }
                () = self.interrupt.pressed(), if stopped.is_none() => {
                    stopped = Some(Instant::now());
                    let text = "stopping: nothing more is evicted; Ctrl-C once more leaves at once";
                    self.view.tell(&Event::of_run(Kind::Stopping, text));
                    machine.happened(Happened::Stop(Stop::Interrupted), now());
                }
                () = tokio::time::sleep_until(wake.into()) => {}
            }
        }
    }

    /// Renews the lock for as long as it is held; ends with why it is not any more.
    fn renewals(&self) -> JoinSet<String> {
        let mut task = JoinSet::new();
        let lock = self.lock.clone();
        task.spawn(async move {
            loop {
                tokio::time::sleep(RENEW_EVERY).await;
                match lock.renew().await {
                    Ok(()) | Err(LockError::Cluster(_)) => {}
                    Err(why) => return why.to_string(),
                }
            }
        });
        task
    }

    /// One decision, and what it asks for. Says whether to decide once more at once.
    fn step(&mut self, machine: &mut Machine, work: &mut JoinSet<Happened>) -> bool {
        let mut again = false;
        for todo in machine.decide(self.live.facts(), now()) {
            match todo {
                Todo::Tell(event) => self.view.tell(&event),
                Todo::Note(node, uids) => self.note(node, &uids, work),
                Todo::Remove(pod, how) => {
                    let cluster = self.cluster.clone();
                    work.spawn(async move {
                        let removal = match how {
                            How::Delete => cluster.delete_pod(&pod, WRITER).await,
                            How::Evict | How::Complete => cluster.evict(&pod, WRITER).await,
                        };
                        Happened::Answered(pod.uid, removal)
                    });
                }
                Todo::Pool(todo) => again |= self.pool_todo(todo, machine, work),
                Todo::Prove { nodes, fresh: false } => {
                    let plan = prove(self.live.facts(), nodes, self.options);
                    machine.happened(Happened::Proved(plan), now());
                    again = true;
                }
                Todo::Prove { nodes, fresh: true } => {
                    let (cluster, options) = (self.cluster.clone(), self.options.clone());
                    work.spawn(async move {
                        let read = read_anew(&cluster).await;
                        Happened::Proved(read.and_then(|snapshot| prove(&snapshot, nodes, &options)))
                    });
                }
                Todo::List(node) => {
                    let cluster = self.cluster.clone();
                    work.spawn(async move {
                        let listed = pods_of_node(&cluster, &node).await.map_err(|error| error.to_string());
                        Happened::Listed(node, listed)
                    });
                }
                Todo::Surge(owner, surge) => {
                    let (cluster, lock) = (self.cluster.clone(), self.lock.clone());
                    work.spawn(async move {
                        let outcome = raise(&cluster, &lock, &surge).await;
                        Happened::Surged(owner, outcome)
                    });
                }
                Todo::Restore(owner, surge) => {
                    let (cluster, lock) = (self.cluster.clone(), self.lock.clone());
                    work.spawn(async move { restored(&cluster, &lock, owner, &surge).await });
                }
            }
        }
        again
    }

    /// Writes UIDs into a node's entry, before anything happens to their pods.
    fn note(&mut self, node: String, uids: &[String], work: &mut JoinSet<Happened>) {
        let record = self.records.entry(node.clone()).or_default();
        record.note(uids.iter().map(String::as_str));
        record.phase = NodePhase::Draining;
        let patch = json!({"metadata": {"annotations": {RECORD: record.text()}}});
        let cluster = self.cluster.clone();
        work.spawn(async move {
            let written = cluster.merge_patch(&node_path(&node), &patch, WRITER).await;
            Happened::Noted(node, written.map(|_| ()).map_err(|error| error.to_string()))
        });
    }

    fn take_ready(&mut self, watches: &mut Watches, blind: &mut BTreeSet<&'static str>) {
        while let Some(event) = watches.ready() {
            self.take(event, blind);
        }
    }

    /// Why the run cannot see what it does: the server forbids to watch the pods or the nodes, and has for so long that
    /// it means it.
    fn refused_for_good(&self) -> Option<String> {
        let needed = [kinds::PODS.plural, kinds::NODES.plural];
        needed.iter().find_map(|plural| {
            let refused = self.refused.get(plural).filter(|it| it.last.duration_since(it.first) >= REFUSED_FOR)?;
            Some(format!("{plural} cannot be watched: {}", refused.why))
        })
    }

    fn take(&mut self, event: WatchEvent, blind: &mut BTreeSet<&'static str>) {
        if let WatchEvent::Trouble { kind, error, .. } = &event
            && error.kind() == ErrorKind::Forbidden
        {
            let now = Instant::now();
            let known = self.refused.remove(kind.plural).filter(|it| it.last.elapsed() < REFUSED_AGAIN);
            let is_told = known.is_some();
            let first = known.map_or(now, |it| it.first);
            self.refused.insert(kind.plural, Refused { first, last: now, why: error.to_string() });
            if is_told {
                return;
            }
        }
        let wrong = match event {
            WatchEvent::Listed { kind, pages } => {
                blind.remove(kind.plural);
                self.live.replace(&kind, &pages).err().map(|error| (kind, error.to_string()))
            }
            WatchEvent::Put { kind, object } => {
                self.live.put(&kind, &object).err().map(|error| (kind, error.to_string()))
            }
            WatchEvent::Removed { kind, object } => {
                self.live.remove(&kind, &object).err().map(|error| (kind, error.to_string()))
            }
            WatchEvent::Trouble { kind, error, again_in } => {
                if again_in.is_none() {
                    // What was read of it at the beginning stays; the plan has told that it was denied.
                    blind.remove(kind.plural);
                }
                Some((kind, error.to_string()))
            }
        };
        if let Some((kind, why)) = wrong {
            let text = format!("{} cannot be watched: {why}", kind.plural);
            self.view.tell(&Event::of_run(Kind::Warning, text));
        }
    }
}

/// The path of a node.
pub(super) fn node_path(node: &str) -> String {
    format!("{}/{node}", kinds::NODES.path())
}

/// Makes the plan anew, and says why it does not hold.
/// Reads everything anew, also what is not watched.
pub(super) async fn read_anew(cluster: &Cluster) -> Result<Snapshot, String> {
    let wish = Wish { kinds: drain::KINDS.to_vec(), deprecated_calls: false };
    cluster.gather(&wish, |_, _| Vec::new(), &Silent).await.map_err(|error| error.to_string())
}

fn prove(snapshot: &Snapshot, mut nodes: Vec<String>, options: &Options) -> Result<Box<DrainPlan>, String> {
    // A node that was deleted meanwhile is as empty as can be.
    nodes.retain(|name| snapshot.nodes.iter().any(|node| node.meta.name == name.as_str()));
    let targets = Targets::named(nodes);
    let subject = Subject { snapshot, targets: &targets, options, now: Timestamp::now() };
    let made = drain::make(subject).map_err(|error| error.to_string())?;
    match super::stops(&made.plan) {
        Some(why) => Err(why),
        None => Ok(Box::new(made.plan)),
    }
}

/// The UIDs of the pods on a node, read consistently.
async fn pods_of_node(cluster: &Cluster, node: &str) -> Result<Vec<String>, ClusterError> {
    #[derive(Deserialize)]
    struct List {
        items: Option<Vec<Item>>,
    }
    #[derive(Deserialize)]
    struct Item {
        metadata: Uid,
    }
    #[derive(Deserialize)]
    struct Uid {
        uid: String,
    }
    let request = ListRequest::new(kinds::PODS.path()).fields(format!("spec.nodeName={node}")).metadata_only();
    let mut uids = Vec::new();
    cluster
        .list::<ClusterError>(&request, |event| {
            match event {
                ListEvent::Restart => uids.clear(),
                ListEvent::Page(page) => {
                    let list: List = serde_json::from_slice(&page.bytes)
                        .map_err(|error| ClusterError::Setup(format!("the pods of {node}: {error}")))?;
                    uids.extend(list.items.unwrap_or_default().into_iter().map(|item| item.metadata.uid));
                }
            }
            Ok(())
        })
        .await?;
    Ok(uids)
}

/// Notes the surge, then scales up.
async fn raise(cluster: &Cluster, lock: &Lock, surge: &Surge) -> Result<(), String> {
    let noted = surge.clone();
    let note = |record: &mut RunRecord| {
        record.surges.retain(|known| known.path() != noted.path());
        record.surges.push(noted);
    };
    lock.note(note).await.map_err(|error| error.to_string())?;
    persist(|| scale(cluster, surge, surge.from, surge.to)).await.map_err(|error| error.to_string())
}

async fn restored(cluster: &Cluster, lock: &Lock, owner: OwnerKey, surge: &Surge) -> Happened {
    let outcome = restore(cluster, lock, surge).await;
    Happened::Restored(owner, outcome)
}

/// Scales back, then forgets the surge.
pub(super) async fn restore(cluster: &Cluster, lock: &Lock, surge: &Surge) -> Result<(), String> {
    match persist(|| scale(cluster, surge, surge.to, surge.from)).await {
        // Nobody is left to be scaled.
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        outcome => outcome.map_err(|error| error.to_string())?,
    }
    let path = surge.path();
    lock.note(move |record| record.surges.retain(|known| known.path() != path)).await.map_err(|error| error.to_string())
}

/// Scales a Deployment, if it has the replicas that it is thought to have: what somebody else has decided meanwhile
/// stays.
async fn scale(cluster: &Cluster, surge: &Surge, from: i64, to: i64) -> Result<(), ClusterError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Scale {
        metadata: Version,
        spec: Replicas,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Version {
        resource_version: String,
    }
    #[derive(Deserialize)]
    struct Replicas {
        #[serde(default)]
        replicas: i64,
    }
    let path = format!("/apis/apps/v1/namespaces/{}/deployments/{}/scale", surge.namespace, surge.name);
    let found: Scale = cluster.get_json(&path).await?;
    if found.spec.replicas != from {
        return Ok(());
    }
    let patch = json!({"metadata": {"resourceVersion": found.metadata.resource_version}, "spec": {"replicas": to}});
    cluster.merge_patch(&path, &patch, WRITER).await.map(|_| ())
}

/// Tries a write that may be done twice until it is through, as long as the trouble may pass.
pub(super) async fn persist<T, F: Future<Output = Result<T, ClusterError>>>(
    mut write: impl FnMut() -> F,
) -> Result<T, ClusterError> {
    let began = Instant::now();
    loop {
        match write().await {
            Err(error) if may_pass(&error) && began.elapsed() < TRY_FOR => tokio::time::sleep(TRY_EVERY).await,
            outcome => return outcome,
        }
    }
}

/// Whether another try of a write may mend it.
pub(super) fn may_pass(error: &ClusterError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Conflict
            | ErrorKind::TooMany
            | ErrorKind::Unavailable
            | ErrorKind::Server
            | ErrorKind::Timeout
            | ErrorKind::Unreachable
    )
}

/// Changes a node as `change` says of the node as it is, until nobody is faster; none where there is nothing to change.
pub(super) async fn change_node(
    cluster: &Cluster,
    node: &str,
    change: impl Fn(&NodeObject) -> Option<serde_json::Value>,
) -> Result<Option<NodeObject>, ClusterError> {
    let change = &change;
    persist(|| async move {
        let path = node_path(node);
        let found: NodeObject = cluster.get_json(&path).await?;
        let Some(patch) = change(&found) else { return Ok(None) };
        cluster.merge_patch(&path, &patch, WRITER).await?;
        // What the answer says is what was written; what a read says is what stands.
        cluster.get_json(&path).await.map(Some)
    })
    .await
}

/// Reads are not shown while a run is.
struct Silent;

impl GatherProgress for Silent {
    fn read(&self, _: &str, _: usize) {}
    fn done(&self, _: &str) {}
}
