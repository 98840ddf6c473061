//! How far the nodes of a pool have drifted apart.

use std::collections::{BTreeMap, HashMap};

use patchkit::snapshot::{kinds, objects::node::Node};

use super::{
    super::outcome::{Found, Gap, Outcome},
    Look,
};
use crate::words::count;

/// Of each pool, the values of a fact with the number of nodes.
fn spread(look: &Look<'_>, what: &str, of: impl Fn(&Node) -> &str) -> Outcome {
    let snapshot = look.snapshot;
    let nodes: HashMap<&str, &Node> = snapshot.nodes.iter().map(|node| (node.meta.name.as_str(), node)).collect();
    let mut all: BTreeMap<&str, usize> = BTreeMap::new();
    let mut silent = 0;
    let mut found = Vec::new();
    for pool in &look.subject.inventory.pools {
        // Nodes of two architectures cannot have the same kernel or image.
        let mut by_architecture: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
        for node in pool.nodes.iter().filter_map(|name| nodes.get(name.as_str())) {
            match of(node) {
                "" => silent += 1,
                value => {
                    *all.entry(value).or_default() += 1;
                    *by_architecture.entry(&node.info.architecture).or_default().entry(value).or_default() += 1;
                }
            }
        }
        for values in by_architecture.values().filter(|values| values.len() > 1) {
            found.push(Found::told(format!(
                "pool {} has {}: {}",
                pool.name,
                count(values.len(), what),
                listed(values)
            )));
        }
    }
    let gap =
        (silent > 0).then(|| Gap::new(format!("{silent} of {} do not tell it", count(snapshot.nodes.len(), "node"))));
    Outcome::told(
        found,
        format!("{} on {}: {}", count(all.len(), what), count(snapshot.nodes.len(), "node"), listed(&all)),
    )
    .needing(snapshot, &[kinds::NODES])
    .with_gaps(gap)
}

/// `6.8.0 (3), 5.15.0 (1)`, the most frequent first.
fn listed(values: &BTreeMap<&str, usize>) -> String {
    let mut values: Vec<_> = values.iter().collect();
    values.sort_by_key(|(value, number)| (std::cmp::Reverse(**number), **value));
    values.iter().map(|(value, number)| format!("{value} ({number})")).collect::<Vec<_>>().join(", ")
}

pub(in super::super) fn systems(look: &Look<'_>) -> Outcome {
    spread(look, "OS image", |node| &node.info.os_image)
}

pub(in super::super) fn kernels(look: &Look<'_>) -> Outcome {
    spread(look, "kernel", |node| &node.info.kernel_version)
}
