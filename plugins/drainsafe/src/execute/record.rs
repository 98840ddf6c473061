//! The journal of a run. It lies in the cluster, so that any machine can go on: what concerns a node in an annotation of
//! that node, what concerns the whole run in an annotation of the Lease that only its holder may write.
//!
//! A node's entry is written in the same request as its cordon, and the UIDs of pods before they are evicted. So
//! whatever the moment at which a run was killed, the journal never knows less than what was done.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Flags, PoolRecord};

/// The annotation of the journal, on nodes and on the Lease.
pub const RECORD: &str = "drainsafe.patchkit.dev/run";

/// The annotation of the Lease that names the process that holds it.
pub const PROCESS: &str = "drainsafe.patchkit.dev/process";

/// The annotation of the Lease by which somebody asks its holder to begin nothing more.
pub const PAUSE: &str = "drainsafe.patchkit.dev/pause";

/// Annotations that keep an autoscaler from removing a node that stands empty: of the cluster-autoscaler (its FAQ, "How
/// can I prevent Cluster Autoscaler from scaling down a particular node?") and of Karpenter (its documentation on
/// disruption), with the value that each wants.
pub const KEEP_OFF: [(&str, &str); 2] =
    [("cluster-autoscaler.kubernetes.io/scale-down-disabled", "true"), ("karpenter.sh/do-not-disrupt", "true")];

/// UIDs that a node's entry holds at most; of more only the number is kept. An object's annotations may have 256 KiB
/// together, and a kubelet runs 110 pods by default.
const MOST_UIDS: usize = 500;

/// How far a node is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodePhase {
    /// Shunned by new pods where they have another place, and nothing else: an outdated node of a pool.
    Shunned,
    /// Cordoned, and nothing else.
    #[default]
    Cordoned,
    /// Pods are being evicted.
    Draining,
    /// Empty, but for the pods that stay.
    Drained,
    /// It is being replaced or removed.
    Replacing,
}

impl NodePhase {
    /// Whether a pool's run had begun to drain the node.
    #[must_use]
    pub const fn is_begun(self) -> bool {
        matches!(self, Self::Draining | Self::Drained | Self::Replacing)
    }

    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shunned => "shunned",
            Self::Cordoned => "cordoned",
            Self::Draining => "draining",
            Self::Drained => "drained",
            Self::Replacing => "replacing",
        }
    }
}

/// A node's entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeRecord {
    /// The run.
    pub run: String,
    /// Who started it.
    pub by: String,
    /// When.
    pub since: Option<Timestamp>,
    /// The node was cordoned by somebody else before: that cordon is not ours to lift.
    pub cordoned_before: bool,
    /// How far it is.
    pub phase: NodePhase,
    /// The annotations of [`KEEP_OFF`] that we have set, and so may remove.
    pub kept_off: Vec<String>,
    /// UIDs of the pods whose eviction was asked for, the newest last.
    pub evicted: Vec<String>,
    /// How many more there were before those.
    #[serde(skip_serializing_if = "is_zero")]
    pub evicted_before: usize,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl NodeRecord {
    /// Reads an annotation; none where it is no entry of ours, or not to be understood.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|record: &Self| !record.run.is_empty())
    }

    /// The annotation.
    #[must_use]
    pub fn text(&self) -> String {
        // Strings, numbers and times have no form that JSON lacks.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Notes pods that are about to be evicted. Says whether it is another entry now.
    pub fn note<'a>(&mut self, uids: impl IntoIterator<Item = &'a str>) -> bool {
        let before = self.evicted.len() + self.evicted_before;
        for uid in uids {
            if !self.evicted.iter().any(|known| known == uid) {
                self.evicted.push(uid.to_owned());
            }
        }
        let too_many = self.evicted.len().saturating_sub(MOST_UIDS);
        self.evicted.drain(..too_many);
        self.evicted_before += too_many;
        self.evicted.len() + self.evicted_before != before
    }

    /// How many pods' evictions were asked for.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.evicted.len() + self.evicted_before
    }
}

/// A Deployment that was scaled up for a while.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Surge {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The replicas that it had, and gets back.
    pub from: i64,
    /// The replicas that it has meanwhile.
    pub to: i64,
}

impl Surge {
    /// `namespace/name`
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// The entry of a whole run, on its Lease.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRecord {
    /// The run.
    pub run: String,
    /// Who started it.
    pub by: String,
    /// When.
    pub since: Option<Timestamp>,
    /// The nodes, in the order in which they were planned.
    pub nodes: Vec<String>,
    /// With which flags, so that whoever resumes it goes on with the same ones.
    pub flags: Flags,
    /// Deployments that are scaled up just now.
    #[serde(default)]
    pub surges: Vec<Surge>,
    /// The pool that is updated; absent where nodes are drained and no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolRecord>,
}

impl RunRecord {
    /// Reads an annotation; none where it is no entry of ours, or not to be understood.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|record: &Self| !record.run.is_empty())
    }

    /// The annotation.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_noted_once_and_the_entry_stays_small() {
        let mut record = NodeRecord { run: "r".into(), ..NodeRecord::default() };
        assert!(record.note(["a", "b"]));
        assert!(!record.note(["b", "a"]));
        assert_eq!((record.evicted.as_slice(), record.asked()), (&["a".to_owned(), "b".to_owned()][..], 2));
        let uids: Vec<_> = (0..3000).map(|number| format!("00000000-0000-0000-0000-{number:012}")).collect();
        for uid in &uids {
            assert!(record.note([uid.as_str()]));
        }
        assert_eq!((record.evicted.len(), record.asked()), (MOST_UIDS, 3002));
        assert_eq!(record.evicted.last(), uids.last());
        assert!(record.text().len() < 24 * 1024, "{}", record.text().len());
        assert_eq!(NodeRecord::read(&record.text()), Some(record));
    }

    #[test]
    fn what_is_no_entry_is_none() {
        for text in ["", "{}", "[]", "\"x\"", r#"{"run":""}"#, r#"{"run":7}"#] {
            assert_eq!(NodeRecord::read(text), None, "{text}");
            assert_eq!(RunRecord::read(text), None, "{text}");
            // Without its flags a run cannot go on as it began: a grace period of 0 is not the same as none.
            assert_eq!(RunRecord::read(r#"{"run":"r","by":"b","nodes":[]}"#), None);
        }
        // Fields of a later version are passed over.
        assert!(NodeRecord::read(r#"{"run":"r","later":{}}"#).is_some());
    }
}
