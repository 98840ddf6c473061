//! Budgets over all evictions of a drain: now and never told apart, overlaps, statuses that say nothing.

use kubectl_drainsafe::drain::{Action, Verdict};
use patchkit::report::Severity;

use crate::{
    BLOCKED_NEVER, BLOCKED_NOW, EVICTED, Pod, READY, UNREADY, action, budget, deployment, finding, ids, node, nodes,
    plan, plan_of, planned, web_pod,
};

/// Pods `web-1-0` and so on, on these nodes.
fn web(on: &[&str]) -> String {
    on.iter().enumerate().map(|(number, node)| web_pod("web", number, node, &READY)).collect()
}

#[test]
fn one_replica_under_min_available_1_is_never_let_go() {
    let cluster = |strategy: &str| {
        format!(
            "{}{}{}",
            deployment("web", 1, strategy, ""),
            web(&["n1"]),
            budget("web", "web", "minAvailable: 1", 0, 1, 1, 1)
        )
    };
    let made = plan("n1", &cluster(""));
    assert_eq!(action(&made, "web-1-0"), BLOCKED_NEVER);
    let pod = planned(&made, "web-1-0");
    assert_eq!(
        pod.reason,
        "budget web never allows it (minAvailable 1 of 1); --surge-singletons brings a second replica up first"
    );
    assert!(pod.can_surge);
    assert_eq!(pod.budgets, ["web"]);
    assert_eq!(finding(&made, "budget-never").severity, Severity::High);
    assert_eq!(made.plan.verdict, Verdict::Blocked);
    assert_eq!(made.plan.predicted_seconds, None);

    let made = plan("n1 --surge-singletons", &cluster(""));
    assert_eq!(action(&made, "web-1-0"), EVICTED);
    assert_eq!(planned(&made, "web-1-0").reason, "a second replica is brought up first");

    // Neither a Deployment that is recreated nor one that may not surge can bring a second one up.
    for strategy in [", strategy: {type: Recreate}", ", strategy: {rollingUpdate: {maxSurge: 0}}", ", paused: true"] {
        let made = plan("n1 --surge-singletons", &cluster(strategy));
        assert_eq!(action(&made, "web-1-0"), BLOCKED_NEVER, "{strategy}");
        assert!(!planned(&made, "web-1-0").can_surge, "{strategy}");
    }
}

#[test]
fn surging_does_not_help_where_the_budget_grows_with_the_replicas() {
    for spec in ["maxUnavailable: 0", "minAvailable: 100%"] {
        let yaml =
            format!("{}{}{}", deployment("web", 1, "", ""), web(&["n1"]), budget("web", "web", spec, 0, 1, 1, 1));
        assert_eq!(action(&plan("n1 --surge-singletons", &yaml), "web-1-0"), BLOCKED_NEVER, "{spec}");
    }
}

#[test]
fn a_budget_that_waits_for_an_unready_pod_blocks_now() {
    let yaml = format!(
        "{}{}{}{}",
        deployment("web", 2, "", ""),
        web(&["n1"]),
        web_pod("web", 1, "n2", &UNREADY),
        budget("web", "web", "minAvailable: 1", 0, 1, 1, 2)
    );
    let made = plan("n1", &yaml);
    assert_eq!(action(&made, "web-1-0"), BLOCKED_NOW);
    assert_eq!(planned(&made, "web-1-0").reason, "the budget needs 1 healthy pods and has 1 (web)");
    assert_eq!(ids(&made), [("budget-held-by-unready", Severity::Medium), ("budget-now", Severity::High)]);
}

#[test]
fn crash_looping_pods_go_by_the_policy_for_the_unhealthy() {
    let looping = Pod {
        status: ", containerStatuses: [{name: c, ready: false, restartCount: 7, state: {waiting: {reason: CrashLoopBackOff}}}]",
        ..UNREADY
    };
    let cluster = |policy: &str, healthy: i32| {
        format!(
            "{}{}{}{}",
            deployment("web", 2, "", ""),
            web_pod("web", 0, "n1", &looping),
            web_pod("web", 1, "n2", if healthy > 0 { &READY } else { &UNREADY }),
            budget("web", "web", &format!("minAvailable: 1{policy}"), 0, healthy, 1, 2)
        )
    };
    // Enough are healthy: the default policy lets the looping one go.
    let made = plan("n1", &cluster("", 1));
    assert_eq!(action(&made, "web-1-0"), EVICTED);
    assert!(finding(&made, "budget-held-by-unready").title.contains("crash-looping"));
    // None is healthy: only AlwaysAllow does.
    let made = plan("n1", &cluster("", 0));
    assert_eq!(action(&made, "web-1-0"), BLOCKED_NOW);
    assert!(finding(&made, "budget-held-by-unready").hint.as_deref().unwrap_or_default().contains("AlwaysAllow"));
    let made = plan("n1", &cluster(", unhealthyPodEvictionPolicy: AlwaysAllow", 0));
    assert_eq!(action(&made, "web-1-0"), EVICTED);
    assert_eq!(planned(&made, "web-1-0").reason, "not Ready, and web lets such pods go");
}

#[test]
fn two_budgets_on_a_pod_block_it_for_ever_and_both_are_named() {
    let yaml = format!(
        "{}{}{}{}",
        deployment("web", 2, "", ""),
        web(&["n1", "n2"]),
        budget("one", "web", "maxUnavailable: 1", 1, 2, 1, 2),
        budget("two", "web", "maxUnavailable: 1", 1, 2, 1, 2)
    );
    let made = plan("n1", &yaml);
    assert_eq!(action(&made, "web-1-0"), BLOCKED_NEVER);
    assert_eq!(planned(&made, "web-1-0").budgets, ["one", "two"]);
    assert!(finding(&made, "budgets-overlap").title.contains("(one, two)"), "{:#?}", made.findings);
}

#[test]
fn pods_under_one_budget_go_one_after_another_if_each_finds_a_place() {
    let cluster = |cpu: &str| {
        format!(
            "{}{}{}",
            deployment("web", 3, "", "").replace("cpu: 100m", &format!("cpu: {cpu}")),
            web(&["n1", "n1", "n1"]).replace("cpu: 100m", &format!("cpu: {cpu}")),
            budget("web", "web", "maxUnavailable: 1", 1, 3, 2, 3)
        )
    };
    let made = plan("n1", &cluster("100m"));
    assert_eq!(made.plan.verdict, Verdict::Safe, "{:#?} {:#?}", made.findings, made.not_evaluated);
    assert_eq!(made.plan.pods.iter().filter(|pod| pod.action == Action::Evict).count(), 3);
    assert_eq!((made.plan.groups.len(), made.plan.groups[0].at_once), (1, 1));
    assert_eq!(made.plan.groups[0].pods, [0, 1, 2]);
    assert_eq!(made.plan.bound_by.as_deref(), Some("PodDisruptionBudget shop/web: 3 pods, 1 at a time"));
    let budget = &made.plan.budgets[0];
    assert_eq!((budget.allowed_now, budget.allowed_at_best, budget.evictions), (Some(1), Some(1), 3));

    // Without room for any replacement the first one takes the budget for good.
    let made = plan("n1 --allow-pending", &cluster("5"));
    let blocked = made.plan.pods.iter().filter(|pod| pod.action == Action::Blocked).count();
    assert_eq!(blocked, 2, "{:#?}", made.plan.pods);
    assert_eq!(made.plan.verdict, Verdict::Blocked);
}

#[test]
fn a_budget_of_two_lets_two_go_at_once() {
    let yaml = format!(
        "{}{}{}",
        deployment("web", 4, "", ""),
        web(&["n1", "n1", "n1", "n1"]),
        budget("web", "web", "maxUnavailable: 50%", 2, 4, 2, 4)
    );
    let made = plan("n1", &yaml);
    assert_eq!(made.plan.groups[0].at_once, 2);
}

#[test]
fn a_budget_that_matches_nothing_protects_nobody() {
    let yaml = format!(
        "{}{}{}",
        deployment("web", 2, "", ""),
        web(&["n1", "n2"]),
        budget("wbe", "wbe", "maxUnavailable: 1", 0, 0, 0, 0)
    );
    let made = plan("n1", &yaml);
    assert_eq!(action(&made, "web-1-0"), EVICTED);
    assert_eq!(finding(&made, "budget-protects-nobody").severity, Severity::Medium);
    assert_eq!(made.plan.verdict, Verdict::Warnings);
}

#[test]
fn a_status_that_is_behind_says_nothing() {
    let fresh = format!(
        "{}{}{}",
        deployment("web", 2, "", ""),
        web(&["n1", "n2"]),
        budget("web", "web", "maxUnavailable: 1", 1, 2, 1, 2)
    );
    assert_eq!(plan("n1", &fresh).plan.verdict, Verdict::Safe);
    let behind = fresh.replace("generation: 1}", "generation: 2}");
    let made = plan("n1", &behind);
    assert_eq!(made.plan.verdict, Verdict::NotProven);
    assert_eq!(made.not_evaluated[0].what, "PodDisruptionBudget shop/web");
    assert!(made.not_evaluated[0].why.contains("of generation 1"), "{:?}", made.not_evaluated);
    // An eviction that was granted more than two minutes ago and is still counted: the controller does not run.
    let stale =
        fresh.replace("observedGeneration", "disruptedPods: {web-1-9: '2026-11-23T09:50:00Z'}, observedGeneration");
    assert_eq!(plan("n1", &stale).plan.verdict, Verdict::NotProven);
}

#[test]
fn a_budget_that_cannot_be_computed_never_lets_go() {
    let broken = budget("web", "web", "maxUnavailable: 1", 0, 0, 0, 0).replace(
        "expectedPods: 0",
        "expectedPods: 0, conditions: [{type: DisruptionAllowed, status: 'False', reason: SyncFailed, message: no scale}]",
    );
    let yaml = format!("{}{}{broken}", deployment("web", 2, "", ""), web(&["n1", "n2"]));
    let made = plan("n1", &yaml);
    assert_eq!(action(&made, "web-1-0"), BLOCKED_NEVER);
    assert!(planned(&made, "web-1-0").reason.contains("no scale"));
}

#[test]
fn a_budget_without_status_is_worked_out() {
    let without = |spec: &str| {
        let budget = budget("web", "web", spec, 0, 0, 0, 0);
        let (object, _) = budget.split_once("status:").expect("a status");
        format!("{}{}{object}---", deployment("web", 2, "", ""), web(&["n1", "n2"]))
    };
    assert_eq!(action(&plan("n1", &without("maxUnavailable: 1")), "web-1-0"), EVICTED);
    assert_eq!(action(&plan("n1", &without("maxUnavailable: 0")), "web-1-0"), BLOCKED_NEVER);
    assert_eq!(action(&plan("n1", &without("minAvailable: 2")), "web-1-0"), BLOCKED_NEVER);
}

#[test]
fn deleting_bypasses_the_budgets_and_says_so() {
    let yaml = format!(
        "{}{}{}",
        deployment("web", 1, "", ""),
        web(&["n1"]),
        budget("web", "web", "minAvailable: 1", 0, 1, 1, 1)
    );
    let made = plan("n1 --disable-eviction", &yaml);
    assert_eq!(action(&made, "web-1-0"), (Action::Delete, None));
    assert!(made.findings.iter().any(|finding| finding.id == "budgets-bypassed"));
    assert!(made.findings.iter().any(|finding| finding.id == "budget-never"));
    assert_eq!(made.plan.verdict, Verdict::Blocked);
}

#[test]
fn budgets_that_were_not_read_leave_the_plan_unproven() {
    let yaml = format!("{}{}{}", nodes(&["n1", "n2"]), deployment("web", 2, "", ""), web(&["n1", "n2"]));
    let text = format!("---\n{yaml}");
    let snapshot =
        patchkit::snapshot::files::from_files(&["-".to_owned()], false, text.as_bytes(), |_| {}).expect("it is there");
    let now = crate::NOW.parse().expect("a moment");
    let made = crate::make_from(&snapshot, "n1", now).expect("a plan");
    assert_eq!(made.plan.verdict, Verdict::NotProven);
    let missing: Vec<&str> = made.not_evaluated.iter().map(|it| it.what.as_str()).collect();
    assert!(missing.contains(&"poddisruptionbudgets.policy") && missing.contains(&"services"), "{missing:?}");
}

#[test]
fn a_single_node_has_no_other_place() {
    let yaml = format!("{}{}{}", node("n1", ""), deployment("web", 2, "", ""), web(&["n1", "n1"]));
    let made = plan_of("n1", &yaml);
    assert_eq!(made.plan.verdict, Verdict::Blocked);
    assert_eq!(action(&made, "web-1-0"), BLOCKED_NOW);
}
