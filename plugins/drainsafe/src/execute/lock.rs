//! One run at a time in a cluster: what one run has proven about room and budgets, another would take away.
//!
//! The lock is a Lease that carries the run's entry of the journal. Whoever holds it renews it; a holder that was killed
//! stops doing so, and after [`DURATION`] the next one may take it. A run that stopped in good order gives it back and
//! leaves the Lease behind as the entry of an unfinished run; a finished run deletes it.

use std::{
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use patchkit::{
    cluster::{Cluster, ClusterError, ErrorKind, Lease, LeaseName, Observed, Writer},
    report::words::summary,
};
use tokio::sync::Mutex;

use super::{
    FIELD_MANAGER,
    driver::may_pass,
    identity::Process,
    record::{PAUSE, PROCESS, RECORD, RunRecord},
};

/// How long a lock lasts without a renewal.
pub const DURATION: Duration = Duration::from_secs(15);
/// How often it is renewed: several tries may fail before it is lost.
pub const RENEW_EVERY: Duration = Duration::from_secs(4);
/// How often a lock that somebody else holds is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

const WRITER: Writer<'static> = Writer { field_manager: FIELD_MANAGER, dry_run: false };

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run is under way.
    #[error("run {} of {} holds the lock: it drains {}", .0.run, .0.by, summary(&.0.nodes))]
    Held(Box<RunRecord>),
    /// A run has stopped and was neither gone on with nor undone.
    #[error("run {} of {} on {} is not finished", .0.run, .0.by, summary(&.0.nodes))]
    Unfinished(Box<RunRecord>),
    /// The Lease is held, and what it says cannot be understood: it is not of this tool, or of another version.
    #[error("the Lease {0} is held by {1}, and is no entry of a run that can be understood")]
    Foreign(String, String),
    /// There is nothing to go on with.
    #[error("there is no unfinished run")]
    Nothing,
    /// Another run than the one that was asked for is unfinished.
    #[error("there is no unfinished run {0}: the unfinished one is {1}")]
    Another(String, String),
    /// The cluster does not answer, or says no.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

impl LockError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Held(_) => Some("kubectl drainsafe status shows it; wait until it has ended".to_owned()),
            Self::Unfinished(_) => {
                Some("go on with it by kubectl drainsafe resume, or take it back by kubectl drainsafe undo".to_owned())
            }
            Self::Foreign(..) | Self::Nothing | Self::Another(..) | Self::Cluster(_) => None,
        }
    }
}

/// What a Lease says to somebody who does not hold it.
#[derive(Debug, PartialEq)]
pub enum Standing {
    /// Nobody holds it: the run stopped in good order.
    Stopped(Box<RunRecord>),
    /// Its holder runs, or has not been silent for long enough to be given up.
    Held(Box<RunRecord>),
    /// Its holder was a process of this machine, and has ended.
    Dead(Box<RunRecord>),
    /// It carries no entry that can be understood. With its holder.
    Foreign(String),
}

/// Reads a Lease.
#[must_use]
pub fn standing(lease: &Lease) -> Standing {
    let record = lease.metadata.annotations.get(RECORD).and_then(|text| RunRecord::read(text)).map(Box::new);
    let process = lease.metadata.annotations.get(PROCESS).and_then(|text| Process::read(text));
    match (record, lease.holder()) {
        (None, holder) => Standing::Foreign(holder.unwrap_or("nobody").to_owned()),
        (Some(record), None) => Standing::Stopped(record),
        (Some(record), Some(_)) if process.is_some_and(|process| process.has_ended()) => Standing::Dead(record),
        (Some(record), Some(_)) => Standing::Held(record),
    }
}

/// A lock that is held.
#[derive(Clone, Debug)]
pub struct Lock {
    cluster: Cluster,
    /// Held while it is written, so that a renewal and a new entry do not overtake each other.
    state: Arc<Mutex<State>>,
    /// When it was renewed last. Apart from the rest: a write that hangs must not keep anybody from looking.
    renewed: Arc<std::sync::Mutex<Instant>>,
    pause_asked: Arc<AtomicBool>,
}

#[derive(Debug)]
struct State {
    lease: Lease,
    record: RunRecord,
    holder: String,
}

impl Lock {
    /// Takes the lock for a run that begins.
    ///
    /// # Errors
    /// [`LockError::Held`] and [`LockError::Unfinished`] name the run that is in the way.
    pub async fn begin(cluster: &Cluster, name: &LeaseName, record: RunRecord) -> Result<Self, LockError> {
        if let Some(found) = cluster.lease(name).await? {
            return Err(in_the_way(name, standing(&found)));
        }
        let lease = Lease::new(name);
        match Self::take(cluster, lease, record).await {
            Err(LockError::Cluster(error)) if error.kind() == ErrorKind::Conflict => {
                // Somebody was faster.
                match cluster.lease(name).await? {
                    Some(found) => Err(in_the_way(name, standing(&found))),
                    None => Err(error.into()),
                }
            }
            outcome => outcome,
        }
    }

    /// Takes the lock of an unfinished run, `run` or whichever there is. Waits until the lock of a holder that was
    /// killed has run out; `waiting` is told how long that may still take.
    ///
    /// # Errors
    /// Where there is no unfinished run, or where its holder is alive.
    pub async fn go_on(
        cluster: &Cluster,
        name: &LeaseName,
        run: Option<&str>,
        mut waiting: impl FnMut(&RunRecord, Duration),
    ) -> Result<Self, LockError> {
        let mut observed = Observed::default();
        let mut first: Option<Lease> = None;
        loop {
            let lease = cluster.lease(name).await?.ok_or(LockError::Nothing)?;
            let (record, free) = match standing(&lease) {
                Standing::Stopped(record) | Standing::Dead(record) => (record, true),
                Standing::Held(record) => (record, false),
                Standing::Foreign(holder) => return Err(LockError::Foreign(path(name), holder)),
            };
            if let Some(run) = run.filter(|run| *run != record.run) {
                return Err(LockError::Another(run.to_owned(), record.run));
            }
            let left = observed.left(&lease, Instant::now());
            if free || left.is_zero() {
                match Self::take(cluster, lease, *record).await {
                    // Somebody was faster: look again at who it is.
                    Err(LockError::Cluster(error)) if error.kind() == ErrorKind::Conflict => {}
                    outcome => return outcome,
                }
            } else {
                // A renewal while we look is a sign of life.
                if first.as_ref().is_some_and(|first| first.spec != lease.spec) {
                    return Err(LockError::Held(record));
                }
                waiting(&record, left);
                first.get_or_insert(lease);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn take(cluster: &Cluster, mut lease: Lease, record: RunRecord) -> Result<Self, LockError> {
        let process = Process::this().map(|process| process.text()).unwrap_or_default();
        let holder = format!("{} ({} {})", record.by, record.run, process);
        // Limited to 128 characters by no rule, but nobody reads more.
        let holder: String = holder.chars().take(200).collect();
        fill(&mut lease, &record, &holder, &process);
        lease.metadata.annotations.remove(PAUSE);
        let name = LeaseName { namespace: lease.metadata.namespace.clone(), name: lease.metadata.name.clone() };
        let began = Instant::now();
        let lease = loop {
            match cluster.write_lease(&lease, WRITER).await {
                Ok(lease) => break lease,
                // What was written, and the answer to it lost on its way, is a conflict the next time.
                Err(error) if error.kind() == ErrorKind::Conflict => match cluster.lease(&name).await? {
                    Some(found) if found.holder() == Some(holder.as_str()) => break found,
                    _ => return Err(error.into()),
                },
                Err(error) if may_pass(&error) && began.elapsed() < DURATION => tokio::time::sleep(LOOK_EVERY).await,
                Err(error) => return Err(error.into()),
            }
        };
        let state = Arc::new(Mutex::new(State { lease, record, holder }));
        let renewed = Arc::new(std::sync::Mutex::new(Instant::now()));
        Ok(Self { cluster: cluster.clone(), state, renewed, pause_asked: Arc::default() })
    }

    /// The run's entry.
    pub async fn record(&self) -> RunRecord {
        self.state.lock().await.record.clone()
    }

    /// Says that we are still there.
    ///
    /// # Errors
    /// [`LockError::Held`] where somebody else has taken it; another error may pass, until [`Self::is_over`].
    pub async fn renew(&self) -> Result<(), LockError> {
        self.write(|_| {}).await
    }

    /// Writes a new entry of the run. It has been written when this returns.
    ///
    /// # Errors
    /// As [`Self::renew`].
    pub async fn note(&self, change: impl FnOnce(&mut RunRecord)) -> Result<(), LockError> {
        self.write(change).await
    }

    /// Whether somebody has asked the run to begin nothing more, as far as was seen at the last renewal.
    #[must_use]
    pub fn is_pause_asked(&self) -> bool {
        self.pause_asked.load(Ordering::Relaxed)
    }

    /// Asks a run that is under way to begin nothing more: its holder sees it at its next renewal.
    ///
    /// # Errors
    /// Where no run is under way, or another one than the one that is named.
    pub async fn ask_pause(cluster: &Cluster, name: &LeaseName, run: Option<&str>) -> Result<RunRecord, LockError> {
        let began = Instant::now();
        loop {
            let mut lease = cluster.lease(name).await?.ok_or(LockError::Nothing)?;
            let record = match standing(&lease) {
                Standing::Held(record) => record,
                Standing::Stopped(record) | Standing::Dead(record) => return Err(LockError::Unfinished(record)),
                Standing::Foreign(holder) => return Err(LockError::Foreign(path(name), holder)),
            };
            if let Some(run) = run.filter(|run| *run != record.run) {
                return Err(LockError::Another(run.to_owned(), record.run));
            }
            lease.metadata.annotations.insert(PAUSE.to_owned(), "true".to_owned());
            match cluster.write_lease(&lease, WRITER).await {
                Ok(_) => return Ok(*record),
                // The holder renews it at the same time.
                Err(error) if may_pass(&error) && began.elapsed() < DURATION => tokio::time::sleep(LOOK_EVERY).await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether the lock has not been renewed for so long that somebody else may have it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.renewed.lock().unwrap_or_else(PoisonError::into_inner).elapsed() >= DURATION
    }

    async fn write(&self, change: impl FnOnce(&mut RunRecord)) -> Result<(), LockError> {
        let mut state = self.state.lock().await;
        let mut record = state.record.clone();
        change(&mut record);
        let process = state.lease.metadata.annotations.get(PROCESS).cloned().unwrap_or_default();
        let mut tries = 0;
        loop {
            let mut lease = state.lease.clone();
            fill(&mut lease, &record, &state.holder, &process);
            // What the others count from is the moment at which it is written at the earliest.
            let asked = Instant::now();
            match self.cluster.write_lease(&lease, WRITER).await {
                Ok(lease) => {
                    self.pause_asked.store(lease.metadata.annotations.contains_key(PAUSE), Ordering::Relaxed);
                    state.lease = lease;
                    state.record = record;
                    *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = asked;
                    return Ok(());
                }
                // An answer that was lost on its way looks like a conflict the next time: look who holds it.
                Err(error) if error.kind() == ErrorKind::Conflict && tries < 3 => {
                    tries += 1;
                    let name =
                        LeaseName { namespace: lease.metadata.namespace.clone(), name: lease.metadata.name.clone() };
                    match self.cluster.lease(&name).await? {
                        Some(found) if found.holder() == Some(state.holder.as_str()) => state.lease = found,
                        Some(found) => return Err(in_the_way(&name, standing(&found))),
                        None => return Err(LockError::Nothing),
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives the lock back and leaves the entry of an unfinished run.
    ///
    /// # Errors
    /// What the cluster says; the lock then runs out by itself.
    pub async fn give_back(&self) -> Result<(), LockError> {
        let mut state = self.state.lock().await;
        let began = Instant::now();
        loop {
            let mut lease = state.lease.clone();
            lease.give_back(Timestamp::now());
            lease.metadata.annotations.remove(PROCESS);
            match self.cluster.write_lease(&lease, WRITER).await {
                Ok(lease) => {
                    state.lease = lease;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    let name =
                        LeaseName { namespace: lease.metadata.namespace.clone(), name: lease.metadata.name.clone() };
                    match self.cluster.lease(&name).await? {
                        Some(found) if found.holder() == Some(state.holder.as_str()) => state.lease = found,
                        // It was given back, and only the answer was lost; or it is not ours any more.
                        _ => return Ok(()),
                    }
                }
                Err(error) if may_pass(&error) && began.elapsed() < DURATION => tokio::time::sleep(LOOK_EVERY).await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The run is finished: nothing of it is left to go on with.
    ///
    /// # Errors
    /// What the cluster says.
    pub async fn finish(&self) -> Result<(), LockError> {
        let began = Instant::now();
        loop {
            // A renewal may have been under way: the newest version is ours, or the lock is not.
            let outcome = match self.write(|_| {}).await {
                Ok(()) => {
                    let state = self.state.lock().await;
                    self.cluster.delete_lease(&state.lease).await
                }
                // It is gone: an earlier try was through, and only its answer was lost.
                Err(LockError::Nothing) => return Ok(()),
                Err(LockError::Cluster(error)) => Err(error),
                Err(error) => return Err(error),
            };
            match outcome {
                Ok(()) => return Ok(()),
                Err(error) if may_pass(&error) && began.elapsed() < DURATION => tokio::time::sleep(LOOK_EVERY).await,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn fill(lease: &mut Lease, record: &RunRecord, holder: &str, process: &str) {
    lease.take(holder, DURATION, Timestamp::now());
    lease.metadata.annotations.insert(RECORD.to_owned(), record.text());
    if !process.is_empty() {
        lease.metadata.annotations.insert(PROCESS.to_owned(), process.to_owned());
    }
}

fn in_the_way(name: &LeaseName, standing: Standing) -> LockError {
    match standing {
        Standing::Held(record) => LockError::Held(record),
        Standing::Stopped(record) | Standing::Dead(record) => LockError::Unfinished(record),
        Standing::Foreign(holder) => LockError::Foreign(path(name), holder),
    }
}

fn path(name: &LeaseName) -> String {
    format!("{}/{}", name.namespace, name.name)
}
