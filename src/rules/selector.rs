//! Label selectors and node selectors.
//!
//! Sources: `k8s.io/apimachinery/pkg/apis/meta/v1/helpers.go` (`LabelSelectorAsSelector`),
//! `k8s.io/apimachinery/pkg/labels/selector.go` (the text form and the operators), and
//! `k8s.io/component-helpers/scheduling/corev1/nodeaffinity` (node selectors).

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::{Labels, null::or_default, selector_text::is_name};

/// A label selector. Empty selects everything; where a field's absence means something else, that rule says so.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Pairs that must all be there.
    #[serde(deserialize_with = "or_default")]
    pub match_labels: Labels,
    /// Requirements that must all hold.
    #[serde(deserialize_with = "or_default")]
    pub match_expressions: Vec<Requirement>,
}

/// One requirement on a label.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Requirement {
    /// The label's key.
    #[serde(deserialize_with = "or_default")]
    pub key: CompactString,
    /// How the value is compared.
    #[serde(deserialize_with = "or_default")]
    pub operator: Operator,
    /// The values to compare with.
    #[serde(deserialize_with = "or_default")]
    pub values: Vec<CompactString>,
}

/// How a label's value is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Operator {
    /// The value is one of these.
    #[default]
    In,
    /// The value is none of these, or the key is absent.
    NotIn,
    /// The key is there.
    Exists,
    /// The key is absent.
    DoesNotExist,
    /// The value is an integer and greater (node selectors only).
    Gt,
    /// The value is an integer and smaller (node selectors only).
    Lt,
    /// Anything that this version of the rules does not know; it matches nothing.
    #[serde(untagged)]
    Unknown(CompactString),
}

impl LabelSelector {
    /// Whether it has no requirement, and so selects everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// Whether an object with these labels is selected.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(|requirement| requirement.matches(labels))
    }
}

impl Requirement {
    /// Whether these labels meet it.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        let listed = |value: &str| self.values.iter().any(|candidate| candidate == value);
        match self.operator {
            Operator::In => value.is_some_and(listed),
            Operator::NotIn => !value.is_some_and(listed),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Gt => self.compares(value, |label, bound| label > bound),
            Operator::Lt => self.compares(value, |label, bound| label < bound),
            Operator::Unknown(_) => false,
        }
    }

    /// What the API server does not check of a node selector, but its users do (`NewRequirement` of
    /// `k8s.io/apimachinery/pkg/labels`).
    fn is_valid(&self) -> bool {
        let number_of_values = match self.operator {
            Operator::In | Operator::NotIn => !self.values.is_empty(),
            Operator::Exists | Operator::DoesNotExist => self.values.is_empty(),
            Operator::Gt | Operator::Lt => self.values.len() == 1,
            Operator::Unknown(_) => false,
        };
        number_of_values && self.values.iter().all(|value| is_name(value))
    }

    /// Whether an object of this name meets it as a requirement on fields: only `metadata.name` exists, and only In
    /// and NotIn with exactly one value are valid. What is not valid matches nothing.
    fn matches_name(&self, name: &str) -> bool {
        let [value] = self.values.as_slice() else { return false };
        let known = if self.key == "metadata.name" { name } else { "" };
        match self.operator {
            Operator::In => known == value,
            Operator::NotIn => known != value,
            _ => false,
        }
    }

    /// Both sides must be integers, and there must be exactly one bound.
    fn compares(&self, value: Option<&str>, holds: impl Fn(i64, i64) -> bool) -> bool {
        match (value.and_then(|text| text.parse().ok()), self.values.as_slice()) {
            (Some(label), [bound]) => bound.parse().is_ok_and(|bound| holds(label, bound)),
            _ => false,
        }
    }
}

/// A node selector: the terms are ORed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeSelector {
    /// A node needs to match one of them.
    #[serde(deserialize_with = "or_default")]
    pub node_selector_terms: Vec<NodeSelectorTerm>,
}

/// One term of a node selector: its requirements are ANDed, and an empty term matches nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeSelectorTerm {
    /// Requirements on the node's labels.
    #[serde(deserialize_with = "or_default")]
    pub match_expressions: Vec<Requirement>,
    /// Requirements on the node's fields; only `metadata.name` exists.
    #[serde(deserialize_with = "or_default")]
    pub match_fields: Vec<Requirement>,
}

/// A preferred term: it never filters, only its presence is of interest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct PreferredTerm {
    /// From 1 to 100.
    #[serde(deserialize_with = "or_default")]
    pub weight: i32,
    /// What is preferred.
    #[serde(deserialize_with = "or_default")]
    pub preference: NodeSelectorTerm,
}

impl NodeSelector {
    /// Whether a node of this name with these labels is selected.
    #[must_use]
    pub fn matches(&self, name: &str, labels: &Labels) -> bool {
        self.node_selector_terms.iter().any(|term| term.matches(name, labels))
    }
}

impl NodeSelectorTerm {
    /// Whether these labels meet all requirements on labels. One that is not valid, such as `Gt` with the bound `-1`,
    /// which is no label's value, makes the whole term match nothing.
    #[must_use]
    pub fn matches_labels(&self, labels: &Labels) -> bool {
        self.match_expressions.iter().all(|requirement| requirement.matches(labels) && requirement.is_valid())
    }

    /// Whether a node of this name with these labels matches the term.
    #[must_use]
    pub fn matches(&self, name: &str, labels: &Labels) -> bool {
        if self.match_expressions.is_empty() && self.match_fields.is_empty() {
            return false;
        }
        self.matches_labels(labels) && self.match_fields.iter().all(|requirement| requirement.matches_name(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&'static str, &'static str)]) -> Labels {
        pairs.iter().copied().collect()
    }

    fn selector(json: &str) -> LabelSelector {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn not_in_and_does_not_exist_match_objects_without_the_key() {
        let none = labels(&[]);
        assert!(selector(r#"{"matchExpressions":[{"key":"a","operator":"NotIn","values":["x"]}]}"#).matches(&none));
        assert!(selector(r#"{"matchExpressions":[{"key":"a","operator":"DoesNotExist"}]}"#).matches(&none));
        assert!(!selector(r#"{"matchExpressions":[{"key":"a","operator":"In","values":["x"]}]}"#).matches(&none));
    }

    #[test]
    fn an_empty_selector_matches_everything() {
        assert!(selector("{}").matches(&labels(&[("a", "b")])));
        assert!(selector(r#"{"matchLabels":null}"#).is_empty());
    }

    #[test]
    fn an_unknown_operator_matches_nothing() {
        let unknown = selector(r#"{"matchExpressions":[{"key":"a","operator":"Near","values":["x"]}]}"#);
        assert!(!unknown.matches(&labels(&[("a", "x")])));
    }

    #[test]
    fn an_empty_node_selector_term_matches_nothing() {
        let selector: NodeSelector = serde_json::from_str(r#"{"nodeSelectorTerms":[{}]}"#).unwrap();
        assert!(!selector.matches("n", &labels(&[])));
    }

    #[test]
    fn what_is_not_valid_makes_its_term_match_nothing() {
        for requirement in [
            r#"{"key":"gen","operator":"Gt","values":["-1"]}"#,
            r#"{"key":"other","operator":"NotIn","values":[]}"#,
            r#"{"key":"gen","operator":"Exists","values":["4"]}"#,
            r#"{"key":"gen","operator":"NotIn","values":["not a value"]}"#,
        ] {
            let term = format!(r#"{{"matchExpressions":[{requirement}]}}"#);
            let selector: NodeSelector = serde_json::from_str(&format!(r#"{{"nodeSelectorTerms":[{term}]}}"#)).unwrap();
            assert!(!selector.matches("n", &labels(&[("gen", "4")])), "{requirement}");
        }
    }

    #[test]
    fn gt_and_lt_need_integers() {
        let selector: NodeSelector = serde_json::from_str(
            r#"{"nodeSelectorTerms":[{"matchExpressions":[{"key":"gen","operator":"Gt","values":["3"]}]}]}"#,
        )
        .unwrap();
        assert!(selector.matches("n", &labels(&[("gen", "4")])));
        assert!(!selector.matches("n", &labels(&[("gen", "3")])));
        assert!(!selector.matches("n", &labels(&[("gen", "x4")])));
        assert!(!selector.matches("n", &labels(&[])));
    }
}
