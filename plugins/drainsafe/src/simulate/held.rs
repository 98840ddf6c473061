//! What holds a pod on the nodes that are drained.

use std::fmt;

use patchkit::rules::pod::VolumeSource;

use crate::fit::{Candidate, Index, Judge, affinity_matches};

/// What holds a pod on the nodes that are drained: its replacement stays Pending until one of them is uncordoned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// This PersistentVolume can be used from them only.
    Volume(String),
    /// Its node selector or affinity matches no other node.
    Affinity,
    /// It has this path of the node's own disk: the replacement may go elsewhere, but finds other content there.
    HostPath(String),
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Volume(name) => write!(f, "volume {name} can be used from the drained nodes only"),
            Self::Affinity => f.write_str("its node affinity matches the drained nodes only"),
            Self::HostPath(path) => write!(f, "it uses {path} on the node's own disk"),
        }
    }
}

/// What holds a pod on these nodes.
pub(super) fn held(index: &Index<'_>, drained: &[bool], candidate: &Candidate) -> Vec<Held> {
    let mut held = Vec::new();
    let judge = Judge::new(index, candidate);
    for volume in judge.volumes() {
        let elsewhere = (0..drained.len()).any(|node| !drained[node] && judge.reaches(volume, node));
        let here = (0..drained.len()).any(|node| drained[node] && judge.reaches(volume, node));
        if here && !elsewhere {
            held.push(Held::Volume(volume.to_owned()));
        }
    }
    let matches = |node: usize| affinity_matches(candidate, index.nodes()[node].node);
    if (0..drained.len()).all(|node| drained[node] || !matches(node)) && (0..drained.len()).any(matches) {
        held.push(Held::Affinity);
    }
    for volume in &candidate.spec.volumes {
        if let VolumeSource::HostPath { path } = &volume.source {
            held.push(Held::HostPath(path.to_string()));
        }
    }
    held
}
