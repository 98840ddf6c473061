//! NodeAffinity: the pod's node selector and its required node affinity, which must both hold
//! (`plugins/nodeaffinity/node_affinity.go`, `k8s.io/component-helpers/scheduling/corev1/nodeaffinity`).

use std::collections::BTreeSet;

use compact_str::CompactString;
use patchkit::{
    rules::{Labels, NodeSelector, Operator, PodSpec},
    snapshot::objects::node::Node,
};

use super::filter::{Filter, Reason, Rejection};

/// What the pod wants of its node.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequiredAffinity<'a> {
    selector: &'a Labels,
    terms: Option<&'a NodeSelector>,
}

/// Nodes that the affinity names, where every term names some: all others are out before any filter runs.
pub(super) type NamedNodes<'a> = Option<BTreeSet<&'a CompactString>>;

impl<'a> RequiredAffinity<'a> {
    pub(super) fn of(spec: &'a PodSpec) -> Self {
        let affinity = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
        Self { selector: &spec.node_selector, terms: affinity.and_then(|affinity| affinity.required.as_ref()) }
    }

    /// Whether there is anything to check.
    pub(super) fn is_some(&self) -> bool {
        !self.selector.is_empty() || self.terms.is_some()
    }

    /// Whether a node has what the pod wants.
    pub(super) fn matches(&self, node: &Node) -> bool {
        let labels = &node.meta.labels;
        self.selector.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.terms.is_none_or(|terms| terms.matches(&node.meta.name, labels))
    }

    /// PreFilter: the nodes that the terms name.
    pub(super) fn named_nodes(&self) -> Result<NamedNodes<'a>, Rejection> {
        let Some(selector) = self.terms.filter(|selector| !selector.node_selector_terms.is_empty()) else {
            return Ok(None);
        };
        let mut names = BTreeSet::new();
        for term in &selector.node_selector_terms {
            let mut of_term: NamedNodes<'a> = None;
            for field in &term.match_fields {
                if field.key == "metadata.name" && field.operator == Operator::In {
                    let values: BTreeSet<&CompactString> = field.values.iter().collect();
                    of_term = Some(match of_term {
                        None => values,
                        Some(known) => known.intersection(&values).copied().collect(),
                    });
                }
            }
            // The terms are ORed: one that names no node leaves all of them in.
            let Some(of_term) = of_term else { return Ok(None) };
            names.extend(of_term);
        }
        if names.is_empty() {
            return Err(Rejection::new(Filter::NodeAffinity, "pod affinity terms conflict"));
        }
        Ok(Some(names))
    }

    pub(super) fn filter(&self, node: &Node) -> Result<(), Reason> {
        if self.matches(node) { Ok(()) } else { Err(Reason::from("node(s) didn't match Pod's node affinity/selector")) }
    }
}
