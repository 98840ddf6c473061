//! What the edge of a run does for a pool: proofs, cordons, the user's commands, and what of them is kept in the journal.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use patchkit::{
    cluster::{Cluster, ErrorKind},
    snapshot::kinds,
};
use tokio::task::JoinSet;

use super::{
    PoolRecord,
    commands::UserCommand,
    driver::{Driver, change_node, node_path, now, persist, read_anew},
    lock::Lock,
    machine::{Happened, Machine},
    node::NodeObject,
    pool_record::Leaving,
    pool_run::{PoolHappened, PoolTodo, add},
    record::{NodePhase, NodeRecord, RunRecord},
    run::cordon,
};
use crate::pool::prove;

/// How old the facts may be that are not watched before they are read anew for a proof.
const FRESH: Duration = Duration::from_secs(60);

impl Driver<'_> {
    /// Does what a pool needs. Says whether to decide once more at once.
    pub(super) fn pool_todo(&mut self, todo: PoolTodo, machine: &mut Machine, work: &mut JoinSet<Happened>) -> bool {
        let (cluster, lock) = (self.cluster.clone(), self.lock.clone());
        match todo {
            PoolTodo::Prove(question) => {
                if self.read_at.elapsed() < FRESH {
                    let outcome = prove(self.live.facts(), self.options, now().time, &question);
                    machine.happened(Happened::Pool(PoolHappened::Proved(outcome)), now());
                    return true;
                }
                self.read_at = Instant::now();
                let options = self.options.clone();
                work.spawn(async move {
                    let read = read_anew(&cluster).await;
                    let outcome = read.and_then(|snapshot| prove(&snapshot, &options, now().time, &question));
                    Happened::Pool(PoolHappened::Proved(outcome))
                });
            }
            PoolTodo::Cordon(rounds) => {
                let fresh = self.fresh.clone();
                work.spawn(async move {
                    let mut outcomes = Vec::new();
                    for round in rounds {
                        let mut each = JoinSet::new();
                        for node in round {
                            let (cluster, fresh) = (cluster.clone(), fresh.clone());
                            each.spawn(async move {
                                let outcome = cordon(&cluster, &node, &fresh).await;
                                (node, outcome.map(|(record, _)| record))
                            });
                        }
                        outcomes.extend(each.join_all().await);
                    }
                    Happened::Pool(PoolHappened::Cordoned(outcomes))
                });
            }
            PoolTodo::Soften(nodes) => {
                work.spawn(async move {
                    let mut each = JoinSet::new();
                    for node in nodes {
                        let cluster = cluster.clone();
                        // One that cannot be softened stays cordoned, which is told at the end.
                        each.spawn(async move { change_node(&cluster, &node, NodeObject::softening).await });
                    }
                    while each.join_next().await.is_some() {}
                    Happened::Pool(PoolHappened::Softened)
                });
            }
            PoolTodo::Ask(zones) => {
                work.spawn(async move {
                    let outcome = ask(&lock, &zones).await;
                    Happened::Pool(PoolHappened::Asked(zones, outcome))
                });
            }
            PoolTodo::Gate => {
                work.spawn(async move { Happened::Pool(PoolHappened::Gated(gates(&lock).await)) });
            }
            PoolTodo::Remove(node, moved) => {
                // Those that an earlier part of the run has moved are in its entry.
                let moved = moved.max(self.records.get(&node).map_or(0, NodeRecord::asked));
                work.spawn(async move {
                    let outcome = remove(&cluster, &lock, &node, moved).await;
                    Happened::Pool(PoolHappened::Removed(node, outcome))
                });
            }
        }
        false
    }

    /// Keeps what the driver itself needs of what has happened.
    pub(super) fn keep(&mut self, happened: &Happened) {
        let Happened::Pool(PoolHappened::Cordoned(outcomes)) = happened else { return };
        for (node, outcome) in outcomes {
            if let Ok(record) = outcome {
                self.records.insert(node.clone(), record.clone());
            }
        }
    }
}

/// A command with what every one of them is told.
fn command(record: &RunRecord, pool: &PoolRecord, line: &str, more: Vec<(&'static str, String)>) -> UserCommand {
    let mut environment = vec![
        ("DRAINSAFE_RUN", record.run.clone()),
        ("DRAINSAFE_POOL", pool.members.title()),
        ("DRAINSAFE_OUTDATED", record.nodes.len().to_string()),
        ("DRAINSAFE_REPLACED", pool.replaced.len().to_string()),
    ];
    environment.extend(more);
    UserCommand { line: line.to_owned(), environment, limit: pool.command_timeout }
}

/// Notes how many nodes are asked for, asks, and notes what came of it.
async fn ask(lock: &Lock, zones: &BTreeMap<String, usize>) -> Result<(), String> {
    let nodes: usize = zones.values().sum();
    // A run that is killed in between is gone on with by one that waits for them before it asks again.
    note(lock, |pool| pool.asking.clone_from(zones)).await?;
    let record = lock.record().await;
    let Some(pool) = &record.pool else { return Ok(()) };
    let Some(line) = &pool.surge_command else { return Ok(()) };
    let places: Vec<String> =
        zones.iter().filter(|(zone, _)| !zone.is_empty()).map(|(zone, count)| format!("{zone}={count}")).collect();
    let more = vec![("DRAINSAFE_NODES", nodes.to_string()), ("DRAINSAFE_ZONES", places.join(","))];
    let outcome = command(&record, pool, line, more).run().await;
    let has_succeeded = outcome.is_ok();
    note(lock, |pool| {
        pool.asking.clear();
        if has_succeeded {
            add(&mut pool.asked, zones);
        }
    })
    .await?;
    outcome
}

async fn gates(lock: &Lock) -> Result<(), String> {
    let record = lock.record().await;
    let Some(pool) = &record.pool else { return Ok(()) };
    for line in &pool.gates {
        command(&record, pool, line, Vec::new()).run().await?;
    }
    Ok(())
}

/// Replaces or removes a drained node, each step noted before it is done: a command that has succeeded, or whose node is
/// gone, is never run again for it.
async fn remove(cluster: &Cluster, lock: &Lock, node: &str, moved: usize) -> Result<(), String> {
    let record = lock.record().await;
    let Some(pool) = &record.pool else { return Ok(()) };
    let path = node_path(node);
    let found: Option<NodeObject> = match persist(|| cluster.get_json(&path)).await {
        Ok(found) => Some(found),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error.to_string()),
    };
    let uid = found.as_ref().map(NodeObject::uid);
    if let Some(found) = &found
        && !pool.is_gone(node, uid)
    {
        if found.record().is_none_or(|entry| entry.run != record.run) {
            return Err(
                "its entry of the journal is gone: whether it is the node that was drained is not known".to_owned()
            );
        }
        let phase = if pool.replaces() { NodePhase::Replacing } else { NodePhase::Drained };
        let noting = |found: &NodeObject| {
            if phase == NodePhase::Drained { found.leaving(phase, true) } else { found.noting(phase) }
        };
        change_node(cluster, node, noting).await.map_err(|error| error.to_string())?;
        replace(cluster, lock, &record, found, moved).await?;
    }
    let name = node.to_owned();
    note(lock, move |pool| pool.through(&name, moved)).await
}

/// Runs the replace command, if it has not succeeded before, and deletes the Node object, as far as that is asked for.
async fn replace(
    cluster: &Cluster,
    lock: &Lock,
    record: &RunRecord,
    found: &NodeObject,
    moved: usize,
) -> Result<(), String> {
    let Some(pool) = record.pool.as_ref().filter(|pool| pool.replaces()) else { return Ok(()) };
    let node = found.name();
    let mut leaving = pool.leaving.get(node).cloned().unwrap_or_default();
    found.uid().clone_into(&mut leaving.uid);
    leaving.moved = leaving.moved.max(moved);
    let keep = |leaving: &Leaving| {
        let (name, leaving) = (node.to_owned(), leaving.clone());
        note(lock, move |pool| {
            pool.leaving.insert(name, leaving);
        })
    };
    if let Some(line) = pool.replace_command.as_ref().filter(|_| !leaving.replaced) {
        leaving.attempts += 1;
        keep(&leaving).await?;
        let more = vec![
            ("DRAINSAFE_NODE", node.to_owned()),
            ("DRAINSAFE_PROVIDER_ID", found.provider_id().to_owned()),
            ("DRAINSAFE_ZONE", found.zone().to_owned()),
            ("DRAINSAFE_ATTEMPT", leaving.attempts.to_string()),
        ];
        command(record, pool, line, more).run().await?;
        leaving.replaced = true;
    }
    if pool.delete_node {
        keep(&leaving).await?;
        delete(cluster, &record.run, node).await?;
    }
    Ok(())
}

/// Changes the entry of the pool.
async fn note(lock: &Lock, change: impl FnOnce(&mut PoolRecord)) -> Result<(), String> {
    let changed = lock.note(|record| {
        if let Some(pool) = &mut record.pool {
            change(pool);
        }
    });
    changed.await.map_err(|error| error.to_string())
}

/// Deletes the Node object, unless the node has come back as a new one meanwhile.
async fn delete(cluster: &Cluster, run: &str, node: &str) -> Result<(), String> {
    let path = node_path(node);
    let outcome = persist(|| async {
        let found: NodeObject = cluster.get_json(&path).await?;
        if found.record().is_some_and(|record| record.run == run) {
            cluster.delete_exactly(&path, found.uid()).await?;
        }
        Ok(())
    })
    .await;
    match outcome {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(format!("{} {node}: {error}", kinds::NODES.plural)),
        _ => Ok(()),
    }
}
