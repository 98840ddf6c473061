//! What is missing where a connection is denied.

use super::{Decider, Fit, Judge, Side, Traffic};
use crate::{
    entrance::Answer,
    policy::{Direction, PolicyId, Tier},
};

/// How many near misses are told.
const FEW: usize = 3;

/// What would have to be there for a direction to let the connection through, and which rules came near; nothing
/// where it is let through.
#[must_use]
pub fn missing(judge: &Judge<'_>, side: &Side, traffic: &Traffic) -> Vec<String> {
    if side.allowed == Answer::Yes {
        return Vec::new();
    }
    let policies = &judge.analysis.policies;
    let direction = side.direction;
    let denied = side.otherwise.unwrap_or(side.decider);
    match denied {
        Decider::Isolation(_) => {
            let names: Vec<String> = side.isolating.iter().map(|id| policies.get(*id).display()).collect();
            let names = patchkit::report::words::summary(&names);
            let whom = if direction == Direction::Ingress { "the source" } else { "the destination" };
            let mut told = vec![format!(
                "isolated for {} by {names}: a rule is missing that allows {whom} on {} {}",
                direction.as_str(),
                traffic.protocol,
                traffic.port
            )];
            told.extend(near_misses(judge, side, traffic));
            told
        }
        Decider::Rule(rule) => {
            let policy = policies.get(rule.policy);
            let before = match policy.tier {
                Tier::Baseline => "a NetworkPolicy that allows it, or a rule before this one that does",
                _ => "a rule that allows it, or passes it on, in a policy of a lower priority number",
            };
            vec![format!(
                "{} {}[{}] denies it: what is missing is {before}",
                policy.display(),
                direction.as_str(),
                rule.rule
            )]
        }
        _ => Vec::new(),
    }
}

/// Rules that mean the peer and another port, or the port and another peer.
fn near_misses(judge: &Judge<'_>, side: &Side, traffic: &Traffic) -> Vec<String> {
    let mut found = Vec::new();
    for id in &side.isolating {
        let policy = judge.analysis.policies.get(*id);
        for rule in policy.rules(side.direction).unwrap_or_default() {
            let peers = judge.peers(rule, side.direction, traffic);
            let ports = judge.ports(rule, traffic);
            let what = match (peers, ports) {
                (Fit::Yes, false) => "means this peer, but not this port",
                (Fit::No, true) if rule.ports.is_some() => "means this port, but not this peer",
                _ => continue,
            };
            found.push(format!("{} {}[{}] {what}", name(judge, *id), side.direction.as_str(), rule.index));
            if found.len() == FEW {
                return found;
            }
        }
    }
    found
}

fn name(judge: &Judge<'_>, id: PolicyId) -> String {
    judge.analysis.policies.get(id).display()
}
