//! StatefulSets: quorum, order, and one pod at a time.

use patchkit::report::Severity;

use crate::{BLOCKED_NOW, EVICTED, Pod, READY, UNREADY, action, finding, plan, planned, pod};

fn set(replicas: usize, policy: &str) -> String {
    format!(
        "
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: db, namespace: shop, uid: s-db}}
spec: {{replicas: {replicas}, podManagementPolicy: {policy}, selector: {{matchLabels: {{app: db}}}}, template: {{metadata: {{labels: {{app: db}}}}, spec: {{containers: [{{name: c, image: example/db:1, resources: {{requests: {{cpu: 100m}}}}}}]}}}}}}
---"
    )
}

fn db(number: usize, node: &str, more: &Pod<'_>) -> String {
    let owner = "{apiVersion: apps/v1, kind: StatefulSet, name: db, uid: s-db, controller: true}";
    pod(&format!("db-{number}"), node, &Pod { owner, app: "db", ..*more })
}

#[test]
fn one_pod_of_a_set_at_a_time_the_highest_first() {
    let yaml =
        format!("{}{}{}{}", set(3, "OrderedReady"), db(0, "n1", &READY), db(1, "n1", &READY), db(2, "n2", &READY));
    let made = plan("n1 n2", &yaml);
    assert_eq!((made.plan.groups.len(), made.plan.groups[0].at_once), (1, 1));
    let order: Vec<&str> = made.plan.pods.iter().map(|pod| pod.name.as_str()).collect();
    assert_eq!(order, ["db-2", "db-1", "db-0"]);
    assert!(planned(&made, "db-0").replaced_when_gone);
}

#[test]
fn no_pod_goes_while_that_would_cost_the_quorum() {
    let yaml = format!("{}{}{}{}", set(3, "Parallel"), db(0, "n2", &READY), db(1, "n1", &READY), db(2, "n3", &UNREADY));
    let made = plan("n1", &yaml);
    assert_eq!(action(&made, "db-1"), BLOCKED_NOW);
    assert_eq!(finding(&made, "quorum").severity, Severity::High);
    // A pod that is missing altogether counts as well.
    let yaml = format!("{}{}{}", set(3, "Parallel"), db(0, "n2", &READY), db(1, "n1", &READY));
    assert_eq!(action(&plan("n1", &yaml), "db-1"), BLOCKED_NOW);
    // The one that is not Ready may go.
    let yaml = format!("{}{}{}{}", set(3, "Parallel"), db(0, "n2", &READY), db(1, "n1", &UNREADY), db(2, "n3", &READY));
    assert_eq!(action(&plan("n1", &yaml), "db-1"), EVICTED);
    // Five lose one and another one, and still have three.
    let yaml = format!(
        "{}{}{}{}{}{}",
        set(5, "Parallel"),
        db(0, "n2", &READY),
        db(1, "n1", &READY),
        db(2, "n3", &UNREADY),
        db(3, "n3", &READY),
        db(4, "n3", &READY)
    );
    let made = plan("n1", &yaml);
    assert_eq!(action(&made, "db-1"), EVICTED);
    assert_eq!(finding(&made, "set-degraded").severity, Severity::Medium);
}

#[test]
fn an_ordered_set_brings_nothing_back_behind_a_broken_pod() {
    let yaml =
        format!("{}{}{}{}", set(3, "OrderedReady"), db(0, "n2", &UNREADY), db(1, "n1", &UNREADY), db(2, "n3", &READY));
    let made = plan("n1", &yaml);
    assert_eq!(action(&made, "db-1"), BLOCKED_NOW);
    assert!(finding(&made, "set-stuck").title.contains("db-0"));
}
