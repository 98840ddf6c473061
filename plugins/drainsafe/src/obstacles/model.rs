//! The section of the report.

use serde::Serialize;

use crate::drain;

/// The answer in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every node can be drained by itself.
    Clear,
    /// Some cannot, or something is to be known before.
    Obstacles,
    /// Not all could be looked at.
    #[default]
    NotProven,
}

impl Verdict {
    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Obstacles => "obstacles",
            Self::NotProven => "not-proven",
        }
    }
}

/// What stands in the way.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Obstacles {
    /// The answer in one word.
    pub verdict: Verdict,
    /// Each node, as if it alone were drained, with all consents that kubectl knows.
    pub nodes: Vec<NodeLine>,
    /// Nodes that were not tried, since there are more than `--max-nodes`.
    pub nodes_not_tried: usize,
}

/// One node.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeLine {
    /// Its name.
    pub name: String,
    /// Whether it can be drained.
    pub verdict: drain::Verdict,
    /// Pods that would move.
    pub moves: usize,
    /// Pods that would not go, or have no place, as `namespace/name`.
    pub blocked: Vec<String>,
    /// How long its drain takes, in seconds, where pods use all of their grace periods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted_seconds: Option<u64>,
}
