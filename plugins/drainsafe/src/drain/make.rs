//! Putting the parts of the plan together.

use patchkit::{
    report::{Finding, Metadata, NotEvaluated, Report},
    snapshot::{
        Kind, kinds,
        objects::{node::Node, pod::Pod},
    },
};

use super::{
    filters::{self, Filtered},
    model::{Action, BlockedFor, DrainPlan, OnNode, PlannedNode, PlannedPod, Subject, Verdict},
};

/// The kinds that a plan reads of a live cluster.
pub const KINDS: &[Kind] = &[
    kinds::NODES,
    kinds::NAMESPACES,
    kinds::PODS,
    kinds::DEPLOYMENTS,
    kinds::STATEFUL_SETS,
    kinds::DAEMON_SETS,
    kinds::REPLICA_SETS,
    kinds::REPLICATION_CONTROLLERS,
    kinds::JOBS,
    kinds::CRON_JOBS,
    kinds::POD_DISRUPTION_BUDGETS,
    kinds::SERVICES,
    kinds::ENDPOINT_SLICES,
    kinds::VALIDATING_WEBHOOKS,
    kinds::MUTATING_WEBHOOKS,
    kinds::RESOURCE_QUOTAS,
    kinds::PERSISTENT_VOLUMES,
    kinds::PERSISTENT_VOLUME_CLAIMS,
    kinds::STORAGE_CLASSES,
    kinds::CSI_DRIVERS,
    kinds::CSI_NODES,
    kinds::CSI_STORAGE_CAPACITIES,
    kinds::VOLUME_ATTACHMENTS,
];

/// The plan with everything that goes into its report.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// The section of the report.
    pub plan: DrainPlan,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What could not be looked at.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlan {
    /// A node is not there. The words are the API server's.
    #[error("nodes \"{0}\" not found")]
    NoSuchNode(String),
    /// No node has these labels.
    #[error("no node has the labels {0:?}")]
    NothingSelected(String),
    /// The nodes or the pods could not be read: nothing can be said at all.
    #[error("the {what} cannot be seen: {why}")]
    Unread {
        /// `nodes` or `pods`.
        what: &'static str,
        /// Why.
        why: String,
    },
}

/// The nodes that are to be drained, by name or by label.
///
/// # Errors
/// Where one of them is not there, or where nodes or pods could not be read.
pub fn nodes<'a>(subject: Subject<'a>) -> Result<Vec<&'a Node>, NoPlan> {
    let Subject { snapshot, options, .. } = subject;
    for kind in [kinds::NODES, kinds::PODS] {
        if let Some(why) = snapshot.why_unknown(&kind) {
            return Err(NoPlan::Unread { what: kind.plural, why });
        }
    }
    if let Some(selector) = &options.selector {
        let found: Vec<_> = snapshot.nodes.iter().filter(|node| selector.matches(&node.meta.labels)).collect();
        let text = serde_json::to_string(selector).unwrap_or_default();
        return if found.is_empty() { Err(NoPlan::NothingSelected(text)) } else { Ok(found) };
    }
    let mut found: Vec<&Node> = Vec::new();
    for name in &options.nodes {
        // kubectl takes `node/web-1` as well.
        let name = name.strip_prefix("node/").or_else(|| name.strip_prefix("nodes/")).unwrap_or(name);
        let node = snapshot.nodes.iter().find(|node| node.meta.name == name);
        let node = node.ok_or_else(|| NoPlan::NoSuchNode(name.to_owned()))?;
        if !found.iter().any(|known| known.meta.name == node.meta.name) {
            found.push(node);
        }
    }
    Ok(found)
}

/// Makes the plan.
///
/// # Errors
/// Where a node is not there, or where nothing can be said at all.
pub fn make(subject: Subject<'_>) -> Result<Made, NoPlan> {
    let Subject { snapshot, options, .. } = subject;
    let nodes = nodes(subject)?;
    let mut plan = DrainPlan::default();
    for node in &nodes {
        plan.nodes.push(PlannedNode {
            name: node.meta.name.to_string(),
            uid: node.meta.uid.to_string(),
            cordoned: node.unschedulable,
            control_plane: node.is_control_plane(),
            wave: 1,
            ..PlannedNode::default()
        });
    }
    let on_nodes = nodes.iter().flat_map(|&node| {
        snapshot
            .pods
            .iter()
            .filter(move |pod| *pod.node == *node.meta.name)
            .filter(|pod| options.pod_selector.as_ref().is_none_or(|selector| selector.matches(&pod.meta.labels)))
            .map(move |pod| OnNode { pod, node })
    });
    plan.pods = on_nodes.map(|on_node| planned(on_node, subject)).collect();
    plan.verdict = Verdict::NotProven;
    let mut not_evaluated = snapshot.not_evaluated.clone();
    not_evaluated.push(NotEvaluated::new("destinations", "where the replacements would go is not simulated yet"));
    Ok(Made { plan, findings: Vec::new(), not_evaluated })
}

fn planned(on_node: OnNode<'_>, subject: Subject<'_>) -> PlannedPod {
    let OnNode { pod, node } = on_node;
    let (action, reason, blocked_for) = action(pod, subject);
    PlannedPod {
        namespace: pod.meta.namespace.to_string(),
        name: pod.meta.name.to_string(),
        node: node.meta.name.to_string(),
        uid: pod.meta.uid.to_string(),
        action,
        reason,
        blocked_for,
        grace_period_seconds: subject.options.grace_seconds(pod.spec.termination_grace_period_seconds),
        finished: pod.is_finished(),
        ..PlannedPod::default()
    }
}

fn action(pod: &Pod, subject: Subject<'_>) -> (Action, String, Option<BlockedFor>) {
    let Subject { snapshot, options, now } = subject;
    let goes = if options.disable_eviction { Action::Delete } else { Action::Evict };
    match filters::filter(pod, options, snapshot, now) {
        Filtered::Goes => (goes, String::new(), None),
        Filtered::GoesWith(warning) => (goes, warning, None),
        Filtered::Stays(why) | Filtered::StaysWith(why) => (Action::Skip, why.to_owned(), None),
        Filtered::Fails(why) => {
            let why = format!("cannot delete {why}: {}", pod.meta.path());
            (Action::Blocked, why, Some(BlockedFor::Never))
        }
        Filtered::Unknown(why) => (Action::Blocked, format!("cannot tell {why}"), Some(BlockedFor::Now)),
    }
}

impl Made {
    /// The report.
    #[must_use]
    pub fn report(self, metadata: Metadata) -> Report {
        Report::new("DrainReport", metadata, self.plan.verdict.as_str(), self.findings, self.not_evaluated)
            .with_section("drain", &self.plan)
    }
}
