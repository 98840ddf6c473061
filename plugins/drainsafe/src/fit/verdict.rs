//! What `fit` says of one pod.

use serde::{Serialize, Serializer};

use super::{
    candidate::Candidate,
    filter::{Filter, Rejection},
    index::Index,
    judge::Judge,
    known::why_unknown,
};

/// Where a pod could go, in the form of the FitReport.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub name: String,
    /// Why nothing can be said of it; both lists are empty then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_evaluated: Option<String>,
    /// The names of the nodes that take it, by ascending name.
    pub feasible: Vec<String>,
    /// All other nodes, by ascending name.
    pub rejected: Vec<RejectedNode>,
}

/// A node that does not take a pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RejectedNode {
    /// The node's name.
    pub node: String,
    /// The first filter that rejects it.
    pub filter: Filter,
    /// The filter's words.
    #[serde(rename = "message", serialize_with = "as_words")]
    pub rejection: Rejection,
}

fn as_words<S: Serializer>(rejection: &Rejection, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&rejection.reason)
}

/// Holds one pod against all nodes, as if it were the only one that looks for a node. A pod that is on a node is to be
/// taken off the index first.
#[must_use]
pub fn verdict(index: &Index<'_>, candidate: &Candidate) -> Verdict {
    let mut verdict = Verdict {
        namespace: candidate.namespace.to_string(),
        name: candidate.name.to_string(),
        not_evaluated: candidate.why_not_evaluated().or_else(|| why_unknown(index, candidate)),
        feasible: Vec::new(),
        rejected: Vec::new(),
    };
    if verdict.not_evaluated.is_some() {
        return verdict;
    }
    let judge = Judge::new(index, candidate);
    for (number, state) in index.nodes().iter().enumerate() {
        let node = state.name().to_owned();
        match judge.rejection(number) {
            None => verdict.feasible.push(node),
            Some(rejection) => verdict.rejected.push(RejectedNode { node, filter: rejection.filter, rejection }),
        }
    }
    verdict
}
