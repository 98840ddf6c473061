//! A decision as programs read it.

use serde_json::{Map, Value, json};

use super::{Decision, PairAnswer, Question};
use crate::{
    decide::{Contribution, Decider, Judge, Party, Side, missing},
    engine::Analysis,
    map::ports_json,
    names::PeerRef,
    policy::{Direction, PolicyId},
    range_set::RangeSet,
};

/// How many single answers are given.
const MOST_PAIRS: usize = 1000;

/// The section `decision` of a report.
#[must_use]
pub fn section(analysis: &Analysis<'_>, question: &Question, decision: &Decision, all: bool) -> Value {
    let mut section = Map::new();
    section.insert("allowed".into(), decision.allowed.as_str().into());
    section.insert("from".into(), question.from.to_string().into());
    section.insert("to".into(), question.to.to_string().into());
    if let Some(port) = &question.port {
        section.insert("port".into(), port.to_string().into());
    }
    // The pair that shows the answer best stands for all.
    if let Some(shown) = shown(decision) {
        section.extend(sides(analysis, shown, all));
        if let Some(ports) = &shown.ports {
            section.insert("ports".into(), ports_json(ports));
        }
        if !shown.reasons.is_empty() {
            section.insert("reasons".into(), json!(shown.reasons));
        }
        if !shown.other_profiles.is_empty() {
            section.insert("otherProfiles".into(), other_profiles(shown));
        }
    }
    if !question.notes.is_empty() {
        section.insert("notes".into(), json!(question.notes));
    }
    if decision.count > 1 {
        section.insert("pairs".into(), json!({"count": decision.count, "allowed": decision.allowed_count}));
        let one = |pair: &PairAnswer| {
            let mut entry = sides(analysis, pair, all);
            entry.insert("allowed".into(), pair.allowed.as_str().into());
            entry.insert("from".into(), party(analysis, pair.traffic.from));
            entry.insert("to".into(), party(analysis, pair.traffic.to));
            entry.insert("protocol".into(), pair.traffic.protocol.as_str().into());
            entry.insert("port".into(), pair.traffic.port.into());
            if !pair.reasons.is_empty() {
                entry.insert("reasons".into(), json!(pair.reasons));
            }
            Value::Object(entry)
        };
        section.insert("answers".into(), decision.pairs.iter().take(MOST_PAIRS).map(one).collect());
    }
    Value::Object(section)
}

/// The answer that shows best why the whole is what it is.
#[must_use]
pub fn shown(decision: &Decision) -> Option<&PairAnswer> {
    decision.pairs.iter().find(|pair| pair.allowed == decision.allowed).or(decision.pairs.first())
}

fn other_profiles(pair: &PairAnswer) -> Value {
    let one = |(profile, answer): &(crate::profile::Profile, crate::entrance::Answer)| json!({"profile": profile.as_str(), "allowed": answer.as_str()});
    pair.other_profiles.iter().map(one).collect()
}

fn sides(analysis: &Analysis<'_>, pair: &PairAnswer, all: bool) -> Map<String, Value> {
    let mut entry = Map::new();
    for side in [&pair.egress, &pair.ingress] {
        entry.insert(side.direction.as_str().into(), side_json(analysis, pair, side, all));
    }
    entry
}

fn side_json(analysis: &Analysis<'_>, pair: &PairAnswer, side: &Side, all: bool) -> Value {
    let mut entry = Map::new();
    entry.insert("allowed".into(), side.allowed.as_str().into());
    entry.insert("tier".into(), side.tier.as_str().into());
    let decider = match side.decider {
        Decider::Rule(rule) => {
            entry.insert("rule".into(), rule.rule.into());
            entry.insert("action".into(), rule.action.as_str().into());
            Some((rule.policy, Some((side.direction, rule.rule))))
        }
        Decider::Isolation(policy) => Some((policy, None)),
        _ => None,
    };
    if let Some((policy, rule)) = decider {
        add_policy(analysis, policy, rule, &mut entry);
    }
    entry.insert("reason".into(), reason(side.decider).into());
    if let Some(otherwise) = side.otherwise {
        let mut other = Map::new();
        if let Decider::Rule(Contribution { policy, rule, .. }) = otherwise {
            other.insert("rule".into(), rule.into());
            add_policy(analysis, policy, Some((side.direction, rule)), &mut other);
        }
        if let Decider::Isolation(policy) = otherwise {
            add_policy(analysis, policy, None, &mut other);
        }
        other.insert("reason".into(), reason(otherwise).into());
        entry.insert("otherwise".into(), Value::Object(other));
    }
    let missing = missing(&Judge::of(analysis), side, &pair.traffic);
    if !missing.is_empty() {
        entry.insert("missing".into(), json!(missing));
    }
    if all {
        let one = |rule: &Contribution| {
            let mut entry = Map::new();
            add_policy(analysis, rule.policy, Some((side.direction, rule.rule)), &mut entry);
            entry.insert("tier".into(), analysis.policies.get(rule.policy).tier.as_str().into());
            entry.insert("rule".into(), rule.rule.into());
            entry.insert("action".into(), rule.action.as_str().into());
            entry.insert("certain".into(), rule.certain.into());
            Value::Object(entry)
        };
        entry.insert("rules".into(), side.rules.iter().map(one).collect());
    }
    Value::Object(entry)
}

/// Names a policy, with the place of the rule that is meant.
fn add_policy(analysis: &Analysis<'_>, id: PolicyId, rule: Option<(Direction, usize)>, entry: &mut Map<String, Value>) {
    let policy = analysis.policies.get(id);
    entry.insert("policy".into(), policy.meta.path().into());
    entry.insert("kind".into(), policy.kind.as_str().into());
    if let Some(source) = policy.source(analysis.snapshot, rule) {
        entry.insert("source".into(), json!(source));
    }
}

/// Why a direction is as it is, in one clause.
#[must_use]
pub const fn reason(decider: Decider) -> &'static str {
    match decider {
        Decider::Rule(Contribution { action, .. }) => match action {
            crate::policy::Action::Allow => "a rule allows it",
            crate::policy::Action::Deny => "a rule denies it",
            crate::policy::Action::Pass => "a rule passes it on",
        },
        Decider::Isolation(_) => "the pod is isolated, and no rule allows it",
        Decider::Default => "no policy speaks about it",
        Decider::Outside => "no policy speaks for addresses outside of the cluster",
        Decider::HostNetwork => "policies do not speak for pods in the network of their node",
        Decider::OwnNode => "it comes from the pod's own node",
        Decider::Itself => "a pod reaches itself by its own address",
    }
}

/// One end, by name.
#[must_use]
pub fn party(analysis: &Analysis<'_>, party: Party) -> Value {
    json!(party_ref(analysis, party))
}

/// One end, by name. An address stands for itself here.
#[must_use]
pub fn party_ref(analysis: &Analysis<'_>, party: Party) -> PeerRef {
    match party {
        Party::Pod(pod) => PeerRef::of_pod(analysis, pod),
        Party::Address(address) => PeerRef::outside(address.family, &RangeSet::range(address.number, address.number)),
    }
}
