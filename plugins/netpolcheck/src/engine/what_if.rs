//! What would be if a rule or a policy were not there, or stood elsewhere in the order: the rows of a stance under
//! changed policies. What does not change then was never decided by what was changed.

use super::{Analysis, BitSet, ClassId, Row, Rows, Stance, StanceId, analysis::Matched, number, rows::RowMaker};
use crate::{
    address::Family,
    policy::{Action, Direction, Peers, Policies, PolicyId, Rule, TermId},
};

/// An analysis of which the policies may be changed.
#[derive(Debug)]
pub struct WhatIf<'a, 's> {
    analysis: &'a Analysis<'s>,
    policies: Policies<'s>,
    matched: Vec<(Family, Matched)>,
    /// Policies that are not there at all.
    gone: Vec<PolicyId>,
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
        Self { analysis, policies, matched: analysis.families.iter().map(matched).collect(), gone: Vec::new() }
    }

    /// Takes a rule out of its policy; the policy still isolates whom it isolated. Gives it back, for
    /// [`Self::put_rule`].
    pub fn take_rule(&mut self, policy: PolicyId, direction: Direction, place: usize) -> Option<Peers> {
        let rule = self.rule(policy, direction, place)?;
        // Whoever means nobody decides nothing, and the places of the others stay.
        Some(std::mem::replace(&mut rule.peers, Peers::Any(Vec::new())))
    }

    /// Puts back what [`Self::take_rule`] has given.
    pub fn put_rule(&mut self, policy: PolicyId, direction: Direction, place: usize, peers: Peers) {
        if let Some(rule) = self.rule(policy, direction, place) {
            rule.peers = peers;
        }
    }

    /// Has a rule do something else.
    pub fn set_action(&mut self, policy: PolicyId, direction: Direction, place: usize, action: Action) {
        if let Some(rule) = self.rule(policy, direction, place) {
            rule.action = action;
        }
    }

    /// Takes a whole policy away.
    pub fn take_policy(&mut self, policy: PolicyId) {
        self.gone.push(policy);
    }

    /// Puts the policy back that was taken away last.
    pub fn put_policy(&mut self) {
        self.gone.pop();
    }

    /// Whether a policy is there.
    #[must_use]
    pub fn has_policy(&self, policy: PolicyId) -> bool {
        !self.gone.contains(&policy)
    }

    /// Gives a policy another priority.
    pub fn set_priority(&mut self, policy: PolicyId, priority: i64) {
        self.policies.all[policy.0 as usize].priority = priority;
    }

    fn rule(&mut self, policy: PolicyId, direction: Direction, place: usize) -> Option<&mut Rule> {
        let policy = &mut self.policies.all[policy.0 as usize];
        let rules = match direction {
            Direction::Ingress => &mut policy.ingress,
            Direction::Egress => &mut policy.egress,
        };
        rules.as_mut()?.get_mut(place)
    }

    /// What a stance says under the changed policies, family by family, in a form in which equal rows are equal.
    #[must_use]
    pub fn rows(&self, direction: Direction, stance: StanceId) -> Vec<Rows> {
        let stance = &self.analysis.stances(direction).all[stance.0 as usize];
        let mut stance = stance.clone();
        stance.policies.retain(|id| self.has_policy(*id));
        stance.doubtful.retain(|id| self.has_policy(*id));
        let rows = |(_, matched): &(Family, Matched)| {
            let (policies, classes) = (&self.policies, &self.analysis.classes);
            in_order(RowMaker { policies, classes, matched, direction }.rows(&stance))
        };
        self.matched.iter().map(rows).collect()
    }

    /// Whether a stance says the same as under the policies that there really are: for every class of peers, on every
    /// port, over every IP family.
    #[must_use]
    pub fn is_unchanged(&self, direction: Direction, stance: StanceId) -> bool {
        let real = self.analysis.families.iter();
        let real = real.map(|family| in_order(self.analysis.rows(direction, stance, *family).to_vec()));
        Self::same(&real.collect::<Vec<_>>(), &self.rows(direction, stance))
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

    /// Whether two rules may mean the same peer.
    #[must_use]
    pub fn share_a_peer(&self, a: &Rule, b: &Rule) -> bool {
        let (Peers::Any(a), Peers::Any(b)) = (&a.peers, &b.peers) else {
            return self.means_anybody(a) && self.means_anybody(b);
        };
        self.matched.iter().any(|(_, matched)| {
            let all = |terms: &[TermId]| {
                let mut all = BitSet::empty(self.analysis.classes.count());
                for term in terms.iter().map(|term| &matched.terms[term.0 as usize]) {
                    all.add(&term.certain);
                    term.maybe.iter().for_each(|maybe| all.add(maybe));
                }
                all
            };
            let mut both = all(a);
            both.keep(&all(b));
            !both.is_empty()
        })
    }
}

/// Rows are told apart by what they let through, so that the order of their ports is one order for equal rows.
fn in_order(mut rows: Rows) -> Rows {
    rows.sort_by(|a, b| a.ports.cmp(&b.ports));
    rows
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
        let has = |stance: &Stance| stance.policies.contains(&policy) || stance.doubtful.contains(&policy);
        let stances = self.stances(direction).all.iter().enumerate();
        stances.filter(|(_, it)| has(it)).map(|(place, _)| StanceId(number(place))).collect()
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
