//! What the policies of one end say about a connection, and which rules say so.

use super::{Fit, Judge, Party, Traffic};
use crate::{
    entrance::Answer,
    policy::{Action, Direction, PolicyId, Tier},
};

/// A rule that means the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// The policy.
    pub policy: PolicyId,
    /// The place of the rule in it, counted from 0.
    pub rule: usize,
    /// What the rule does.
    pub action: Action,
    /// Whether it means the connection for certain.
    pub certain: bool,
}

/// Why a direction is allowed or denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decider {
    /// A rule.
    Rule(Contribution),
    /// NetworkPolicies isolate the pod, and no rule of theirs allows this. The first of them.
    Isolation(PolicyId),
    /// No policy speaks about it.
    Default,
    /// Policies speak about pods, and this end is none.
    Outside,
    /// The pod is in the network of its node, and policies do not speak about it.
    HostNetwork,
    /// The connection comes from the pod's own node.
    OwnNode,
    /// The pod connects to itself by its own address.
    Itself,
}

/// What one direction says.
#[derive(Clone, Debug)]
pub struct Side {
    /// Which direction.
    pub direction: Direction,
    /// Whether it lets the connection through.
    pub allowed: Answer,
    /// The tier that decides.
    pub tier: Tier,
    /// What decides: what lets it through where that is possible, and else what does not.
    pub decider: Decider,
    /// Where it depends: what would not let it through.
    pub otherwise: Option<Decider>,
    /// Every rule that means the connection, in the order in which they are asked; those behind the one that decides
    /// too.
    pub rules: Vec<Contribution>,
    /// The NetworkPolicies that isolate the pod in this direction.
    pub isolating: Vec<PolicyId>,
}

impl Judge<'_> {
    /// What a direction says about a connection.
    #[must_use]
    pub fn side(&self, direction: Direction, traffic: &Traffic) -> Side {
        let plain = |tier, decider| Side {
            direction,
            allowed: Answer::Yes,
            tier,
            decider,
            otherwise: None,
            rules: Vec::new(),
            isolating: Vec::new(),
        };
        let subject = match traffic.subject(direction) {
            Party::Address(_) => return plain(Tier::Default, Decider::Outside),
            Party::Pod(pod) if self.analysis.world.pod(pod).in_host_network => {
                return plain(Tier::Default, Decider::HostNetwork);
            }
            Party::Pod(pod) => Party::Pod(pod),
        };
        if traffic.from == traffic.to {
            return plain(Tier::Default, Decider::Itself);
        }
        let own_node = if direction == Direction::Ingress { self.from_own_node(traffic) } else { Fit::No };
        if own_node == Fit::Yes {
            return plain(Tier::Default, Decider::OwnNode);
        }
        let mut walk = Walk::of(self, direction, traffic, subject);
        walk.judge();
        if own_node == Fit::Maybe {
            walk.allow(Tier::Default, Decider::OwnNode);
        }
        walk.finish()
    }
}

/// The policies of one direction of a pod, while they are asked.
struct Walk<'w> {
    judge: &'w Judge<'w>,
    direction: Direction,
    traffic: &'w Traffic,
    /// By tier, priority and place; whether each selects the pod for certain.
    policies: Vec<(Tier, i64, PolicyId, Fit)>,
    /// No rule has decided for certain so far.
    open: bool,
    allowed: Option<(Tier, Decider)>,
    denied: Option<(Tier, Decider)>,
    rules: Vec<Contribution>,
}

impl<'w> Walk<'w> {
    fn of(judge: &'w Judge<'w>, direction: Direction, traffic: &'w Traffic, subject: Party) -> Self {
        let mut policies: Vec<(Tier, i64, PolicyId, Fit)> = judge
            .analysis
            .policies
            .iter()
            .filter(|(_, policy)| policy.rules(direction).is_some())
            .map(|(id, policy)| (policy.tier, policy.priority, id, judge.selects(policy, subject)))
            .filter(|(.., fit)| *fit != Fit::No)
            .collect();
        policies.sort_unstable_by_key(|(tier, priority, id, _)| (*tier, *priority, *id));
        Self { judge, direction, traffic, policies, open: true, allowed: None, denied: None, rules: Vec::new() }
    }

    fn allow(&mut self, tier: Tier, decider: Decider) {
        self.allowed.get_or_insert((tier, decider));
    }

    fn deny(&mut self, tier: Tier, decider: Decider) {
        self.denied.get_or_insert((tier, decider));
    }

    fn judge(&mut self) {
        self.ordered(Tier::Admin);
        let isolating = self.isolating();
        if isolating.is_empty() {
            self.ordered(Tier::Baseline);
            if self.open {
                self.allow(Tier::Default, Decider::Default);
            }
        } else {
            self.isolated(isolating[0]);
            // Rules of the tier behind it say nothing any more, and are not asked.
        }
    }

    fn isolating(&self) -> Vec<PolicyId> {
        self.policies.iter().filter(|(tier, ..)| *tier == Tier::NetworkPolicy).map(|(_, _, id, _)| *id).collect()
    }

    /// The rules of a policy that mean the connection, in their order.
    fn meant(&self, id: PolicyId, selects: Fit) -> Vec<Contribution> {
        let rules = self.judge.analysis.policies.get(id).rules(self.direction).unwrap_or_default();
        let fit = |rule| selects.min(self.judge.rule(rule, self.direction, self.traffic));
        let meant = rules.iter().map(|rule| (rule, fit(rule))).filter(|(_, fit)| *fit != Fit::No);
        meant
            .map(|(rule, fit)| Contribution {
                policy: id,
                rule: rule.index,
                action: rule.action,
                certain: fit == Fit::Yes,
            })
            .collect()
    }

    /// A tier in which the first rule that means the connection decides.
    fn ordered(&mut self, tier: Tier) {
        let of_tier: Vec<_> = self.policies.iter().filter(|it| it.0 == tier).copied().collect();
        let mut passed = false;
        for group in of_tier.chunk_by(|a, b| a.1 == b.1) {
            // Of policies of equal priority any may be asked first.
            let mut undecided = true;
            for (_, _, id, selects) in group {
                let meant = self.meant(*id, *selects);
                self.rules.extend(&meant);
                let mut open = self.open;
                for rule in meant {
                    if !open {
                        break;
                    }
                    match rule.action {
                        Action::Allow => self.allow(tier, Decider::Rule(rule)),
                        Action::Deny => self.deny(tier, Decider::Rule(rule)),
                        Action::Pass => passed = true,
                    }
                    open = !rule.certain;
                }
                undecided &= open;
            }
            self.open = undecided && self.open;
        }
        self.open |= passed;
    }

    fn isolated(&mut self, first: PolicyId) {
        let of_tier: Vec<_> = self.policies.iter().filter(|it| it.0 == Tier::NetworkPolicy).copied().collect();
        let mut certain = false;
        for (tier, _, id, selects) in of_tier {
            let meant = self.meant(id, selects);
            self.rules.extend(&meant);
            if !self.open {
                continue;
            }
            // A rule that allows for certain says more than one that may.
            if let Some(rule) = meant.iter().find(|rule| rule.certain).or(meant.first()) {
                if rule.certain && !certain && matches!(self.allowed, Some((Tier::NetworkPolicy, _)) | None) {
                    self.allowed = Some((tier, Decider::Rule(*rule)));
                }
                self.allow(tier, Decider::Rule(*rule));
                certain |= rule.certain;
            }
        }
        if self.open && !certain {
            self.deny(Tier::NetworkPolicy, Decider::Isolation(first));
        }
    }

    fn finish(self) -> Side {
        let isolating = self.isolating();
        let (allowed, (tier, decider), otherwise) = match (self.allowed, self.denied) {
            (Some(allowed), None) => (Answer::Yes, allowed, None),
            (Some(allowed), Some((_, denied))) => (Answer::Depends, allowed, Some(denied)),
            (None, Some(denied)) => (Answer::No, denied, None),
            // Something always decides: a rule, the isolation, or that there is neither.
            (None, None) => (Answer::Depends, (Tier::Default, Decider::Default), None),
        };
        Side { direction: self.direction, allowed, tier, decider, otherwise, rules: self.rules, isolating }
    }
}
