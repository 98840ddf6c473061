//! How long a drain is predicted to take, and by what it is bound.

use patchkit::report::Severity;

use crate::{Pod, READY, budget, deployment, finding, plan, planned, pod, web_pod};

fn web(replicas: usize, on: &[&str], more: &Pod<'_>) -> String {
    let pods: String = on.iter().enumerate().map(|(number, node)| web_pod("web", number, node, more)).collect();
    format!("{}{pods}", deployment("web", replicas, "", ""))
}

fn under_a_budget(yaml: &str) -> String {
    format!("{yaml}{}", budget("web", "web", "maxUnavailable: 1", 1, 6, 5, 6))
}

#[test]
fn one_budget_over_six_pods_takes_five_starts_and_a_last_end() {
    // Ready 5 s after their creation; 5 × 5 s, and the last one ends in 30 s: 55 s and what the turns cost.
    let made = plan("n1", &under_a_budget(&web(6, &["n1"; 6], &READY)));
    let seconds = made.plan.predicted_seconds.expect("a prediction");
    assert!((55..=58).contains(&seconds), "{seconds}");
    assert_eq!(made.plan.bound_by.as_deref(), Some("PodDisruptionBudget shop/web: 6 pods, 1 at a time"));
    let least = made.plan.predicted_seconds_at_least.expect("a prediction");
    assert!((30..=32).contains(&least), "{least}");
    assert_eq!(planned(&made, "web-1-0").ready_after.as_ref().map(|it| (it.seconds, it.from)), Some((5, "measured")));
}

#[test]
fn a_set_brings_a_pod_back_when_it_is_gone() {
    let owner = "{apiVersion: apps/v1, kind: StatefulSet, name: db, uid: s, controller: true}";
    let set = "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop, uid: s}
spec: {replicas: 2, minReadySeconds: 10, selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: example/db:1}]}}}
---";
    let yaml = format!(
        "{set}{}{}",
        pod("db-0", "n1", &Pod { owner, app: "db", ..READY }),
        pod("db-1", "n1", &Pod { owner, app: "db", ..READY })
    );
    // Twice 30 s to end, 5 s to start and 10 s of being Ready.
    let seconds = plan("n1", &yaml).plan.predicted_seconds.expect("a prediction");
    assert!((90..=92).contains(&seconds), "{seconds}");
}

#[test]
fn alone_a_pod_is_bound_by_its_grace_or_its_start() {
    let made = plan("n1", &web(2, &["n1", "n2"], &READY));
    assert_eq!(made.plan.bound_by.as_deref(), Some("the grace period of shop/web-1-0 (30 s)"));
    let made = plan("n1 --grace-period 1", &web(2, &["n1", "n2"], &READY));
    assert_eq!(made.plan.bound_by.as_deref(), Some("the start of the replacement of shop/web-1-0 (5 s)"));
    finding(&made, "grace-shortened");
    assert_eq!(plan("n1", "").plan.bound_by.as_deref(), Some("nothing: no pod has to go"));
}

#[test]
fn a_timeout_must_leave_the_time_to_end() {
    let hours = web(2, &["n1", "n2"], &READY)
        .replace("terminationGracePeriodSeconds: 30", "terminationGracePeriodSeconds: 7200");
    let made = plan("n1", &hours);
    assert_eq!(finding(&made, "long-grace").title, "shop/web-1-0 may take 2 h to end");
    let made = plan("n1 --timeout 1h", &hours);
    assert_eq!(finding(&made, "timeout-too-short").severity, Severity::High);
    let made = plan("n1 --timeout 3h", &hours);
    assert!(made.findings.iter().all(|finding| !finding.id.starts_with("timeout")), "{:#?}", made.findings);
    let made = plan("n1 --timeout 62s", &under_a_budget(&web(6, &["n1"; 6], &READY)));
    assert!(made.findings.iter().all(|finding| !finding.id.starts_with("timeout")), "{:#?}", made.findings);
    let slow = web(6, &["n1"; 6], &READY).replace("2026-11-20T10:00:05Z", "2026-11-20T10:00:50Z");
    finding(&plan("n1 --timeout 62s", &under_a_budget(&slow)), "timeout-below-prediction");
}

#[test]
fn independent_owners_go_at_the_same_time_and_waves_after_each_other() {
    let two =
        format!("{}{}{}", web(2, &["n1", "n2"], &READY), deployment("api", 2, "", ""), web_pod("api", 0, "n1", &READY));
    assert_eq!(plan("n1", &two).plan.predicted_seconds, Some(30));
    let waves = plan("n1 n2 --max-parallel 1", &two).plan.predicted_seconds.expect("a prediction");
    assert!((60..=61).contains(&waves), "{waves}");
}

#[test]
fn a_start_that_was_disturbed_tells_nothing() {
    // Ready for the last time a day after its creation.
    let flapped = web(2, &["n1", "n2"], &READY).replace("2026-11-20T10:00:05Z", "2026-11-21T10:00:05Z");
    let made = plan("n1", &flapped);
    let expected = planned(&made, "web-1-0").ready_after.clone().expect("an expectation");
    assert_eq!((expected.seconds, expected.from), (2, "probes"));
}
