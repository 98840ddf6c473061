//! One finding for each check that a workload violates, however many pods it has.

use std::collections::{BTreeMap, btree_map::Entry};

use patchkit::report::{Finding, ObjectRef, Severity, SourceRef};

use super::model::{Break, NamespaceReview, PodVerdict, Review};
use crate::{pod_security::Violation, words::count};

const STANDARDS: &str = "https://kubernetes.io/docs/concepts/security/pod-security-standards/";

/// What is said of one workload, from its template and all of its pods.
struct Said<'r, T> {
    what: T,
    verdict: &'r PodVerdict,
    source: Option<&'r SourceRef>,
    pods: usize,
}

/// Gathers by workload and key; the workload's own template speaks for its pods where it was judged too.
fn gather<'r, T>(
    review: &'r Review,
    each: impl Fn(&'r PodVerdict) -> Vec<(&'r str, T)>,
) -> BTreeMap<(&'r ObjectRef, &'r str), Said<'r, T>> {
    let mut found: BTreeMap<(&ObjectRef, &str), Said<'r, T>> = BTreeMap::new();
    for verdict in &review.pods {
        for (key, what) in each(verdict) {
            let pods = usize::from(verdict.is_pod());
            match found.entry((verdict.top(), key)) {
                Entry::Vacant(entry) => {
                    entry.insert(Said { what, verdict, source: verdict.source.as_ref(), pods });
                }
                Entry::Occupied(mut entry) => {
                    let said = entry.get_mut();
                    said.pods += pods;
                    if verdict.owner.is_none() {
                        *said = Said { what, verdict, source: verdict.source.as_ref(), pods: said.pods };
                    }
                }
            }
        }
    }
    found
}

/// All findings of a review.
pub(super) fn findings(review: &Review) -> Vec<Finding> {
    let mut findings: Vec<Finding> = violations(review);
    findings.extend(habits(review));
    findings.extend(review.namespaces.iter().flat_map(namespace));
    findings
}

fn each_violation(verdict: &PodVerdict) -> Vec<(&str, &Violation)> {
    verdict.violations.iter().map(|violation| (&*violation.check, violation)).collect()
}

fn violations(review: &Review) -> Vec<Finding> {
    gather(review, each_violation)
        .into_iter()
        .map(|((top, check), said)| {
            let PodVerdict { level, policy_version, .. } = said.verdict;
            let mut finding =
                Finding::new(finding_id(check), Severity::High, format!("{level} forbids it: {}", said.what.message))
                    .with_object(top.clone())
                    .with_source(said.source.cloned())
                    .with_evidence("check", check)
                    .with_evidence("level", level.as_str())
                    .with_evidence("policyVersion", policy_version.to_string());
            if said.pods > 0 {
                finding = finding.with_evidence("pods", said.pods);
            }
            finding.with_link(STANDARDS)
        })
        .collect()
}

/// `pod-security-run-as-non-root` of `runAsNonRoot`.
fn finding_id(check: &str) -> String {
    let mut id = "pod-security-".to_owned();
    for letter in check.chars() {
        match letter {
            '_' => id.push('-'),
            'A'..='Z' => {
                id.push('-');
                id.push(letter.to_ascii_lowercase());
            }
            _ => id.push(letter),
        }
    }
    id
}

fn habits(review: &Review) -> Vec<Finding> {
    gather(review, |verdict| verdict.habits.iter().map(|habit| (habit.kind.id, habit)).collect())
        .into_iter()
        .map(|((top, id), said)| {
            let habit = said.what;
            let containers = habit.containers.join(", ");
            Finding::new(id, Severity::Low, format!("{}: {containers}", habit.kind.title))
                .with_object(top.clone())
                .with_source(said.source.cloned())
                .with_evidence("containers", habit.containers.clone())
                .with_hint(habit.kind.hint)
        })
        .collect()
}

fn namespace(namespace: &NamespaceReview) -> Vec<Finding> {
    let object = || ObjectRef {
        api_version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        name: namespace.name.clone(),
        ..ObjectRef::default()
    };
    let new = |id: &str, severity, title: String| {
        Finding::new(id, severity, title).with_object(object()).with_source(namespace.source.clone())
    };
    let refuses = |found: &Break| {
        format!("{} and {}: {}", count(found.pods, "pod"), count(found.templates, "template"), found.checks.join(", "))
    };
    let mut findings = Vec::new();
    for bad in &namespace.bad_labels {
        findings.push(
            new(
                "pod-security-label-invalid",
                Severity::Medium,
                format!("the label {} has the value {:?}, so {}", bad.label, bad.value, bad.effect),
            )
            .with_hint("levels are privileged, baseline and restricted; versions are latest, or such as v1.34"),
        );
    }
    if let (Some(enforce), Some(refused)) = (namespace.enforce, &namespace.refused) {
        findings.push(
            new(
                "pod-security-refused",
                Severity::High,
                format!("{enforce} is enforced, and refuses what is there: {}", refuses(refused)),
            )
            .with_evidence("checks", refused.checks.clone())
            .with_hint("such pods run on, but none of them can be made anew"),
        );
    }
    if let (Some(enforce), Some(refused)) = (namespace.enforce, &namespace.refused_at_target) {
        findings.push(
            new(
                "pod-security-refused-after-update",
                Severity::High,
                format!("{enforce} will refuse after the update what it allows today: {}", refuses(refused)),
            )
            .with_evidence("checks", refused.checks.clone())
            .with_hint("change the workloads first, or pin the version by pod-security.kubernetes.io/enforce-version"),
        );
    }
    let enforced = namespace.enforce.map(|enforce| enforce.level);
    let holds_any = namespace.pods + namespace.templates > 0;
    if holds_any && enforced.is_some_and(|level| level < namespace.could_enforce) {
        let level = namespace.could_enforce;
        findings.push(
            new(
                "pod-security-could-enforce",
                Severity::Low,
                format!("all that is there passes {level}, which is not enforced"),
            )
            .with_evidence("level", level.as_str())
            .with_hint(format!(
                "kubectl label namespace {} pod-security.kubernetes.io/enforce={level}",
                namespace.name
            )),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pod_security::CHECKS;

    #[test]
    fn every_check_has_an_identifier_of_a_rule() {
        assert_eq!(finding_id("runAsNonRoot"), "pod-security-run-as-non-root");
        assert_eq!(finding_id("capabilities_restricted"), "pod-security-capabilities-restricted");
        for check in CHECKS {
            let id = finding_id(check.id);
            assert!(id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{id}");
        }
    }
}
