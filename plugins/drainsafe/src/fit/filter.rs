//! The filters by name, and what one of them says of a node.

use std::{borrow::Cow, fmt};

use compact_str::CompactString;
use serde::{Serialize, Serializer};

/// A filter plugin of kube-scheduler, in the order in which the scheduler runs them: the first that rejects a node is
/// the one to name (`pkg/scheduler/apis/config/v1/default_plugins.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the scheduler's own")]
pub enum Filter {
    NodeName,
    NodeUnschedulable,
    TaintToleration,
    NodeAffinity,
    NodePorts,
    NodeResourcesFit,
    VolumeRestrictions,
    NodeVolumeLimits,
    VolumeBinding,
    VolumeZone,
    PodTopologySpread,
    InterPodAffinity,
    NodeDeclaredFeatures,
}

impl Filter {
    /// The name of the scheduler's plugin.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NodeName => "NodeName",
            Self::NodeUnschedulable => "NodeUnschedulable",
            Self::TaintToleration => "TaintToleration",
            Self::NodeAffinity => "NodeAffinity",
            Self::NodePorts => "NodePorts",
            Self::NodeResourcesFit => "NodeResourcesFit",
            Self::VolumeRestrictions => "VolumeRestrictions",
            Self::NodeVolumeLimits => "NodeVolumeLimits",
            Self::VolumeBinding => "VolumeBinding",
            Self::VolumeZone => "VolumeZone",
            Self::PodTopologySpread => "PodTopologySpread",
            Self::InterPodAffinity => "InterPodAffinity",
            Self::NodeDeclaredFeatures => "NodeDeclaredFeatures",
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Why a filter rejects a node. Kept as facts and put into words only where somebody reads them: a large cluster has
/// millions of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// One of the scheduler's own sentences.
    Words(Cow<'static, str>),
    /// What there is too little of.
    Insufficient(Shortage),
    /// A taint that keeps the pod away.
    Taint {
        /// The taint's key.
        key: CompactString,
        /// The taint's value.
        value: CompactString,
        /// `NoSchedule` or `NoExecute`.
        effect: CompactString,
    },
}

/// What a node has too little of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shortage {
    /// It runs as many pods as it may.
    pub pods: bool,
    /// Too little cpu is left.
    pub cpu: bool,
    /// Too little memory is left.
    pub memory: bool,
    /// Too little local storage is left.
    pub ephemeral_storage: bool,
    /// Other resources of which too little is left.
    pub others: Vec<CompactString>,
}

impl Shortage {
    /// Whether nothing is short.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl From<&'static str> for Reason {
    fn from(words: &'static str) -> Self {
        Self::Words(Cow::Borrowed(words))
    }
}

impl From<String> for Reason {
    fn from(words: String) -> Self {
        Self::Words(Cow::Owned(words))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(words) => f.write_str(words),
            Self::Taint { key, value, effect } => {
                let value = if value.is_empty() { String::new() } else { format!("={value}") };
                write!(f, "node(s) had untolerated taint(s) {key}{value}:{effect}")
            }
            Self::Insufficient(shortage) => {
                let mut words: Vec<String> = [
                    (shortage.cpu, "Insufficient cpu"),
                    (shortage.ephemeral_storage, "Insufficient ephemeral-storage"),
                    (shortage.memory, "Insufficient memory"),
                    (shortage.pods, "Too many pods"),
                ]
                .into_iter()
                .filter(|(short, _)| *short)
                .map(|(_, words)| words.to_owned())
                .collect();
                words.extend(shortage.others.iter().map(|name| format!("Insufficient {name}")));
                words.sort();
                f.write_str(&words.join(", "))
            }
        }
    }
}

/// What a filter says of a node that it rejects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The first filter that rejects the node.
    pub filter: Filter,
    /// Its reason.
    pub reason: Reason,
}

impl Rejection {
    /// A rejection by this filter.
    #[must_use]
    pub fn new(filter: Filter, reason: impl Into<Reason>) -> Self {
        Self { filter, reason: reason.into() }
    }
}
