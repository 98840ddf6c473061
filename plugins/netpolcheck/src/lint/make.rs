//! All checks, one after the other.

use patchkit::report::{Finding, NotEvaluated};
use serde::Serialize;

use super::{
    and_or, cidr, deprecated, dns, enforced, ports, priority, redundant,
    scene::{Found, Scene},
    selectors, types,
};
use crate::engine::Analysis;

/// The identifiers of what can be found.
pub const IDS: &[&str] = &[
    "and-or-pair",
    "deprecated-kind",
    "egress-without-dns",
    "equal-priority",
    "equal-priority-conflict",
    "ip-block-hits-pods",
    "named-port-unresolved",
    "not-enforced",
    "peer-matches-nothing",
    "policy-redundant",
    "policy-shadowed",
    "port-not-exposed",
    "rule-redundant",
    "rule-shadowed",
    "subject-matches-nothing",
    "type-not-listed",
    "wide-cidr",
];

/// How much was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LookedAt {
    /// Policies of all kinds that are understood.
    pub policies: usize,
    /// Their rules.
    pub rules: usize,
    /// Pods, and workloads that stand for theirs.
    pub pods: usize,
}

/// What is wrong with the policies of a snapshot.
#[derive(Clone, Debug)]
pub struct Lint {
    /// How much was looked at.
    pub looked_at: LookedAt,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What could not be told.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// Looks at every policy.
#[must_use]
pub fn make(analysis: &Analysis<'_>) -> Lint {
    let scene = Scene::of(analysis);
    let mut found = Found::default();
    types::check(&scene, &mut found);
    selectors::check(&scene, &mut found);
    ports::check(&scene, &mut found);
    and_or::check(&scene, &mut found);
    cidr::check(&scene, &mut found);
    dns::check(&scene, &mut found);
    priority::check(&scene, &mut found);
    // Behind what shows that a rule means nobody, which says more than that nothing would change without it.
    redundant::check(&scene, &mut found);
    enforced::check(&scene, &mut found);
    deprecated::check(&scene, &mut found);
    let rules =
        |policy: &crate::policy::Policy<'_>| policy.ingress.iter().chain(&policy.egress).map(Vec::len).sum::<usize>();
    let looked_at = LookedAt {
        policies: analysis.policies.all.len(),
        rules: analysis.policies.all.iter().map(rules).sum(),
        pods: analysis.world.pods.len(),
    };
    let (findings, not_evaluated) = found.finish();
    Lint { looked_at, findings, not_evaluated }
}
