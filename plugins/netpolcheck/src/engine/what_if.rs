//! What would be if a rule or a policy were not there, or stood elsewhere in the order: the rows of a stance under
//! changed policies. What does not change then was never decided by what was changed.

use super::{Analysis, BitSet, ClassId, Row, Rows, Stance, StanceId, analysis::Matched, number, rows::RowMaker};
use crate::{
    address::Family,
    policy::{Direction, Peers, Policies, PolicyId, Rule, TermId},
};

/// An analysis of which the policies may be changed.
#[derive(Debug)]
pub struct WhatIf<'a, 's> {
    analysis: &'a Analysis<'s>,
    policies: Policies<'s>,
    matched: Vec<(Family, Matched)>,
}

impl<'a, 's> WhatIf<'a, 's> {
    /// Nothing is changed at first.
    #[must_use]
    pub fn of(analysis: &'a Analysis<'s>) -> Self {
        let policies = Policies {
            all: analysis.policies.all.clone(),
            terms: analysis.policies.terms.clone(),
            problems: Vec::new(),
        };
        let matched = |family: &Family| (*family, analysis.matched(*family, &analysis.semantics));
        Self { analysis, policies, matched: analysis.families.iter().map(matched).collect() }
    }

    /// The policies as they are changed.
    pub fn policies(&mut self) -> &mut Policies<'s> {
        &mut self.policies
    }

    /// What a stance says under the changed policies, family by family, in a form in which equal rows are equal.
    /// Policies of `without` are not there at all.
    #[must_use]
    pub fn rows(&self, direction: Direction, stance: StanceId, without: &[PolicyId]) -> Vec<Rows> {
        let stance = &self.analysis.stances(direction).all[stance.0 as usize];
        let mut policies = stance.policies.clone();
        policies.retain(|id| !without.contains(id));
        let stance = Stance { policies, ..stance.clone() };
        self.matched
            .iter()
            .map(|(_, matched)| {
                let (policies, classes) = (&self.policies, &self.analysis.classes);
                let mut rows = RowMaker { policies, classes, matched, direction }.rows(&stance);
                rows.sort_by(|a, b| a.ports.cmp(&b.ports));
                rows
            })
            .collect()
    }

    /// Whether two answers of [`Self::rows`] say the same.
    #[must_use]
    pub fn same(a: &[Rows], b: &[Rows]) -> bool {
        let same_row = |(a, b): (&Row, &Row)| a.ports == b.ports && a.certain == b.certain && a.possible == b.possible;
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.len() == b.len() && a.iter().zip(b).all(same_row))
    }

    /// Whether a term matches, or may match, any pod or address at all.
    #[must_use]
    pub fn matches_any(&self, term: TermId) -> bool {
        self.matched.iter().any(|(_, matched)| {
            let of_term = &matched.terms[term.0 as usize];
            !of_term.certain.is_empty() || of_term.maybe.as_ref().is_some_and(|maybe| !maybe.is_empty())
        })
    }

    /// Whether a rule may mean anybody.
    #[must_use]
    pub fn means_anybody(&self, rule: &Rule) -> bool {
        match &rule.peers {
            Peers::Everyone => true,
            Peers::Any(terms) => terms.iter().any(|term| self.matches_any(*term)),
        }
    }
}

impl Analysis<'_> {
    /// The classes of pods that a term selects by labels.
    #[must_use]
    pub fn classes_of(&self, term: TermId) -> Vec<ClassId> {
        let facts = self.classes.facts.iter().enumerate();
        let selected =
            facts.filter(|(_, facts)| self.classes.selected[facts.selected as usize].binary_search(&term).is_ok());
        selected.map(|(place, _)| ClassId(number(place))).collect()
    }

    /// The stances of a direction that a policy is part of.
    #[must_use]
    pub fn stances_of(&self, direction: Direction, policy: PolicyId) -> Vec<StanceId> {
        let stances = self.stances(direction).all.iter().enumerate();
        stances.filter(|(_, it)| it.policies.contains(&policy)).map(|(place, _)| StanceId(number(place))).collect()
    }

    /// The classes of pods that use the network of their node.
    #[must_use]
    pub fn host_classes(&self) -> BitSet {
        let mut hosts = BitSet::empty(self.classes.count());
        let facts = self.classes.facts.iter().enumerate();
        facts.filter(|(_, facts)| facts.in_host_network).for_each(|(place, _)| hosts.insert(place));
        hosts
    }
}
