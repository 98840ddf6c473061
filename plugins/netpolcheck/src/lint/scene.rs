//! What every check looks at, and where it puts what it finds.

use std::collections::{BTreeMap, BTreeSet};

use patchkit::report::{Finding, NotEvaluated, Severity, words};

use super::population::Population;
use crate::{
    engine::Analysis,
    policy::{Direction, Policy, PolicyId, Rule},
};

/// The policies, and everybody that they may mean.
pub(super) struct Scene<'a> {
    pub(super) analysis: &'a Analysis<'a>,
    pub(super) population: Population<'a>,
}

/// A rule of a policy, by where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RulePlace {
    pub(super) policy: PolicyId,
    pub(super) direction: Direction,
    /// The place among the rules that were read, which is also that in the object.
    pub(super) rule: usize,
}

impl RulePlace {
    /// `ingress[0]`
    pub(super) fn display(self) -> String {
        format!("{}[{}]", self.direction.as_str(), self.rule)
    }
}

impl<'a> Scene<'a> {
    pub(super) fn of(analysis: &'a Analysis<'a>) -> Self {
        Self { analysis, population: Population::of(analysis) }
    }

    pub(super) fn policy(&self, id: PolicyId) -> &'a Policy<'a> {
        self.analysis.policies.get(id)
    }

    pub(super) fn policies(&self) -> impl Iterator<Item = (PolicyId, &'a Policy<'a>)> {
        self.analysis.policies.iter()
    }

    pub(super) fn rule(&self, place: RulePlace) -> &'a Rule {
        &self.policy(place.policy).rules(place.direction).unwrap_or_default()[place.rule]
    }

    /// The rules of a policy, in both directions.
    pub(super) fn rules_of(&self, policy: PolicyId) -> impl Iterator<Item = (RulePlace, &'a Rule)> + use<'a> {
        let of = self.policy(policy);
        Direction::ALL.into_iter().flat_map(move |direction| {
            let rules = of.rules(direction).unwrap_or_default().iter().enumerate();
            rules.map(move |(rule, it)| (RulePlace { policy, direction, rule }, it))
        })
    }

    /// All rules.
    pub(super) fn rules(&self) -> impl Iterator<Item = (RulePlace, &'a Rule)> {
        self.policies().flat_map(|(id, _)| self.rules_of(id))
    }

    /// Something that is wrong with a policy as a whole.
    pub(super) fn about_policy(
        &self,
        policy: PolicyId,
        id: &'static str,
        severity: Severity,
        title: String,
    ) -> Finding {
        let policy = self.policy(policy);
        Finding::new(id, severity, title)
            .with_object(policy.meta.object_ref(policy.kind.as_str()))
            .with_source(policy.source(self.analysis.snapshot, None))
    }

    /// Something that is wrong with a rule. The title begins with the rule's place.
    pub(super) fn about_rule(&self, place: RulePlace, id: &'static str, severity: Severity, title: &str) -> Finding {
        let policy = self.policy(place.policy);
        let index = self.rule(place).index;
        Finding::new(id, severity, format!("{}: {title}", place.display()))
            .with_object(policy.meta.object_ref(policy.kind.as_str()))
            .with_source(policy.source(self.analysis.snapshot, Some((place.direction, index))))
            .with_evidence("direction", place.direction.as_str())
            .with_evidence("rule", index)
    }
}

/// The names of pods for evidence, and no more of them than somebody reads.
pub(super) fn some_of(names: &[String]) -> Vec<String> {
    const MOST: usize = 50;
    names.iter().take(MOST).cloned().collect()
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Found {
    findings: Vec<Finding>,
    /// What could not be told: by check and reason the places.
    unknown: BTreeMap<(&'static str, String), Vec<String>>,
    not_evaluated: Vec<NotEvaluated>,
    /// Rules of which it is known that they mean nobody, or no port.
    pub(super) dead: BTreeSet<RulePlace>,
    /// Policies that select nobody.
    pub(super) idle: BTreeSet<PolicyId>,
}

impl Found {
    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Notes that a check cannot tell something of a place.
    pub(super) fn cannot_tell(&mut self, check: &'static str, place: String, why: String) {
        let places = self.unknown.entry((check, why)).or_default();
        if !places.contains(&place) {
            places.push(place);
        }
    }

    pub(super) fn not_evaluated(&mut self, it: NotEvaluated) {
        self.not_evaluated.push(it);
    }

    pub(super) fn finish(self) -> (Vec<Finding>, Vec<NotEvaluated>) {
        let mut not_evaluated = self.not_evaluated;
        not_evaluated.extend(
            self.unknown.into_iter().map(|((check, why), places)| {
                NotEvaluated::new(format!("{check} of {}", words::summary(&places)), why)
            }),
        );
        (self.findings, not_evaluated)
    }
}
