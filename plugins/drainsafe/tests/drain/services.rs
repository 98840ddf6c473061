//! Services that nothing would answer any more.

use kubectl_drainsafe::drain::{Tier, Verdict};
use patchkit::report::Severity;

use crate::{
    BLOCKED_NOW, EVICTED, READY, UNREADY, action, budget, deployment, finding, plan, planned, service, web_pod,
};

fn web(on: &[&str]) -> String {
    on.iter().enumerate().map(|(number, node)| web_pod("web", number, node, &READY)).collect()
}

#[test]
fn all_ready_pods_of_a_service_are_refused_even_without_a_budget() {
    let yaml = format!("{}{}{}", deployment("web", 2, "", ""), web(&["n1", "n1"]), service("dns", "web"));
    let made = plan("n1", &yaml);
    assert_eq!((action(&made, "web-1-0"), action(&made, "web-1-1")), (BLOCKED_NOW, BLOCKED_NOW));
    let found = finding(&made, "last-endpoints");
    assert_eq!(found.severity, Severity::High);
    assert_eq!(found.title, "all 2 ready pods of Service shop/dns are on the nodes to be drained");
    assert_eq!(made.plan.verdict, Verdict::Blocked);

    // With consent, one after another.
    let made = plan("n1 --allow-last-endpoints", &yaml);
    assert_eq!(action(&made, "web-1-0"), EVICTED);
    assert_eq!(made.plan.groups[0].at_once, 1);
    assert_eq!(made.plan.verdict, Verdict::Warnings);
}

#[test]
fn it_counts_over_all_the_nodes_named() {
    let yaml = format!("{}{}{}", deployment("web", 2, "", ""), web(&["n1", "n2"]), service("dns", "web"));
    assert_eq!(plan("n1", &yaml).plan.verdict, Verdict::Safe);
    assert_eq!(action(&plan("n1 n2", &yaml), "web-1-0"), BLOCKED_NOW);
}

#[test]
fn a_pod_elsewhere_that_is_not_ready_answers_nobody() {
    let yaml = format!(
        "{}{}{}{}",
        deployment("web", 2, "", ""),
        web(&["n1"]),
        web_pod("web", 1, "n2", &UNREADY),
        service("dns", "web")
    );
    let made = plan("n1", &yaml);
    assert_eq!(action(&made, "web-1-0"), BLOCKED_NOW);
    assert!(finding(&made, "last-endpoints").title.starts_with("the only ready pod of Service shop/dns"));
}

#[test]
fn a_budget_that_keeps_one_is_enough() {
    let yaml = format!(
        "{}{}{}{}",
        deployment("web", 2, "", ""),
        web(&["n1", "n1"]),
        service("dns", "web"),
        budget("web", "web", "maxUnavailable: 1", 1, 2, 1, 2)
    );
    let made = plan("n1", &yaml);
    assert_eq!(action(&made, "web-1-0"), EVICTED);
    assert_eq!(finding(&made, "last-endpoints").severity, Severity::Medium);

    // One that wants none healthy keeps none.
    let yaml =
        yaml.replace("maxUnavailable: 1", "maxUnavailable: 100%").replace("desiredHealthy: 1", "desiredHealthy: 0");
    assert_eq!(action(&plan("n1", &yaml), "web-1-0"), BLOCKED_NOW);
}

#[test]
fn a_single_replica_can_be_surged_or_accepted() {
    let yaml = format!("{}{}{}", deployment("web", 1, "", ""), web(&["n1"]), service("dns", "web"));
    assert_eq!(action(&plan("n1", &yaml), "web-1-0"), BLOCKED_NOW);
    let made = plan("n1 --surge-singletons", &yaml);
    assert_eq!(action(&made, "web-1-0"), EVICTED);
    assert_eq!(planned(&made, "web-1-0").reason, "a second replica is brought up first");
    let made = plan("n1 --allow-last-endpoints", &yaml);
    assert!(planned(&made, "web-1-0").reason.contains("nothing that answers"), "{:?}", planned(&made, "web-1-0"));
    assert_eq!(made.plan.verdict, Verdict::Warnings);
}

#[test]
fn endpoints_tell_more_than_the_selector() {
    // What answers is an address outside of the cluster; the pod is not behind the Service.
    let slice = "
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: dns-1, namespace: shop, labels: {kubernetes.io/service-name: dns}}
endpoints: [{addresses: [192.0.2.1], conditions: {ready: true}}]
---";
    let yaml = format!("{}{}{}{slice}", deployment("web", 2, "", ""), web(&["n1", "n1"]), service("dns", "web"));
    assert_eq!(action(&plan("n1", &yaml), "web-1-0"), EVICTED);
}

const WEBHOOK: &str = "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: guard}
webhooks:
- name: guard.example.com
  failurePolicy: Fail
  clientConfig: {service: {namespace: shop, name: guard}}
  rules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
---";

#[test]
fn a_fail_closed_webhook_served_only_from_here_is_told_apart() {
    let yaml = format!("{}{}{}{WEBHOOK}", deployment("web", 2, "", ""), web(&["n1", "n1"]), service("guard", "web"));
    let made = plan("n1", &yaml);
    assert_eq!(action(&made, "web-1-0"), BLOCKED_NOW);
    assert!(finding(&made, "webhook-only-here").hint.as_deref().unwrap_or_default().contains("guard.example.com"));
    // One that lets pass what it cannot judge is a Service like any other.
    let open = yaml.replace("failurePolicy: Fail", "failurePolicy: Ignore");
    finding(&plan("n1", &open), "last-endpoints");
}

#[test]
fn webhook_backends_go_after_the_workloads() {
    let other = deployment("app", 2, "", "");
    let pods = format!("{}{}", web_pod("app", 0, "n1", &READY), web_pod("app", 1, "n2", &READY));
    let yaml = format!(
        "{}{}{}{WEBHOOK}{other}{pods}",
        deployment("web", 2, "", ""),
        web(&["n1", "n2"]),
        service("guard", "web")
    );
    let made = plan("n1", &yaml);
    let order: Vec<(&str, Tier)> = made.plan.pods.iter().map(|pod| (pod.name.as_str(), pod.tier)).collect();
    assert_eq!(order, [("app-1-0", Tier::Workloads), ("web-1-0", Tier::Admission)]);
    assert!(planned(&made, "web-1-0").webhook_backend);
}

#[test]
fn storage_and_critical_pods_go_last() {
    let critical = deployment("critical", 2, "", ", priorityClassName: system-cluster-critical");
    let pods: String = ["critical", "web"]
        .iter()
        .flat_map(|app| [web_pod(app, 0, "n1", &READY), web_pod(app, 1, "n2", &READY)])
        .collect();
    let pods = pods.replace("image: example/critical:1", "image: registry.k8s.io/sig-storage/csi-provisioner:v5");
    let yaml = format!("{critical}{}{pods}", deployment("web", 2, "", ""));
    let tiers: Vec<Tier> = plan("n1", &yaml).plan.pods.iter().map(|pod| pod.tier).collect();
    assert_eq!(tiers, [Tier::Workloads, Tier::Storage]);
}
