//! Nodes of the control plane, nodes that do not answer, cordons of others, waves.

use kubectl_drainsafe::drain::{NoPlan, Verdict};
use patchkit::report::Severity;

use crate::{
    BLOCKED_NEVER, BLOCKED_NOW, EVICTED, Pod, READY, action, deployment, finding, make_from, node, nodes, plan,
    plan_of, pod, snapshot, web_pod,
};

fn web(on: &[&str]) -> String {
    let pods: String = on.iter().enumerate().map(|(number, node)| web_pod("web", number, node, &READY)).collect();
    format!("{}{pods}", deployment("web", on.len(), "", ""))
}

#[test]
fn control_plane_nodes_are_behind_a_flag_and_go_alone() {
    let control_plane = |name: &str| {
        node(name, "")
            .replace("kubernetes.io/os: linux", "kubernetes.io/os: linux, node-role.kubernetes.io/control-plane: ''")
    };
    let yaml =
        format!("{}{}{}{}", control_plane("c1"), control_plane("c2"), nodes(&["n1", "n2"]), web(&["c1", "c2", "n1"]));
    let made = plan_of("c1", &yaml);
    assert_eq!(action(&made, "web-1-0"), BLOCKED_NEVER);
    assert_eq!(finding(&made, "control-plane-node").severity, Severity::High);
    let made = plan_of("c1 n1 c2 --include-control-plane", &yaml);
    let waves: Vec<(&str, usize)> = made.plan.nodes.iter().map(|node| (node.name.as_str(), node.wave)).collect();
    assert_eq!(waves, [("n1", 1), ("c1", 2), ("c2", 3)]);
    assert_eq!(made.plan.verdict, Verdict::Warnings, "{:#?} {:#?}", made.findings, made.plan.pods);

    let down =
        yaml.replacen("status: 'True'}", "status: 'False'}", 2).replacen("status: 'False'}", "status: 'True'}", 1);
    finding(&plan_of("c1 --include-control-plane", &down), "control-plane-degraded");
}

#[test]
fn a_node_with_etcd_is_one_of_the_control_plane() {
    let etcd = Pod { app: "etcd, component: etcd", meta: ", annotations: {kubernetes.io/config.mirror: abc}", ..READY };
    let yaml = format!("{}{}", pod("etcd-n1", "n1", &etcd), web(&["n1", "n2"]));
    assert_eq!(action(&plan("n1", &yaml), "web-1-0"), BLOCKED_NEVER);
}

#[test]
fn a_node_that_does_not_answer_ends_nothing() {
    let silent = node("n1", "").replace("status: 'True'", "status: Unknown");
    let yaml = format!("{silent}{}{}", nodes(&["n2", "n3"]), web(&["n1", "n2"]));
    let made = plan_of("n1", &yaml);
    assert_eq!(action(&made, "web-1-0"), BLOCKED_NOW);
    assert!(finding(&made, "node-unreachable").hint.as_deref().unwrap_or_default().contains("out-of-service"));
    let made = plan_of("n1 --skip-wait-for-delete-timeout 60", &yaml);
    assert_eq!(action(&made, "web-1-0"), EVICTED);
    assert_eq!(finding(&made, "node-unreachable").severity, Severity::Medium);

    let sick = yaml.replace("status: Unknown", "status: 'False'");
    let made = plan_of("n1", &sick);
    assert_eq!(action(&made, "web-1-0"), EVICTED);
    finding(&made, "node-not-ready");
}

#[test]
fn the_unreachable_taint_tells_it_too() {
    let tainted = node("n1", "")
        .replace("status:\n", "spec: {taints: [{key: node.kubernetes.io/unreachable, effect: NoExecute}]}\nstatus:\n");
    let yaml = format!("{tainted}{}{}", nodes(&["n2"]), web(&["n1", "n2"]));
    assert_eq!(action(&plan_of("n1", &yaml), "web-1-0"), BLOCKED_NOW);
}

#[test]
fn a_foreign_cordon_is_told_and_no_reason_to_warn() {
    let cordoned = node("n1", "").replace("status:\n", "spec: {unschedulable: true}\nstatus:\n");
    let yaml = format!("{cordoned}{}{}", nodes(&["n2", "n3"]), web(&["n1", "n2"]));
    let made = plan_of("n1", &yaml);
    assert!(made.plan.nodes[0].cordoned);
    assert_eq!(finding(&made, "foreign-cordon").severity, Severity::Info);
    assert_eq!(made.plan.verdict, Verdict::Safe);
}

#[test]
fn so_many_nodes_at_once_as_may_be() {
    let yaml = web(&["n1", "n2", "n3"]);
    let waves = |line: &str| plan(line, &yaml).plan.nodes.iter().map(|node| node.wave).collect::<Vec<_>>();
    assert_eq!(waves("n1 n2 n3"), [1, 1, 1]);
    assert_eq!(waves("n1 n2 n3 --max-parallel 2"), [1, 1, 2]);
    assert_eq!(waves("n1 node/n1 n2"), [1, 1]);
}

#[test]
fn nodes_are_named_or_selected() {
    let facts = snapshot(&nodes(&["n1", "n2"]));
    let make_with = |line: &str| make_from(&facts, line, crate::NOW.parse().expect("a moment"));
    assert_eq!(make_with("n9").err(), Some(NoPlan::NoSuchNode("n9".to_owned())));
    assert_eq!(
        make_with("-l kubernetes.io/os=windows").map(|_| ()).unwrap_err().to_string(),
        "no node has the labels \"kubernetes.io/os=windows\""
    );
    assert_eq!(make_with("--selector=").err(), Some(NoPlan::EverythingSelected));
    assert_eq!(make_with("-l kubernetes.io/os=linux").map(|made| made.plan.nodes.len()), Ok(2));
    let nothing = snapshot(&pod("a", "n1", &READY));
    assert!(make_from(&nothing, "n1", crate::NOW.parse().expect("a moment")).is_err());
}

#[test]
fn an_autoscaler_is_known_by_its_label() {
    let node = node("n1", "").replace("kubernetes.io/os: linux", "kubernetes.io/os: linux, karpenter.sh/nodepool: a");
    let made = plan_of("n1", &format!("{node}{}{}", nodes(&["n2"]), web(&["n1", "n2"])));
    assert_eq!(finding(&made, "autoscaler").severity, Severity::Info);
    assert_eq!(made.plan.verdict, Verdict::Safe);
}
