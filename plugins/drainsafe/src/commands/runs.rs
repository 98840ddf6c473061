//! The runs that have left a trace in a cluster: by the Lease and by the nodes' annotations.

use std::collections::BTreeMap;

use jiff::Timestamp;
use patchkit::{
    cluster::{Cluster, ClusterError, LeaseName, ListEvent, ListRequest},
    snapshot::kinds,
};
use serde::{Deserialize, Serialize};

use crate::execute::{
    lock::{Standing, standing},
    node::{Cordon, NodeObject},
    record::NodePhase,
};

/// What is known of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownRun {
    /// The run.
    pub run: String,
    /// Who started it.
    pub by: String,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// `running`, `silent` (its holder has not renewed its lock in time), `killed`, `stopped`, or `finished`.
    pub state: &'static str,
    /// It can be gone on with.
    pub unfinished: bool,
    /// Its nodes.
    pub nodes: Vec<KnownNode>,
    /// Deployments that it has scaled up, as `namespace/name`.
    pub surges: Vec<String>,
    /// The pool that it updates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<KnownPool>,
}

/// The pool of an unfinished run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownPool {
    /// The pool.
    pub name: String,
    /// Nodes that were outdated when the run began.
    pub outdated: usize,
    /// Of these the ones that are through.
    pub replaced: usize,
}

/// A node of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownNode {
    /// The node.
    pub name: String,
    /// How far it is; absent where the run has not come to it, or where a later one has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<&'static str>,
    /// `ours`, `foreign` or `none`.
    pub cordon: &'static str,
    /// Pods whose eviction was asked for.
    pub evicted: usize,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    /// The unfinished one first.
    pub runs: Vec<KnownRun>,
}

impl Runs {
    /// The names of a run's nodes.
    #[must_use]
    pub fn nodes_of(&self, run: &str) -> Vec<String> {
        let found = self.runs.iter().find(|known| known.run == run);
        found.map(|run| run.nodes.iter().map(|node| node.name.clone()).collect()).unwrap_or_default()
    }
}

/// Reads them.
///
/// # Errors
/// Where the nodes or the Lease cannot be read.
pub async fn read(cluster: &Cluster, name: &LeaseName, now: Timestamp) -> Result<Runs, ClusterError> {
    #[derive(Deserialize)]
    struct List {
        items: Option<Vec<NodeObject>>,
    }
    let lease = cluster.lease(name).await?;
    let mut nodes = Vec::new();
    cluster
        .list::<ClusterError>(&ListRequest::new(kinds::NODES.path()), |event| {
            match event {
                ListEvent::Restart => nodes.clear(),
                ListEvent::Page(page) => {
                    let list: List = serde_json::from_slice(&page.bytes)
                        .map_err(|error| ClusterError::Setup(format!("the nodes: {error}")))?;
                    nodes.extend(list.items.unwrap_or_default());
                }
            }
            Ok(())
        })
        .await?;
    let held = lease.as_ref().map(|lease| {
        let renewed = lease.spec.renew_time.as_deref().and_then(|time| time.parse::<Timestamp>().ok());
        let seconds = i64::from(lease.spec.lease_duration_seconds.unwrap_or_default());
        let silent = renewed.is_some_and(|renewed| now.duration_since(renewed).as_secs() > seconds);
        (standing(lease), silent)
    });
    Ok(found(held, &nodes))
}

/// Puts together what the Lease and the nodes say. `held` is the Lease's standing and whether its holder is silent.
fn found(held: Option<(Standing, bool)>, nodes: &[NodeObject]) -> Runs {
    let mut runs: BTreeMap<String, KnownRun> = BTreeMap::new();
    let mut first = None;
    if let Some((standing, silent)) = held {
        let (record, state) = match standing {
            Standing::Held(record) if silent => (Some(record), "silent"),
            Standing::Held(record) => (Some(record), "running"),
            Standing::Dead(record) => (Some(record), "killed"),
            Standing::Stopped(record) => (Some(record), "stopped"),
            Standing::Foreign(_) => (None, ""),
        };
        if let Some(record) = record {
            first = Some(record.run.clone());
            let of_run = record.nodes.iter().map(|name| KnownNode {
                name: name.clone(),
                cordon: "none",
                ..KnownNode::default()
            });
            let run = KnownRun {
                run: record.run.clone(),
                by: record.by.clone(),
                since: record.since,
                state,
                unfinished: true,
                nodes: of_run.collect(),
                surges: record.surges.iter().map(crate::execute::record::Surge::path).collect(),
                pool: record.pool.as_ref().map(|pool| KnownPool {
                    name: pool.members.title(),
                    outdated: record.nodes.len(),
                    replaced: pool.replaced.len(),
                }),
            };
            runs.insert(record.run, run);
        }
    }
    for node in nodes {
        let Some(record) = node.record() else { continue };
        let cordon = match node.cordon() {
            Cordon::None => "none",
            Cordon::Ours => "ours",
            Cordon::Foreign => "foreign",
        };
        let unfinished = first.as_ref() == Some(&record.run);
        // A node that was drained and has been uncordoned since is of no interest any more.
        if !unfinished && record.phase == NodePhase::Drained && cordon == "none" {
            continue;
        }
        let run = runs.entry(record.run.clone()).or_insert_with(|| KnownRun {
            run: record.run.clone(),
            by: record.by.clone(),
            since: record.since,
            state: "finished",
            ..KnownRun::default()
        });
        let known = KnownNode {
            name: node.name().to_owned(),
            phase: Some(record.phase.as_str()),
            cordon,
            evicted: record.asked(),
        };
        match run.nodes.iter_mut().find(|known| known.name == node.name()) {
            Some(place) => *place = known,
            None => run.nodes.push(known),
        }
    }
    let mut runs: Vec<_> = runs.into_values().collect();
    runs.sort_by(|a, b| (!a.unfinished, b.since, &a.run).cmp(&(!b.unfinished, a.since, &b.run)));
    Runs { runs }
}
