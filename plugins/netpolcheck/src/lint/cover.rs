//! Whether one rule means everything that another means, whichever pods there are and will be: by the words of
//! selectors, blocks and ports alone.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use patchkit::rules::{LabelSelector, Operator, Requirement};
use rustc_hash::FxHashMap;

use crate::{
    engine::addresses_of,
    policy::{Peers, PortMatch, Rule, Scope, Term, TermId, Terms},
    ports::{PortRange, PortSet},
    world::Namespaces,
};

/// What a selector asks of one label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Asked<'s> {
    /// It has one of these values.
    only: Option<BTreeSet<&'s str>>,
    /// It has none of these values.
    not: BTreeSet<&'s str>,
    /// It is there.
    present: bool,
    /// It is not there.
    absent: bool,
}

impl<'s> Asked<'s> {
    fn narrow(&mut self, values: BTreeSet<&'s str>) {
        self.present = true;
        self.only = Some(match self.only.take() {
            Some(known) => known.intersection(&values).copied().collect(),
            None => values,
        });
    }

    /// No label can be like this.
    fn is_impossible(&self) -> bool {
        self.absent && self.present || self.only.as_ref().is_some_and(|values| values.is_subset(&self.not))
    }

    /// Whatever is like this is also like the other.
    fn is_within(&self, other: &Self) -> bool {
        let excludes = || match &self.only {
            Some(values) => values.iter().all(|value| self.not.contains(value) || !other.not.contains(value)),
            None => self.absent || other.not.is_subset(&self.not),
        };
        let only = match (&self.only, &other.only) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(mine), Some(theirs)) => mine.iter().all(|value| self.not.contains(value) || theirs.contains(value)),
        };
        only && (!other.present || self.present) && (!other.absent || self.absent) && excludes()
    }
}

/// What a selector asks of all labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selection<'s> {
    labels: BTreeMap<&'s str, Asked<'s>>,
    /// Requirements of another form.
    others: Vec<&'s Requirement>,
}

impl<'s> Selection<'s> {
    /// `None` where no labels at all can meet it.
    pub(super) fn of(selector: &'s LabelSelector) -> Option<Self> {
        let mut selection = Self::default();
        for (key, value) in selector.match_labels.iter() {
            selection.labels.entry(key).or_default().narrow([value].into());
        }
        for requirement in &selector.match_expressions {
            let asked = selection.labels.entry(requirement.key.as_str()).or_default();
            let values = requirement.values.iter().map(|value| value.as_str());
            match requirement.operator {
                Operator::In => asked.narrow(values.collect()),
                Operator::NotIn => asked.not.extend(values),
                Operator::Exists => asked.present = true,
                Operator::DoesNotExist => asked.absent = true,
                Operator::Gt | Operator::Lt => selection.others.push(requirement),
                Operator::Unknown(_) => return None,
            }
        }
        (!selection.labels.values().any(Asked::is_impossible)).then_some(selection)
    }

    /// The values that a label may have, where the selector lists them.
    pub(super) fn values_of(&self, key: &str) -> Option<&BTreeSet<&'s str>> {
        self.labels.get(key)?.only.as_ref()
    }

    fn is_within(&self, other: &Self) -> bool {
        let free = Asked::default();
        other.labels.iter().all(|(key, theirs)| self.labels.get(key).unwrap_or(&free).is_within(theirs))
            && other.others.iter().all(|theirs| self.others.contains(theirs))
    }
}

/// Whether whatever the first selects is selected by the second.
fn selects_less(a: &LabelSelector, b: &LabelSelector) -> bool {
    match (Selection::of(a), Selection::of(b)) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(a), Some(b)) => a.is_within(&b),
    }
}

/// Compares the terms of policies, and remembers what came of it.
pub(super) struct Covers<'a> {
    terms: &'a Terms,
    namespaces: &'a Namespaces<'a>,
    known: RefCell<FxHashMap<(TermId, TermId), bool>>,
}

impl<'a> Covers<'a> {
    pub(super) fn new(terms: &'a Terms, namespaces: &'a Namespaces<'a>) -> Self {
        Self { terms, namespaces, known: RefCell::default() }
    }

    /// Whether the second term means whatever the first means.
    pub(super) fn term(&self, a: TermId, b: TermId) -> bool {
        if let Some(known) = self.known.borrow().get(&(a, b)) {
            return *known;
        }
        let within = self.compare(self.terms.get(a), self.terms.get(b), a == b);
        self.known.borrow_mut().insert((a, b), within);
        within
    }

    fn compare(&self, a: &Term, b: &Term, same: bool) -> bool {
        match (a, b) {
            // It stands for things of which nothing is known, not even that they are the same.
            (Term::Unknown, _) | (_, Term::Unknown) => false,
            _ if same => true,
            (Term::Pods { scope, pods }, Term::Pods { scope: wider, pods: more }) => {
                self.scope(scope, wider) && selects_less(pods, more)
            }
            (Term::Addresses { block, .. }, Term::Addresses { .. }) => {
                let of = |term| addresses_of(term, block.family, None);
                of(a).difference(&of(b)).is_empty()
            }
            (Term::Nodes(a), Term::Nodes(b)) => selects_less(a, b),
            (Term::Domains(a), Term::Domains(b)) => a.iter().all(|name| b.contains(name)),
            _ => false,
        }
    }

    fn scope(&self, a: &Scope, b: &Scope) -> bool {
        match (a, b) {
            (Scope::One(a), Scope::One(b)) => a == b,
            (Scope::One(name), Scope::Labelled(selector)) => {
                self.namespaces.matches(selector, name)
                    && !self.namespaces.unread(selector).any(|unread| unread == name.as_str())
            }
            (Scope::Labelled(a), Scope::Labelled(b)) => selects_less(a, b) || self.names_within(a, b),
            (Scope::Labelled(selector), Scope::One(name)) => Selection::of(selector).is_none_or(|selection| {
                let names = selection.values_of("kubernetes.io/metadata.name");
                names.is_some_and(|names| names.iter().all(|known| *known == name.as_str()))
            }),
        }
    }

    /// Whether a selector asks for namespaces by their names, all of which another selects as they are.
    fn names_within(&self, a: &LabelSelector, b: &LabelSelector) -> bool {
        let Some(selection) = Selection::of(a) else { return true };
        selection.values_of("kubernetes.io/metadata.name").is_some_and(|names| {
            names.iter().all(|name| {
                self.namespaces.matches(b, name) && !self.namespaces.unread(b).any(|unread| unread == *name)
            })
        })
    }

    /// Whether a rule means every peer that this term means; `None` stands for everyone.
    fn peer(&self, term: Option<TermId>, rule: &Rule) -> bool {
        match (&rule.peers, term) {
            (Peers::Everyone, _) => true,
            (Peers::Any(_), None) => false,
            (Peers::Any(wider), Some(term)) => wider.iter().any(|wider| self.term(term, *wider)),
        }
    }

    /// Which of these rules together mean everything that a rule means; `None` where they leave something out. One
    /// that does so alone is preferred.
    pub(super) fn by<K: Copy + PartialEq>(&self, rule: &Rule, others: &[(K, &Rule)]) -> Option<Vec<K>> {
        let terms: Vec<Option<TermId>> = match &rule.peers {
            Peers::Everyone => vec![None],
            Peers::Any(terms) => terms.iter().copied().map(Some).collect(),
        };
        let mut all: Vec<K> = Vec::new();
        for term in terms {
            let meaning: Vec<&(K, &Rule)> = others.iter().filter(|(_, other)| self.peer(term, other)).collect();
            let alone = meaning.iter().find(|(_, other)| Ports::of([*other]).hold(rule));
            let of_term: Vec<K> = match alone {
                Some((key, _)) => vec![*key],
                None if Ports::of(meaning.iter().map(|(_, other)| *other)).hold(rule) => {
                    meaning.iter().map(|(key, _)| *key).collect()
                }
                None => return None,
            };
            of_term.into_iter().for_each(|key| {
                if !all.contains(&key) {
                    all.push(key);
                }
            });
        }
        Some(all)
    }
}

/// The ports of some rules together.
struct Ports<'r> {
    numbers: PortSet,
    names: Vec<&'r PortMatch>,
}

impl<'r> Ports<'r> {
    fn of(rules: impl IntoIterator<Item = &'r Rule>) -> Self {
        let mut ports = Self { numbers: PortSet::default(), names: Vec::new() };
        for rule in rules {
            match &rule.ports {
                None => ports.numbers = PortSet::all(),
                Some(of_rule) => {
                    ports.numbers = ports.numbers.union(&numbers(of_rule));
                    ports.names.extend(of_rule.iter().filter(|port| matches!(port, PortMatch::Named { .. })));
                }
            }
        }
        ports
    }

    fn hold(&self, rule: &Rule) -> bool {
        if self.numbers.is_all() {
            return true;
        }
        let Some(ports) = &rule.ports else { return false };
        let named = |port: &PortMatch| match port {
            PortMatch::Range { .. } => true,
            PortMatch::Named { protocol, name } => self.names.iter().any(|wider| {
                matches!(wider, PortMatch::Named { protocol: of, name: known }
                    if known == name && (of.is_none() || of == protocol))
            }),
        };
        numbers(ports).difference(&self.numbers).is_empty() && ports.iter().all(named)
    }
}

/// Whether two rules may mean the same port: a name may stand for any.
pub(super) fn share_a_port(a: &Rule, b: &Rule) -> bool {
    let (Some(a), Some(b)) = (&a.ports, &b.ports) else { return true };
    let named = |ports: &[PortMatch]| ports.iter().any(|port| matches!(port, PortMatch::Named { .. }));
    named(a) || named(b) || !numbers(a).intersection(&numbers(b)).is_empty()
}

/// The numbered ones of some ports.
pub(super) fn numbers(ports: &[PortMatch]) -> PortSet {
    let ranges = ports.iter().filter_map(|port| match port {
        PortMatch::Range { protocol, first, last } => {
            Some(PortRange { protocol: *protocol, first: *first, last: *last })
        }
        PortMatch::Named { .. } => None,
    });
    ranges.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn selector(json: &str) -> LabelSelector {
        serde_json::from_str(json).expect("a selector")
    }

    #[test]
    fn selectors_are_compared_by_what_they_ask() {
        let web = r#"{"matchLabels": {"app": "web"}}"#;
        for (narrow, wide, expected) in [
            (web, "{}", true),
            ("{}", web, false),
            (web, r#"{"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "api"]}]}"#, true),
            (web, r#"{"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db"]}]}"#, true),
            (web, r#"{"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}"#, false),
            (web, r#"{"matchExpressions": [{"key": "app", "operator": "Exists"}]}"#, true),
            (web, r#"{"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}"#, false),
            (r#"{"matchLabels": {"app": "web", "tier": "x"}}"#, web, true),
            (
                r#"{"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}"#,
                r#"{"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db"]}]}"#,
                true,
            ),
        ] {
            assert_eq!(selects_less(&selector(narrow), &selector(wide)), expected, "{narrow} within {wide}");
        }
        let never = selector(
            r#"{"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}"#,
        );
        assert!(Selection::of(&never).is_none() && selects_less(&never, &selector(web)));
    }

    fn any_selector() -> impl Strategy<Value = LabelSelector> {
        let value = prop_oneof![Just("a"), Just("b"), Just("c")];
        let values = proptest::collection::vec(value, 1..3);
        let operator = prop_oneof![Just("In"), Just("NotIn"), Just("Exists"), Just("DoesNotExist")];
        let one = (prop_oneof![Just("x"), Just("y")], operator, values);
        proptest::collection::vec(one, 0..3).prop_map(|requirements| {
            let list: Vec<_> = requirements
                .into_iter()
                .map(|(key, operator, values)| {
                    let values = if operator.ends_with("In") { values } else { Vec::new() };
                    serde_json::json!({"key": key, "operator": operator, "values": values})
                })
                .collect();
            serde_json::from_value(serde_json::json!({"matchExpressions": list})).expect("a selector")
        })
    }

    proptest! {
        #[test]
        fn what_is_called_narrower_is_narrower(a in any_selector(), b in any_selector()) {
            // A value that no selector names stands for all others.
            let values = [None, Some("a"), Some("b"), Some("c"), Some("other")];
            let mut narrower = true;
            for x in values {
                for y in values {
                    let labels = [("x", x), ("y", y)].into_iter().filter_map(|(key, value)| Some((key, value?)));
                    let labels: patchkit::rules::Labels = labels.collect();
                    narrower &= !a.matches(&labels) || b.matches(&labels);
                }
            }
            prop_assert_eq!(selects_less(&a, &b), narrower);
        }
    }
}
