//! What decides instead of a rule that is not needed, and what was compared to show it.

use std::collections::BTreeSet;

use patchkit::report::{
    Finding,
    words::{count, summary},
};
use serde_json::{Value, json};

use super::scene::{RulePlace, Scene};
use crate::{
    engine::StanceId,
    policy::{Direction, PolicyId},
    world::PodId,
};

/// Something that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// A rule.
    Rule(RulePlace),
    /// A policy isolates the pods in this direction.
    Isolation(PolicyId, Direction),
}

impl Reason {
    const fn policy(self) -> PolicyId {
        match self {
            Self::Rule(place) => place.policy,
            Self::Isolation(policy, _) => policy,
        }
    }

    fn json(self, scene: &Scene<'_>) -> Value {
        let policy = scene.policy(self.policy());
        let mut value =
            json!({"kind": policy.kind.as_str(), "policy": policy.meta.path(), "tier": policy.tier.as_str()});
        let at = match self {
            Self::Isolation(_, direction) => {
                value["direction"] = direction.as_str().into();
                None
            }
            Self::Rule(place) => {
                let rule = scene.rule(place);
                value["direction"] = place.direction.as_str().into();
                value["rule"] = rule.index.into();
                value["action"] = rule.action.as_str().into();
                Some((place.direction, rule.index))
            }
        };
        if let Some(source) = policy.source(scene.analysis.snapshot, at) {
            value["source"] = json!(source);
        }
        value
    }
}

/// `NetworkPolicy shop/web ingress[0]`, for a title; without the rules where `whole` policies are spoken of.
pub(super) fn names(scene: &Scene<'_>, reasons: &[Reason], whole: bool) -> String {
    let mut names: Vec<String> = Vec::new();
    for reason in reasons {
        let policy = scene.policy(reason.policy()).display();
        let name = match reason {
            Reason::Rule(place) if !whole => format!("{policy} {}", place.display()),
            _ => policy,
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    summary(&names)
}

/// Adds what decides instead, for whom that holds, and what was compared.
pub(super) fn with_proof(
    scene: &Scene<'_>,
    finding: Finding,
    reasons: &[Reason],
    stances: &[(Direction, StanceId)],
    holds_for: &str,
) -> Finding {
    let analysis = scene.analysis;
    let mut pods: BTreeSet<PodId> = BTreeSet::new();
    for (place, members) in analysis.classes.members.iter().enumerate() {
        let of = |direction: Direction| analysis.stances(direction).of_class[place];
        if stances.iter().any(|(direction, stance)| of(*direction) == *stance) {
            pods.extend(members);
        }
    }
    let proof = if pods.is_empty() {
        "by the words of the policies alone: no pod that it selects is in the input".to_owned()
    } else {
        format!(
            "taken out, and every answer for {} compared: {} of policies, each against {} of peers, on all ports, over {}",
            count(pods.len(), "pod"),
            count(stances.len(), "combination"),
            count(analysis.classes.count(), "class"),
            analysis.families.iter().map(|family| family.as_str()).collect::<Vec<_>>().join(" and "),
        )
    };
    finding
        .with_evidence("because", reasons.iter().map(|reason| reason.json(scene)).collect::<Vec<_>>())
        .with_evidence("holdsFor", holds_for)
        .with_evidence("proof", proof)
        .with_evidence("pods", pods.len())
}
