//! Taking a run back.

use std::sync::atomic::{AtomicBool, Ordering};

use patchkit::cluster::{Cluster, ErrorKind};

use super::{
    driver::{change_node, restore},
    event::{Event, Kind},
    lock::Lock,
    node::Cordon,
};

/// What taking a run back came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undone {
    /// Nodes that are uncordoned now.
    pub lifted: usize,
    /// Nodes whose cordon is somebody else's.
    pub foreign: Vec<String>,
    /// What could not be restored, and why.
    pub left: Vec<String>,
}

/// Restores what a run has changed. `lock` is that of an unfinished run.
pub async fn undo(cluster: &Cluster, lock: Option<Lock>, run: &str, nodes: &[String], tell: impl Fn(&Event)) -> Undone {
    let mut undone = Undone::default();
    for node in nodes {
        let (lifted, foreign) = (AtomicBool::new(false), AtomicBool::new(false));
        let outcome = change_node(cluster, node, |found| {
            // A later run has taken the node over: what is there now is its own.
            found.record().filter(|record| record.run == run)?;
            let (patch, lift) = found.restoring()?;
            lifted.store(lift, Ordering::Relaxed);
            foreign.store(!lift && found.cordon() == Cordon::Foreign, Ordering::Relaxed);
            Some(patch)
        })
        .await;
        match outcome {
            Ok(_) if lifted.into_inner() => {
                undone.lifted += 1;
                tell(&Event::of_node(Kind::Uncordoned, node, ""));
            }
            Ok(_) if foreign.into_inner() => undone.foreign.push(node.clone()),
            // There is nothing of it on the node, or there is no node.
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => undone.left.push(format!("node {node}: {error}")),
        }
    }
    let Some(lock) = lock else { return undone };
    for surge in lock.record().await.surges {
        match restore(cluster, &lock, &surge).await {
            Ok(()) => {
                let text = format!("Deployment {} has its replicas back", surge.path());
                tell(&Event::of_run(Kind::Restored, text));
            }
            Err(why) => undone.left.push(format!("Deployment {}: {why}", surge.path())),
        }
    }
    // What is left can be tried again.
    let end = if undone.left.is_empty() { lock.finish().await } else { lock.give_back().await };
    if let Err(error) = end {
        undone.left.push(format!("the lock: {error}"));
    }
    undone
}
