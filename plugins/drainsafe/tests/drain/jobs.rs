//! Jobs: what an eviction costs them.

use kubectl_drainsafe::drain::Action;
use patchkit::report::Severity;

use crate::{BLOCKED_NOW, EVICTED, Pod, READY, action, finding, plan, planned, pod};

fn job(spec: &str) -> String {
    let owner = "{apiVersion: batch/v1, kind: Job, name: batch, uid: j, controller: true}";
    format!(
        "
apiVersion: batch/v1
kind: Job
metadata: {{name: batch, namespace: shop, uid: j}}
spec: {{{spec}template: {{metadata: {{labels: {{app: batch}}}}, spec: {{restartPolicy: Never, containers: [{{name: c, image: example/batch:1, resources: {{requests: {{cpu: 100m}}}}}}]}}}}}}
---{}",
        pod("batch-x", "n1", &Pod { owner, app: "batch", ..READY })
    )
}

#[test]
fn a_job_that_an_eviction_would_fail_is_waited_for() {
    let on_disruption = |action: &str| {
        format!(
            "podFailurePolicy: {{rules: [{{action: {action}, onPodConditions: [{{type: DisruptionTarget, status: 'True'}}]}}]}}, "
        )
    };
    for spec in ["backoffLimit: 0, ".to_owned(), on_disruption("FailJob")] {
        let made = plan("n1", &job(&spec));
        assert_eq!(action(&made, "batch-x"), BLOCKED_NOW, "{spec}");
        assert_eq!(finding(&made, "job-fails").severity, Severity::High);
    }
    let made = plan("n1", &job(&format!("backoffLimit: 0, {}", on_disruption("Ignore"))));
    assert_eq!(action(&made, "batch-x"), EVICTED);
    assert!(made.findings.iter().all(|finding| !finding.id.starts_with("job")), "{:#?}", made.findings);
}

#[test]
fn an_eviction_counts_as_a_failure() {
    let made = plan("n1", &job(""));
    assert_eq!(action(&made, "batch-x"), EVICTED);
    assert!(finding(&made, "job-restarts").title.contains("one of the 6"));
}

#[test]
fn waiting_for_completion_evicts_nothing() {
    let made = plan("n1 --wait-completed", &job("backoffLimit: 0, "));
    assert_eq!(action(&made, "batch-x"), (Action::Skip, None));
    assert!(planned(&made, "batch-x").waits_for_completion);
    assert_eq!(made.plan.predicted_seconds, None);
}
