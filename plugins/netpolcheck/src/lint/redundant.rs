//! Rules and policies that change nothing, and rules that are never asked.
//!
//! Each is taken out of the policies, and every answer for the pods that it selects is worked out again: for every
//! peer, on every port, in every IP family. Only where all of them are what they were is it reported. It stays out
//! for what follows, so that all that is reported can go together. Whether it would be so for pods that are not there
//! yet is told by the words of the policies alone (`super::cover`): then it `holdsFor` any pod, else for those that
//! there are.

use std::collections::BTreeSet;

use patchkit::report::Severity;

use super::{
    cover::{Covers, share_a_port},
    proof::{Reason, names, with_proof},
    scene::{Found, RulePlace, Scene},
};
use crate::{
    engine::{StanceId, WhatIf},
    policy::{Action, Direction, Policy, PolicyId, PolicyKind, Rule, Term, Tier},
};

/// How many rules are named that decide instead.
const MOST_REASONS: usize = 5;

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    let policies = &scene.analysis.policies;
    let mut search = Search {
        scene,
        covers: Covers::new(&policies.terms, &scene.analysis.world.namespaces),
        what_if: WhatIf::of(scene.analysis),
        out: BTreeSet::new(),
    };
    // The last of several that say the same is the one that is not needed.
    let ids: Vec<PolicyId> = policies.iter().map(|(id, _)| id).collect();
    let candidates: Vec<PolicyId> = ids
        .into_iter()
        .rev()
        .filter(|id| !found.idle.contains(id) && *policies.terms.get(scene.policy(*id).subject) != Term::Unknown)
        .collect();
    for id in &candidates {
        search.whole_policy(*id, found);
    }
    let of_policy = |id: PolicyId| {
        let mut rules: Vec<(RulePlace, &Rule)> = scene.rules_of(id).collect();
        rules.reverse();
        rules
    };
    for id in &candidates {
        for (place, rule) in of_policy(*id) {
            search.rule_for_any_pod(place, rule, found);
        }
    }
    for id in &candidates {
        for (place, rule) in of_policy(*id) {
            search.rule_for_these_pods(place, rule, found);
        }
    }
}

struct Search<'a, 's> {
    scene: &'a Scene<'s>,
    covers: Covers<'a>,
    what_if: WhatIf<'a, 's>,
    /// Rules that were reported, and are taken out.
    out: BTreeSet<RulePlace>,
}

/// What decides instead of a rule.
enum Instead {
    /// These rules.
    Rules(Vec<RulePlace>),
    /// A NetworkPolicy isolates its pods, so that the Baseline tier is never asked.
    Isolation(PolicyId),
}

impl Instead {
    fn reasons(&self, direction: Direction) -> Vec<Reason> {
        match self {
            Self::Rules(rules) => rules.iter().copied().map(Reason::Rule).collect(),
            Self::Isolation(policy) => vec![Reason::Isolation(*policy, direction)],
        }
    }
}

impl<'s> Search<'_, 's> {
    fn is_there(&self, place: RulePlace) -> bool {
        self.what_if.has_policy(place.policy) && !self.out.contains(&place)
    }

    /// A policy without which nothing would change, whatever pods there are.
    fn whole_policy(&mut self, id: PolicyId, found: &mut Found) {
        let policy = self.scene.policy(id);
        let directions: Vec<Direction> = Direction::ALL.into_iter().filter(|it| policy.rules(*it).is_some()).collect();
        let mut isolating = Vec::new();
        if policy.kind == PolicyKind::NetworkPolicy {
            for direction in &directions {
                let Some(other) = self.isolates_too(id, *direction) else { return };
                isolating.push(Reason::Isolation(other, *direction));
            }
        }
        let mut instead = Vec::new();
        for (place, rule) in self.scene.rules_of(id) {
            // One that means nobody today may mean somebody tomorrow.
            match self.instead_of(place, rule, true) {
                Some(of_rule) => instead.push((place, of_rule)),
                None => return,
            }
        }
        if directions.is_empty() || instead.is_empty() && isolating.is_empty() {
            return;
        }
        let stances = self.stances(id, &directions);
        self.what_if.take_policy(id);
        if !self.is_unchanged(&stances) {
            self.what_if.put_policy();
            return;
        }
        let shadowed = instead.iter().filter(|(place, instead)| self.is_shadowed(*place, instead).is_some()).count();
        let (rule_id, severity, title) = if shadowed > 0 && shadowed == instead.len() {
            let differs = instead.iter().any(|(place, instead)| self.is_shadowed(*place, instead) == Some(true));
            let severity = if differs { Severity::Medium } else { Severity::Low };
            ("policy-shadowed", severity, "none of its rules is ever asked: others decide about all that they mean")
        } else {
            ("policy-redundant", Severity::Low, "without it nothing would change: others say the same")
        };
        let mut reasons = isolating;
        for (place, instead) in &instead {
            for reason in instead.reasons(place.direction) {
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
        }
        let title = format!("{title} ({})", names(self.scene, &reasons, true));
        let finding = self.scene.about_policy(id, rule_id, severity, title);
        let finding = with_proof(self.scene, finding, &reasons, &stances, "any");
        found.add(finding.with_hint("delete it, or let it say something else"));
    }

    /// A rule without which nothing would change, whatever pods there are.
    fn rule_for_any_pod(&mut self, place: RulePlace, rule: &Rule, found: &mut Found) {
        if !self.is_there(place) || found.dead.contains(&place) {
            return;
        }
        let Some(instead) = self.instead_of(place, rule, false) else { return };
        let Some(stances) = self.take(place) else { return };
        let reasons = instead.reasons(place.direction);
        let names = names(self.scene, &reasons, false);
        let (id, severity, title, hint) = match self.is_shadowed(place, &instead) {
            Some(true) => (
                "rule-shadowed",
                Severity::Medium,
                format!("it never {}: {names} decides before it about all that it means", verb(rule.action)),
                format!("put it before what decides now, or {}", delete(self.scene.policy(place.policy), place)),
            ),
            Some(false) => (
                "rule-shadowed",
                Severity::Low,
                format!("it is never asked: {names} decides before it about all that it means"),
                delete(self.scene.policy(place.policy), place).to_owned(),
            ),
            None => (
                "rule-redundant",
                Severity::Low,
                format!("without it nothing would change: {names} says the same"),
                delete(self.scene.policy(place.policy), place).to_owned(),
            ),
        };
        let finding = self.scene.about_rule(place, id, severity, &title).with_hint(hint);
        found.add(with_proof(self.scene, finding, &reasons, &stances, "any"));
    }

    /// A rule without which nothing would change for the pods that there are.
    fn rule_for_these_pods(&mut self, place: RulePlace, rule: &Rule, found: &mut Found) {
        let scene = self.scene;
        let policy = scene.policy(place.policy);
        if !self.is_there(place) || found.dead.contains(&place) || !self.what_if.means_anybody(rule) {
            return;
        }
        let all = scene.analysis.stances_of(place.direction, place.policy);
        // Where nothing can be compared nothing is shown.
        if all.is_empty() {
            return;
        }
        // The Baseline tier is there for pods that come without a NetworkPolicy.
        let is_isolated = |stance: &StanceId| {
            let policies = &scene.analysis.stances(place.direction).all[stance.0 as usize].policies;
            policies.iter().any(|id| scene.policy(*id).tier == Tier::NetworkPolicy)
        };
        if policy.tier == Tier::Baseline && all.iter().all(is_isolated) {
            return;
        }
        // What a later tier decides the same way today is no reason: a rule is there for what comes.
        if policy.tier != Tier::NetworkPolicy && !self.is_never_asked(place, rule.action) {
            return;
        }
        let Some(stances) = self.take(place) else { return };
        let reasons: Vec<Reason> =
            self.meeting(place, rule, &all).into_iter().take(MOST_REASONS).map(Reason::Rule).collect();
        let decides = match reasons.as_slice() {
            [] => String::new(),
            some => format!(": {} decides", names(scene, some, false)),
        };
        let title = format!("without it nothing would change for the pods that there are{decides}");
        let finding = scene
            .about_rule(place, "rule-redundant", Severity::Info, &title)
            .with_hint(format!("keep it where pods may come for which it matters, else {}", delete(policy, place)));
        found.add(with_proof(scene, finding, &reasons, &stances, "current"));
    }

    /// Takes a rule out for good where nothing changes by it; gives the stances that were compared.
    fn take(&mut self, place: RulePlace) -> Option<Vec<(Direction, StanceId)>> {
        let stances = self.stances(place.policy, &[place.direction]);
        let peers = self.what_if.take_rule(place.policy, place.direction, place.rule)?;
        if self.is_unchanged(&stances) {
            self.out.insert(place);
            return Some(stances);
        }
        self.what_if.put_rule(place.policy, place.direction, place.rule, peers);
        None
    }

    /// Whether a rule of an ordered tier could do anything at all, and nothing would change for the pods that there are.
    fn is_never_asked(&mut self, place: RulePlace, action: Action) -> bool {
        let stances = self.stances(place.policy, &[place.direction]);
        let never = [Action::Allow, Action::Deny, Action::Pass].into_iter().all(|other| {
            self.what_if.set_action(place.policy, place.direction, place.rule, other);
            self.is_unchanged(&stances)
        });
        self.what_if.set_action(place.policy, place.direction, place.rule, action);
        never
    }

    fn stances(&self, id: PolicyId, directions: &[Direction]) -> Vec<(Direction, StanceId)> {
        let of = |direction: &Direction| {
            let direction = *direction;
            self.scene.analysis.stances_of(direction, id).into_iter().map(move |stance| (direction, stance))
        };
        directions.iter().flat_map(of).collect()
    }

    fn is_unchanged(&self, stances: &[(Direction, StanceId)]) -> bool {
        stances.iter().all(|(direction, stance)| self.what_if.is_unchanged(*direction, *stance))
    }

    /// Another NetworkPolicy that isolates whatever pods this one isolates.
    fn isolates_too(&self, id: PolicyId, direction: Direction) -> Option<PolicyId> {
        let subject = self.scene.policy(id).subject;
        let others = self.scene.policies().filter(|(other, policy)| {
            *other != id
                && policy.kind == PolicyKind::NetworkPolicy
                && self.what_if.has_policy(*other)
                && policy.rules(direction).is_some()
        });
        others.into_iter().find(|(_, policy)| self.covers.term(subject, policy.subject)).map(|(other, _)| other)
    }

    /// What decides instead of a rule about whatever it means; with `elsewhere` only what stands in other policies.
    fn instead_of(&self, place: RulePlace, rule: &Rule, elsewhere: bool) -> Option<Instead> {
        let policy = self.scene.policy(place.policy);
        let mut others: Vec<(RulePlace, &Rule)> = Vec::new();
        let mut later: Vec<(RulePlace, &Rule)> = Vec::new();
        for (id, other) in self.scene.policies() {
            let is_own = id == place.policy;
            if is_own && elsewhere || other.tier > policy.tier || !self.covers.term(policy.subject, other.subject) {
                continue;
            }
            for (at, it) in other.rules(place.direction).unwrap_or_default().iter().enumerate() {
                let at = RulePlace { policy: id, direction: place.direction, rule: at };
                if at == place || !self.is_there(at) {
                    continue;
                }
                match self.comes_before(at, it, place) {
                    Before::Yes => others.push((at, it)),
                    Before::Beside if policy.tier == Tier::NetworkPolicy => others.push((at, it)),
                    Before::Beside | Before::No if it.action == rule.action => later.push((at, it)),
                    Before::Beside | Before::No => {}
                }
            }
        }
        if let Some(rules) = self.covers.by(rule, &others) {
            return Some(Instead::Rules(rules));
        }
        // One that comes later and does the same, with nothing else between.
        if policy.tier != Tier::NetworkPolicy {
            later.retain(|(at, _)| self.nothing_else_between(place, *at, rule.action));
            if let Some(rules) = self.covers.by(rule, &later) {
                return Some(Instead::Rules(rules));
            }
        }
        let isolates = || self.isolates_too(place.policy, place.direction);
        if policy.tier == Tier::Baseline { isolates().map(Instead::Isolation) } else { None }
    }

    /// Whether a rule decides, about what it means, before another is asked.
    fn comes_before(&self, at: RulePlace, rule: &Rule, place: RulePlace) -> Before {
        let (mine, theirs) = (self.scene.policy(at.policy), self.scene.policy(place.policy));
        if mine.tier < theirs.tier {
            // What is passed on may still come to the later tier.
            let decides = rule.action != Action::Pass && !self.is_passed_before(at, mine);
            return if decides && mine.tier == Tier::Admin { Before::Yes } else { Before::No };
        }
        match mine.tier {
            Tier::NetworkPolicy => Before::Beside,
            _ if at.policy == place.policy => {
                if at.rule < place.rule {
                    Before::Yes
                } else {
                    Before::No
                }
            }
            _ if mine.priority < theirs.priority => Before::Yes,
            _ => Before::No,
        }
    }

    /// Whether a rule of the same tier that passes may be asked before.
    fn is_passed_before(&self, at: RulePlace, policy: &Policy<'_>) -> bool {
        self.scene.policies().filter(|(_, other)| other.tier == policy.tier && other.priority <= policy.priority).any(
            |(id, other)| {
                let rules = other.rules(at.direction).unwrap_or_default().iter().enumerate();
                rules.filter(|(_, rule)| rule.action == Action::Pass).any(|(rule, _)| {
                    let earlier = id != at.policy || rule < at.rule;
                    earlier && self.is_there(RulePlace { policy: id, direction: at.direction, rule })
                })
            },
        )
    }

    /// Whether all rules that may be asked between two of one tier do the same.
    fn nothing_else_between(&self, first: RulePlace, last: RulePlace, action: Action) -> bool {
        let place = |at: RulePlace| (self.scene.policy(at.policy).priority, at);
        let (low, high) = (place(first), place(last));
        let tier = self.scene.policy(first.policy).tier;
        if tier != self.scene.policy(last.policy).tier
            || low.0 > high.0
            || low.0 == high.0 && first.policy != last.policy
        {
            return false;
        }
        self.scene.policies().filter(|(_, it)| it.tier == tier && (low.0..=high.0).contains(&it.priority)).all(
            |(id, other)| {
                let rules = other.rules(first.direction).unwrap_or_default().iter().enumerate();
                rules.map(|(rule, it)| (RulePlace { policy: id, direction: first.direction, rule }, it)).all(
                    |(at, it)| {
                        let outside =
                            id == first.policy && at.rule <= first.rule || id == last.policy && at.rule >= last.rule;
                        outside || !self.is_there(at) || it.action == action
                    },
                )
            },
        )
    }

    /// Whether what decides instead makes the rule one that is never asked, and then whether it does something else.
    fn is_shadowed(&self, place: RulePlace, instead: &Instead) -> Option<bool> {
        let Instead::Rules(rules) = instead else { return Some(false) };
        let (rule, tier) = (self.scene.rule(place), self.scene.policy(place.policy).tier);
        let differs = rules.iter().any(|it| self.scene.rule(*it).action != rule.action);
        let elsewhere = rules.iter().all(|it| self.scene.policy(it.policy).tier != tier);
        (differs || elsewhere).then_some(differs)
    }

    /// Rules that have a say about some of what a rule means.
    fn meeting(&self, place: RulePlace, rule: &Rule, stances: &[StanceId]) -> Vec<RulePlace> {
        let all = &self.scene.analysis.stances(place.direction).all;
        let beside: BTreeSet<PolicyId> =
            stances.iter().flat_map(|stance| &all[stance.0 as usize].policies).copied().collect();
        let mut found = Vec::new();
        for id in beside {
            for (at, other) in self.scene.rules_of(id).filter(|(at, _)| at.direction == place.direction) {
                let meets = share_a_port(rule, other) && self.what_if.share_a_peer(rule, other);
                if at != place && self.is_there(at) && meets {
                    found.push(at);
                }
            }
        }
        found
    }
}

/// Whether a rule stands before another.
enum Before {
    Yes,
    /// Both are asked, and either is enough.
    Beside,
    No,
}

/// Without its last rule for egress a NetworkPolicy that lists no types does not isolate in that direction any more.
fn delete(policy: &Policy<'_>, place: RulePlace) -> &'static str {
    let only = policy.egress.as_ref().is_some_and(|rules| rules.len() == 1);
    match (policy.kind, place.direction, only) {
        (PolicyKind::NetworkPolicy, Direction::Egress, true) => "delete it, and see that policyTypes lists Egress",
        _ => "delete it",
    }
}

const fn verb(action: Action) -> &'static str {
    match action {
        Action::Allow => "allows anything",
        Action::Deny => "denies anything",
        Action::Pass => "passes anything on",
    }
}
