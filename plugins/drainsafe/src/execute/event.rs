//! What happens in a run, one event after the other: the lines of `-o json`, and in words those of a pipe.

use jiff::Timestamp;
use serde::Serialize;

/// What kind of event it is. The names are those of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is one word of the output, told in `words`")]
pub enum Kind {
    Started,
    Cordoned,
    AlreadyCordoned,
    Warning,
    Waiting,
    Evicting,
    Deleting,
    Granted,
    Refused,
    Retrying,
    Gone,
    Surging,
    Surged,
    Restored,
    Detaching,
    Drained,
    Replaced,
    Uncordoned,
    Shunned,
    Wave,
    NodesAsked,
    NodesReady,
    GatePassed,
    GateFailed,
    Window,
    Replacing,
    Removed,
    Failed,
    Stopping,
    Result,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What kind it is.
    pub kind: Kind,
    /// The node.
    pub node: Option<String>,
    /// The pod, as `namespace/name`.
    pub pod: Option<String>,
    /// More of it, in words.
    pub detail: String,
}

/// A line of `-o json`.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    event: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a Summary>,
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The run.
    pub run: String,
    /// `drained`, `failed`, `stopped` or `interrupted`.
    pub outcome: &'static str,
    /// Nodes that are empty, but for the pods that stay.
    pub drained: Vec<String>,
    /// Nodes that are not.
    pub not_drained: Vec<String>,
    /// Evictions that were asked for, refused ones included.
    pub evictions_attempted: usize,
    /// Pods that were made to go.
    pub evicted: usize,
    /// Pods that did not go, with why.
    pub failed: Vec<FailedPod>,
    /// Pods whose replacement is not available, with why.
    pub not_replaced: Vec<FailedPod>,
    /// From the first cordon to the end.
    pub seconds: f64,
    /// How to go on, where the run is not finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Of a pool's update.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolSummary>,
}

/// What the update of a pool came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolSummary {
    /// The pool.
    pub name: String,
    /// Nodes that were outdated.
    pub outdated: usize,
    /// Nodes that are through: drained, and replaced or removed where that was asked for.
    pub replaced: Vec<String>,
    /// Nodes that were added meanwhile and are Ready.
    pub added: usize,
    /// Pods that stood on the outdated nodes and had to move.
    pub pods: usize,
    /// How often pods were moved.
    pub moves: usize,
    /// Moves per pod; 1 is what no way is better than.
    pub moves_per_pod: f64,
    /// The fewest pods of a workload that were Ready at any moment, for those that had fewer than they want.
    pub lowest_readiness: Vec<Readiness>,
    /// By how many nodes the zones were apart at most, measured by what each had before.
    pub zone_imbalance: usize,
    /// How long it was forecast to take, in seconds.
    pub predicted_seconds: u64,
}

/// How many pods of a workload were Ready at the worst moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Readiness {
    /// `Deployment shop/web`
    pub workload: String,
    /// The pods that were Ready.
    pub ready: i64,
    /// The pods that it wants.
    pub wanted: i64,
}

/// A pod that is not as it should be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FailedPod {
    /// `namespace/name`
    pub pod: String,
    /// The node that it is on; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Why.
    pub why: String,
}

impl Event {
    /// An event of the whole run.
    #[must_use]
    pub fn of_run(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, node: None, pod: None, detail: detail.into() }
    }

    /// An event of a node.
    #[must_use]
    pub fn of_node(kind: Kind, node: &str, detail: impl Into<String>) -> Self {
        Self { kind, node: Some(node.to_owned()), pod: None, detail: detail.into() }
    }

    /// An event of a pod.
    #[must_use]
    pub fn of_pod(kind: Kind, node: &str, pod: String, detail: impl Into<String>) -> Self {
        Self { kind, node: Some(node.to_owned()), pod: Some(pod), detail: detail.into() }
    }

    /// The line of `-o json`; the last one of a run with its summary.
    #[must_use]
    pub fn json(&self, now: Timestamp, summary: Option<&Summary>) -> String {
        let line = Line {
            time: now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            event: self.kind,
            node: self.node.as_deref(),
            pod: self.pod.as_deref(),
            detail: &self.detail,
            summary,
        };
        // Nothing in it has a form that JSON lacks.
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// The line for people, with kubectl's words where kubectl has them.
    #[must_use]
    pub fn words(&self) -> String {
        let node = self.node.as_deref().unwrap_or_default();
        let pod = self.pod.as_deref().unwrap_or_default();
        let detail = if self.detail.is_empty() { String::new() } else { format!(": {}", self.detail) };
        match self.kind {
            Kind::Started
            | Kind::Stopping
            | Kind::Result
            | Kind::Wave
            | Kind::NodesAsked
            | Kind::NodesReady
            | Kind::GatePassed
            | Kind::GateFailed
            | Kind::Window => self.detail.clone(),
            Kind::Shunned => format!("node/{node} shunned"),
            Kind::Replacing => format!("node/{node} is replaced{detail}"),
            Kind::Removed => format!("node/{node} replaced"),
            Kind::Warning => format!("Warning{detail}"),
            Kind::Cordoned => format!("node/{node} cordoned"),
            Kind::AlreadyCordoned => format!("node/{node} already cordoned"),
            Kind::Uncordoned => format!("node/{node} uncordoned"),
            Kind::Drained => format!("node/{node} drained"),
            Kind::Detaching => format!("node/{node} waits for volumes to be detached{detail}"),
            Kind::Evicting => format!("evicting pod {pod}"),
            Kind::Deleting => format!("deleting pod {pod}"),
            Kind::Granted => format!("pod/{pod} ends{detail}"),
            Kind::Gone => format!("pod/{} evicted", pod.rsplit('/').next().unwrap_or(pod)),
            Kind::Waiting => format!("pod/{pod} waits for {}", self.detail),
            Kind::Refused => format!("pod/{pod} refused{detail}"),
            Kind::Retrying => format!("pod/{pod} is tried again{detail}"),
            Kind::Replaced => format!("{} available again", self.detail),
            Kind::Surging | Kind::Surged | Kind::Restored => self.detail.clone(),
            Kind::Failed if self.pod.is_some() => format!("error: pod/{pod}{detail}"),
            Kind::Failed if self.node.is_some() => format!("error: unable to drain node {node:?}{detail}"),
            Kind::Failed => format!("error{detail}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_that_people_search_for() {
        for (event, words) in [
            (Event::of_node(Kind::Cordoned, "n", ""), "node/n cordoned"),
            (Event::of_node(Kind::AlreadyCordoned, "n", ""), "node/n already cordoned"),
            (Event::of_node(Kind::Drained, "n", ""), "node/n drained"),
            (Event::of_node(Kind::Uncordoned, "n", ""), "node/n uncordoned"),
            (Event::of_pod(Kind::Evicting, "n", "a/p".into(), ""), "evicting pod a/p"),
            (Event::of_pod(Kind::Gone, "n", "a/p".into(), ""), "pod/p evicted"),
        ] {
            assert_eq!(event.words(), words);
        }
    }

    #[test]
    fn lines_have_the_fields_of_the_contract() {
        let now = "2026-11-24T10:00:00.25Z".parse().unwrap();
        let event = Event::of_pod(Kind::Waiting, "n", "a/p".into(), "budget a/b: 5 healthy, 5 needed");
        assert_eq!(
            event.json(now, None),
            r#"{"time":"2026-11-24T10:00:00.250Z","event":"waiting","node":"n","pod":"a/p","detail":"budget a/b: 5 healthy, 5 needed"}"#
        );
        let summary = Summary { run: "r".into(), outcome: "drained", ..Summary::default() };
        let line: serde_json::Value =
            serde_json::from_str(&Event::of_run(Kind::Result, "").json(now, Some(&summary))).unwrap();
        assert_eq!(line["event"], "result");
        assert_eq!(line["summary"]["outcome"], "drained");
    }
}
