//! Which nodes are a pool.

use std::collections::BTreeMap;

use patchkit::{
    rules::LabelSelector,
    snapshot::{Snapshot, objects::node::Node, pools},
};
use serde::{Deserialize, Serialize};

/// How the nodes of a pool are known, also those that come later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Members {
    /// By the label that names the pool.
    Label {
        /// The label.
        label: String,
        /// The pool's name.
        name: String,
    },
    /// By labels.
    Selector(LabelSelector),
    /// Nodes that no label gives a pool, by what they are for: `nodes`, `system-nodes`, `control-plane`.
    Unnamed(String),
}

/// Why there is no pool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMembers {
    /// No pool has this name.
    #[error("no pool is named {name:?}; there {}", known(.pools))]
    NoSuchPool {
        /// The name.
        name: String,
        /// The names that there are.
        pools: Vec<String>,
    },
    /// Different labels give different pools this name.
    #[error("several pools are named {name:?}, by {}: choose one by -l LABEL={name}", .labels.join(" and "))]
    Ambiguous {
        /// The name.
        name: String,
        /// The labels.
        labels: Vec<String>,
    },
    /// An empty selector would be every node.
    #[error("an empty selector selects every node: name the pool, or the labels that its nodes have")]
    EverythingSelected,
}

fn known(pools: &[String]) -> String {
    if pools.is_empty() { "is none".to_owned() } else { format!("are {}", pools.join(", ")) }
}

impl Members {
    /// The pool of this name, by the labels of the providers or by `label`.
    ///
    /// # Errors
    /// Where there is none, or more than one.
    pub fn named(snapshot: &Snapshot, name: &str, label: Option<&str>) -> Result<Self, NoMembers> {
        let all = pools::of(snapshot, label);
        let mut labels: Vec<Option<String>> =
            all.iter().filter(|pool| pool.name == name).map(|pool| pool.label.clone()).collect();
        labels.sort();
        labels.dedup();
        match labels.as_slice() {
            [] => {
                let mut pools: Vec<String> = all.into_iter().map(|pool| pool.name).collect();
                pools.sort();
                pools.dedup();
                Err(NoMembers::NoSuchPool { name: name.to_owned(), pools })
            }
            [Some(label)] => Ok(Self::Label { label: label.clone(), name: name.to_owned() }),
            [None] => Ok(Self::Unnamed(name.to_owned())),
            several => Err(NoMembers::Ambiguous {
                name: name.to_owned(),
                labels: several.iter().map(|label| label.clone().unwrap_or_else(|| "no label".to_owned())).collect(),
            }),
        }
    }

    /// The nodes with these labels.
    ///
    /// # Errors
    /// Where that is every node.
    pub fn selected(selector: LabelSelector) -> Result<Self, NoMembers> {
        if selector.is_empty() { Err(NoMembers::EverythingSelected) } else { Ok(Self::Selector(selector)) }
    }

    /// The nodes that there are.
    #[must_use]
    pub fn nodes<'s>(&self, snapshot: &'s Snapshot) -> Vec<&'s Node> {
        let all = snapshot.nodes.iter();
        match self {
            Self::Label { label, name } => all.filter(|node| node.label(label) == Some(name.as_str())).collect(),
            Self::Selector(selector) => all.filter(|node| selector.matches(&node.meta.labels)).collect(),
            Self::Unnamed(name) => {
                let pools = pools::of(snapshot, None);
                let names: Vec<&String> = pools
                    .iter()
                    .filter(|pool| pool.label.is_none() && pool.name == *name)
                    .flat_map(|pool| &pool.nodes)
                    .collect();
                all.filter(|node| names.iter().any(|known| **known == *node.meta.name)).collect()
            }
        }
    }

    /// What people call the pool.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Label { name, .. } | Self::Unnamed(name) => name.clone(),
            Self::Selector(selector) => selector.to_string(),
        }
    }
}

/// Nodes by zone; those without one are in the zone of no name.
#[must_use]
pub fn by_zone<'n>(nodes: impl IntoIterator<Item = &'n Node>) -> BTreeMap<String, usize> {
    let mut zones = BTreeMap::new();
    for node in nodes {
        *zones.entry(node.zone().unwrap_or_default().to_owned()).or_default() += 1;
    }
    zones
}
