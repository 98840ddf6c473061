//! The section of a coverage report.

use patchkit::report::{Finding, NotEvaluated, ObjectRef};
use serde::Serialize;

use super::Target;
use crate::{entrance::Entrance, isolation::Isolation};

/// How far an object is isolated. A workload or a namespace is as open as the most open of its pods.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IsolationLine {
    /// A pod, a workload or a namespace.
    pub object: ObjectRef,
    /// Traffic to it.
    pub ingress: Isolation,
    /// Traffic from it.
    pub egress: Isolation,
    /// How many pods it has, of a workload or namespace; a workload whose pods are not in the input counts as one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pods: Option<usize>,
    /// Its pods are not all isolated alike.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mixed: bool,
    /// It is in the network of its node, where policies do not hold.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub host_network: bool,
    /// Of a namespace: whether a NetworkPolicy isolates every pod in it, also one that is made tomorrow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_deny: Option<DefaultDeny>,
    /// Policies that speak about it and are not evaluated: they may change the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_evaluated: Vec<String>,
}

/// Whether whatever is not allowed is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DefaultDeny {
    /// To the pods.
    pub ingress: bool,
    /// From the pods.
    pub egress: bool,
}

/// A part of the score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// A stable identifier.
    pub id: &'static str,
    /// How many of the 100 points it can give.
    pub weight: usize,
    /// How many pods or namespaces it is right for.
    pub covered: usize,
    /// Of how many.
    pub of: usize,
}

/// One number for dashboards, and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Score {
    /// 0 to 100; absent where there is no pod to judge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<usize>,
    /// Its parts.
    pub parts: Vec<Part>,
}

/// The coverage of a cluster.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// Namespaces, workloads, pods.
    pub isolation: Vec<IsolationLine>,
    /// The ways in from outside.
    pub exposed: Vec<Entrance>,
    /// Who reaches kube-dns, the metadata address and the API server.
    pub targets: Vec<Target>,
    /// One number.
    pub score: Score,
    /// What is to be looked at.
    pub findings: Vec<Finding>,
    /// Ways in of which it is not known where they lead.
    pub not_evaluated: Vec<NotEvaluated>,
}
