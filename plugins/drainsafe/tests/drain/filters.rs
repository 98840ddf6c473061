//! kubectl's five filters: which pods they let go, and their words.

use kubectl_drainsafe::drain::{Action, Verdict};

use crate::{BLOCKED_NEVER, EVICTED, Pod, READY, action, finding, plan, planned, pod};

const SET: &str = "{apiVersion: apps/v1, kind: StatefulSet, name: any, controller: true}";
const DAEMONS: &str = "
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: shop, uid: ds}
spec: {selector: {matchLabels: {app: agent}}, template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: c}]}}}
---";
const OF_DAEMONS: &str = "{apiVersion: apps/v1, kind: DaemonSet, name: agent, uid: ds, controller: true}";
const EMPTY_DIR: &str = ", volumes: [{name: tmp, emptyDir: {}}]";

#[test]
fn pods_of_daemon_sets_stay_or_stop_the_drain() {
    let yaml = format!("{DAEMONS}{}", pod("agent-x", "n1", &Pod { owner: OF_DAEMONS, app: "agent", ..READY }));
    let made = plan("n1", &yaml);
    assert_eq!(action(&made, "agent-x"), BLOCKED_NEVER);
    let words = "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): shop/agent-x";
    assert_eq!(planned(&made, "agent-x").reason, words);
    assert_eq!(finding(&made, "daemonset-pods").title, words);
    assert_eq!(made.plan.verdict, Verdict::Blocked);

    let made = plan("n1 --ignore-daemonsets", &yaml);
    assert_eq!(action(&made, "agent-x"), (Action::Skip, None));
    assert_eq!(planned(&made, "agent-x").reason, "ignoring DaemonSet-managed Pods");
    assert_eq!(made.plan.verdict, Verdict::Safe, "{:#?}", made.findings);
}

#[test]
fn a_daemon_set_that_is_gone_is_told_in_the_servers_words() {
    let yaml = pod("agent-x", "n1", &Pod { owner: OF_DAEMONS, app: "agent", ..READY });
    let made = plan("n1 --ignore-daemonsets", &yaml);
    assert_eq!(planned(&made, "agent-x").reason, "cannot delete daemonsets.apps \"agent\" not found: shop/agent-x");
    let made = plan("n1 --force", &yaml);
    assert_eq!(action(&made, "agent-x"), EVICTED);
    // Another project's DaemonSet is none.
    let other = pod("agent-x", "n1", &Pod { owner: &OF_DAEMONS.replace("apps/v1", "apps.example/v1"), ..READY });
    assert_eq!(action(&plan("n1", &other), "agent-x").0, Action::Evict);
}

#[test]
fn finished_pods_of_daemon_sets_go() {
    let yaml = format!(
        "{DAEMONS}{}",
        pod("agent-x", "n1", &Pod { owner: OF_DAEMONS, phase: "Failed", ready: false, ..READY })
    );
    assert_eq!(action(&plan("n1", &yaml), "agent-x"), EVICTED);
}

#[test]
fn static_pods_are_left_alone_without_a_word() {
    let mirror = Pod { meta: ", annotations: {kubernetes.io/config.mirror: abc}", spec: EMPTY_DIR, ..READY };
    let made = plan("n1", &pod("kubelet-made", "n1", &mirror));
    assert_eq!(action(&made, "kubelet-made"), (Action::Skip, None));
    assert_eq!(made.plan.verdict, Verdict::Safe);
}

#[test]
fn local_storage_needs_consent_unless_the_pod_has_finished() {
    let with = |more: &Pod<'_>| pod("tmp", "n1", &Pod { owner: SET, ..*more });
    for spec in [EMPTY_DIR, ", volumes: [{name: tmp, emptyDir: {medium: Memory}}]", ", volumes: [{name: tmp}]"] {
        let made = plan("n1", &with(&Pod { spec, ..READY }));
        assert_eq!(action(&made, "tmp"), BLOCKED_NEVER, "{spec}");
        assert_eq!(
            finding(&made, "local-storage").title,
            "cannot delete Pods with local storage (use --delete-emptydir-data to override): shop/tmp"
        );
        let made = plan("n1 --delete-emptydir-data", &with(&Pod { spec, ..READY }));
        assert_ne!(action(&made, "tmp"), BLOCKED_NEVER, "{spec}");
    }
    let host_path = with(&Pod { spec: ", volumes: [{name: tmp, hostPath: {path: /var/x}}]", ..READY });
    assert_ne!(action(&plan("n1", &host_path), "tmp"), BLOCKED_NEVER);
    let finished = with(&Pod { spec: EMPTY_DIR, phase: "Succeeded", ready: false, ..READY });
    assert_eq!(action(&plan("n1", &finished), "tmp"), EVICTED);
}

#[test]
fn bare_pods_need_force_and_all_are_named_at_once() {
    let yaml = format!("{}{}", pod("a", "n1", &READY), pod("b", "n2", &READY));
    let made = plan("n1 n2", &yaml);
    assert_eq!(
        finding(&made, "no-controller").title,
        "cannot delete Pods that declare no controller (use --force to override): shop/a, shop/b"
    );
    let made = plan("n1 n2 --force", &yaml);
    assert_eq!((action(&made, "a"), action(&made, "b")), (EVICTED, EVICTED));
    assert_eq!(planned(&made, "a").reason, "deleting Pods that declare no controller");
    // An owner that is no controller does not count.
    let owned = pod("a", "n1", &Pod { owner: "{apiVersion: v1, kind: ConfigMap, name: x}", ..READY });
    assert_eq!(action(&plan("n1", &owned), "a"), BLOCKED_NEVER);
    let finished = pod("a", "n1", &Pod { phase: "Succeeded", ready: false, ..READY });
    assert_eq!(action(&plan("n1", &finished), "a"), EVICTED);
}

#[test]
fn pods_that_are_long_overdue_are_not_waited_for() {
    let hanging = Pod { meta: ", deletionTimestamp: '2026-11-23T09:58:00Z', finalizers: [x/y]", ..READY };
    let yaml = pod("slow", "n1", &hanging);
    assert_eq!(action(&plan("n1 --skip-wait-for-delete-timeout 119", &yaml), "slow"), (Action::Skip, None));
    assert_eq!(action(&plan("n1 --skip-wait-for-delete-timeout 120", &yaml), "slow"), BLOCKED_NEVER);
    let made = plan("n1 --force", &yaml);
    assert!(finding(&made, "hangs").title.contains("a finalizer holds it"), "{:#?}", made.findings);
}

#[test]
fn a_pod_selector_leaves_the_others_out() {
    let yaml = format!("{}{}", pod("a", "n1", &READY), pod("b", "n1", &Pod { app: "b", ..READY }));
    let made = plan("n1 --force --pod-selector app=b", &yaml);
    assert_eq!(made.plan.pods.iter().map(|pod| pod.name.as_str()).collect::<Vec<_>>(), ["b"]);
}

#[test]
fn deleting_takes_the_place_of_evicting() {
    let made = plan("n1 --force --disable-eviction", &pod("a", "n1", &READY));
    assert_eq!(action(&made, "a"), (Action::Delete, None));
}
