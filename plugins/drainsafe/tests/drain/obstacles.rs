//! `check`: what stands in the way of any drain.

use kubectl_drainsafe::{
    drain,
    obstacles::{Made, Verdict, make},
};
use patchkit::report::{Finding, Severity};

use crate::{Pod, READY, UNREADY, budget, deployment, node, nodes, pod, service, snapshot, web_pod};

fn check(yaml: &str) -> Made {
    let yaml = format!("{}{yaml}", nodes(&["n1", "n2", "n3"]));
    make(&snapshot(&yaml), crate::NOW.parse().expect("a moment"), 100, |_| {}).expect("nodes and pods are there")
}

fn ids(made: &Made) -> Vec<(&str, Severity)> {
    let mut ids: Vec<_> = made.findings.iter().map(|finding| (finding.id.as_str(), finding.severity)).collect();
    ids.sort_unstable();
    ids
}

#[track_caller]
fn finding<'m>(made: &'m Made, id: &str) -> &'m Finding {
    made.findings.iter().find(|finding| finding.id == id).unwrap_or_else(|| panic!("no {id}: {:#?}", made.findings))
}

fn web(on: &[&str]) -> String {
    let pods: String = on.iter().enumerate().map(|(number, node)| web_pod("web", number, node, &READY)).collect();
    format!("{}{pods}", deployment("web", on.len(), "", ""))
}

#[test]
fn a_cluster_without_obstacles_is_clear() {
    let made = check(&format!("{}{}", web(&["n1", "n2"]), service("web", "web")));
    assert_eq!(made.obstacles.verdict, Verdict::Clear, "{:#?}", made.findings);
    assert_eq!(made.obstacles.nodes.len(), 3);
    assert!(made.obstacles.nodes.iter().all(|node| node.verdict == drain::Verdict::Safe));
}

#[test]
fn flags_of_kubectl_are_no_obstacles() {
    let spec = ", volumes: [{name: tmp, emptyDir: {}}]";
    let made = check(&format!("{}{}", web(&["n1", "n2"]), pod("bare", "n1", &Pod { spec, ..READY })));
    assert!(made.findings.iter().all(|finding| finding.severity < Severity::High), "{:#?}", made.findings);
}

#[test]
fn budgets_are_looked_at_wherever_their_pods_are() {
    let never = format!("{}{}", web(&["n1", "n2"]), budget("web", "web", "maxUnavailable: 0", 0, 2, 2, 2));
    let made = check(&never);
    assert_eq!(finding(&made, "budget-never").severity, Severity::High);
    assert_eq!(finding(&made, "budget-never").evidence["nodes"], serde_json::json!(["n1", "n2"]));
    assert_eq!(made.findings.iter().filter(|finding| finding.id == "budget-never").count(), 1, "told once");
    assert_eq!(made.obstacles.nodes[0].blocked, ["shop/web-1-0"]);

    let overlap = format!(
        "{}{}{}{}",
        web(&["n1", "n2"]),
        budget("one", "web", "maxUnavailable: 1", 1, 2, 1, 2),
        budget("two", "web", "maxUnavailable: 1", 1, 2, 1, 2),
        budget("nobody", "wbe", "maxUnavailable: 1", 0, 0, 0, 0)
    );
    let made = check(&overlap);
    assert!(finding(&made, "budgets-overlap").title.contains("one, two"));
    assert_eq!(finding(&made, "budget-protects-nobody").severity, Severity::Medium);

    let held = format!(
        "{}{}{}{}",
        deployment("web", 2, "", ""),
        web_pod("web", 0, "n1", &READY),
        web_pod("web", 1, "n2", &UNREADY),
        budget("web", "web", "minAvailable: 1", 0, 1, 1, 2)
    );
    finding(&check(&held), "budget-held-by-unready");
}

#[test]
fn singletons_and_services_on_one_node_are_told() {
    let made = check(&web(&["n1"]));
    assert_eq!(ids(&made), [("single-replica", Severity::Medium)]);
    let made = check(&format!("{}{}", web(&["n1", "n1"]), service("web", "web")));
    let found = finding(&made, "last-endpoints");
    assert_eq!((found.severity, &found.evidence["nodes"]), (Severity::High, &serde_json::json!(["n1"])));
}

#[test]
fn storage_that_is_pinned_and_room_that_is_missing_are_told() {
    let pinned = web(&["n1", "n2"])
        .replace("spec: {containers:", "spec: {nodeSelector: {kubernetes.io/hostname: n1}, containers:");
    finding(&check(&pinned), "pinned-to-node");
    let large = web(&["n1", "n2", "n3"]).replace("cpu: 100m", "cpu: '3'");
    let made = check(&large);
    assert_eq!(made.findings.iter().filter(|finding| finding.id == "no-place").count(), 3, "{:#?}", made.findings);
    assert_eq!(made.obstacles.verdict, Verdict::Obstacles);
    let made = check(&format!("{large}{}", node("n4", "")));
    assert_eq!(made.obstacles.verdict, Verdict::Clear, "{:#?}", made.findings);
}

#[test]
fn nodes_beyond_the_limit_are_named() {
    let facts = snapshot(&nodes(&["n1", "n2", "n3"]));
    let facts_with_pods = snapshot(&format!("{}{}", nodes(&["n1", "n2", "n3"]), web(&["n1", "n2"])));
    let made = make(&facts_with_pods, crate::NOW.parse().expect("a moment"), 2, |_| {}).expect("nodes are there");
    assert_eq!((made.obstacles.nodes.len(), made.obstacles.nodes_not_tried), (2, 1));
    assert_eq!(made.obstacles.verdict, Verdict::NotProven);
    // Nodes without any pod are a cluster, too.
    assert!(make(&facts, crate::NOW.parse().expect("a moment"), 9, |_| {}).is_ok());
}
