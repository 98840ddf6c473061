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
    pool_run::{PoolHappened, PoolTodo, add},
    record::{NodePhase, RunRecord},
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
                        each.spawn(
                            async move { change_node(&cluster, &node, super::node::NodeObject::softening).await },
                        );
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
    let note = move |asking: BTreeMap<String, usize>, asked: BTreeMap<String, usize>| {
        lock.note(move |record| {
            if let Some(pool) = &mut record.pool {
                pool.asking = asking;
                add(&mut pool.asked, &asked);
            }
        })
    };
    // A run that is killed in between is gone on with by one that waits for them before it asks again.
    note(zones.clone(), BTreeMap::new()).await.map_err(|error| error.to_string())?;
    let record = lock.record().await;
    let Some(pool) = &record.pool else { return Ok(()) };
    let Some(line) = &pool.surge_command else { return Ok(()) };
    let places: Vec<String> =
        zones.iter().filter(|(zone, _)| !zone.is_empty()).map(|(zone, count)| format!("{zone}={count}")).collect();
    let more = vec![("DRAINSAFE_NODES", nodes.to_string()), ("DRAINSAFE_ZONES", places.join(","))];
    let outcome = command(&record, pool, line, more).run().await;
    let asked = if outcome.is_ok() { zones.clone() } else { BTreeMap::new() };
    note(BTreeMap::new(), asked).await.map_err(|error| error.to_string())?;
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

/// Replaces or removes a drained node, each step noted before it is done.
async fn remove(cluster: &Cluster, lock: &Lock, node: &str, moved: usize) -> Result<(), String> {
    let record = lock.record().await;
    let Some(pool) = &record.pool else { return Ok(()) };
    let phase = if pool.replaces() { NodePhase::Replacing } else { NodePhase::Drained };
    let noted = change_node(cluster, node, |found| {
        if phase == NodePhase::Drained { found.leaving(phase, true) } else { found.noting(phase) }
    })
    .await;
    let is_there = match noted {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(error.to_string()),
    };
    if is_there {
        if let Some(line) = &pool.replace_command {
            let machine: Machinery = cluster.get_json(&node_path(node)).await.unwrap_or_default();
            let more = vec![
                ("DRAINSAFE_NODE", node.to_owned()),
                ("DRAINSAFE_PROVIDER_ID", machine.spec.provider_id),
                (
                    "DRAINSAFE_ZONE",
                    machine.metadata.labels.get("topology.kubernetes.io/zone").cloned().unwrap_or_default(),
                ),
            ];
            command(&record, pool, line, more).run().await?;
        }
        if pool.delete_node {
            delete(cluster, &record.run, node).await?;
        }
    }
    let name = node.to_owned();
    lock.note(move |record| {
        if let Some(pool) = &mut record.pool
            && !pool.replaced.contains(&name)
        {
            pool.replaced.push(name);
            pool.moved += moved;
        }
    })
    .await
    .map_err(|error| error.to_string())
}

/// What a command is told of a node.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Machinery {
    metadata: Labelled,
    spec: Provided,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Labelled {
    labels: BTreeMap<String, String>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Provided {
    #[serde(rename = "providerID")]
    provider_id: String,
}

/// Deletes the Node object, unless the node has come back as a new one meanwhile.
async fn delete(cluster: &Cluster, run: &str, node: &str) -> Result<(), String> {
    let path = node_path(node);
    let outcome = persist(|| async {
        let found: super::node::NodeObject = cluster.get_json(&path).await?;
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
