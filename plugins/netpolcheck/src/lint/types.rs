//! Rules for a type that the policy does not list: they are ignored (`networking/v1/types.go`, `policyTypes`).

use patchkit::report::{Finding, Severity, words::count};

use super::scene::{Found, Scene};
use crate::policy::Direction;

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    let snapshot = scene.analysis.snapshot;
    for policy in snapshot.network_policies.iter().filter(|policy| !policy.spec.policy_types.is_empty()) {
        let spec = &policy.spec;
        for (direction, name, rules, line) in [
            (Direction::Ingress, "Ingress", spec.ingress.len(), policy.lines.ingress.line(0)),
            (Direction::Egress, "Egress", spec.egress.len(), policy.lines.egress.line(0)),
        ] {
            if rules == 0 || spec.policy_types.iter().any(|listed| listed == name) {
                continue;
            }
            let verb = if rules == 1 { "is" } else { "are" };
            let title = format!(
                "{}: {} {verb} ignored, since policyTypes does not list {name}",
                direction.as_str(),
                count(rules, "rule")
            );
            found.add(
                Finding::new("type-not-listed", Severity::Medium, title)
                    .with_object(policy.meta.object_ref("NetworkPolicy"))
                    .with_source(snapshot.source_of_part(&policy.meta, line))
                    .with_evidence("direction", direction.as_str())
                    .with_evidence("policyTypes", spec.policy_types.iter().map(ToString::to_string).collect::<Vec<_>>())
                    .with_hint(format!(
                        "add {name} to policyTypes, which isolates the pods in that direction, or take the rules out"
                    )),
            );
        }
    }
}
