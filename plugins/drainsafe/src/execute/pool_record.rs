//! What a run that updates a pool keeps in the journal, so that whoever resumes it goes on as it began.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use patchkit::rules::window::{Opening, Window, WindowError};
use serde::{Deserialize, Serialize};

use crate::pool::{Course, Criterion, Members, Outside};

/// The entry of a pool, on the Lease of its run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolRecord {
    /// Which nodes are the pool.
    pub members: Members,
    /// What makes a node outdated: nodes that come must not be.
    pub criterion: Criterion,
    /// Nodes that worked before, by zone.
    pub zones: BTreeMap<String, usize>,
    /// Of these the ones that were not outdated.
    pub fresh_before: BTreeMap<String, usize>,
    /// Nodes beyond its size; 0 is without surge.
    pub surge: usize,
    /// Nodes that may be away at once.
    pub at_once: usize,
    /// What adds nodes.
    pub surge_command: Option<String>,
    /// How long a new node takes to be Ready, where the user knows it.
    #[serde(default)]
    pub node_start: Option<Duration>,
    /// How long nodes get to be Ready.
    pub surge_timeout: Duration,
    /// What replaces or removes a drained node.
    pub replace_command: Option<String>,
    /// Whether its Node object is deleted then.
    pub delete_node: bool,
    /// What must succeed before nodes are begun.
    pub gates: Vec<String>,
    /// How long gates, and workloads that were moved, get to be well.
    pub gate_timeout: Duration,
    /// How long a command may take.
    pub command_timeout: Duration,
    /// Nodes that may fail.
    pub max_failed_nodes: usize,
    /// A place that is not certain will do.
    pub allow_unproven: bool,
    /// Maintenance windows, as they were written.
    pub windows: Vec<String>,
    /// The one opening of a plan's step.
    pub once: Option<(Timestamp, Timestamp)>,
    /// What to do outside of them.
    pub outside_window: Outside,
    /// How long it was forecast to take, in seconds.
    pub predicted_seconds: u64,
    /// Pods that stood on the outdated nodes and had to move.
    pub pods: usize,
    /// Nodes that were asked for, by zone: the command has succeeded.
    pub asked: BTreeMap<String, usize>,
    /// Nodes that are being asked for: whether a command that was under way in a run that was killed has come to its end
    /// is not known.
    #[serde(default)]
    pub asking: BTreeMap<String, usize>,
    /// Nodes that are through: drained, and replaced or removed where that was asked for.
    pub replaced: Vec<String>,
    /// Pods that were made to go from those.
    pub moved: usize,
    /// Nodes whose replacement was begun, and is not known to be through.
    #[serde(default)]
    pub leaving: BTreeMap<String, Leaving>,
}

/// A drained node whose replacement was begun.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Leaving {
    /// The UID of its Node object: one of this name with another UID is a new node.
    pub uid: String,
    /// Pods that were made to go from it.
    pub moved: usize,
    /// How often the replace command was begun.
    pub attempts: u32,
    /// The replace command has succeeded.
    pub replaced: bool,
}

impl PoolRecord {
    /// How it is gone through.
    #[must_use]
    pub fn course(&self) -> Course {
        Course { zones: self.zones.clone(), surge: self.surge, at_once: self.at_once }
    }

    /// The maintenance windows.
    ///
    /// # Errors
    /// Where one is not to be understood: a later version wrote it.
    pub fn windows(&self) -> Result<Vec<Window>, WindowError> {
        self.windows.iter().map(|text| text.parse()).collect()
    }

    /// The one opening of a plan's step.
    #[must_use]
    pub fn opening(&self) -> Option<Opening> {
        self.once.map(|(start, end)| Opening { start, end })
    }

    /// Notes that a node is through, from which so many pods were made to go.
    pub fn through(&mut self, node: &str, moved: usize) {
        let known = self.leaving.remove(node).map_or(0, |leaving| leaving.moved);
        if !self.replaced.iter().any(|name| name == node) {
            self.replaced.push(node.to_owned());
            self.moved += moved.max(known);
        }
    }

    /// Whether a node of this UID, or none, shows that the node that was drained is gone.
    #[must_use]
    pub fn is_gone(&self, node: &str, uid: Option<&str>) -> bool {
        uid.is_none_or(|uid| self.leaving.get(node).is_some_and(|leaving| leaving.uid != uid))
    }

    /// Whether anything is done to a node that is drained.
    #[must_use]
    pub const fn replaces(&self) -> bool {
        self.replace_command.is_some() || self.delete_node
    }
}
