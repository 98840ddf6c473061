//! Pods that come straight back, pods that only the drained node can take, data that stays behind.

use kubectl_drainsafe::{drain::Verdict, fit::Filter};
use patchkit::report::Severity;

use crate::{
    BLOCKED_NEVER, BLOCKED_NOW, EVICTED, Pod, READY, action, deployment, finding, node, nodes, plan, plan_of, planned,
    pod, web_pod,
};

fn web(template: &str, pod: &Pod<'_>) -> String {
    format!("{}{}{}", deployment("web", 2, "", ""), web_pod("web", 0, "n1", pod), web_pod("web", 1, "n2", pod)).replace(
        "readinessProbe: {tcpSocket: {port: 80}}}]}}",
        &format!("readinessProbe: {{tcpSocket: {{port: 80}}}}}}]{template}}}}}"),
    )
}

#[test]
fn a_fixed_node_name_brings_the_pod_straight_back() {
    let made = plan("n1", &web(", nodeName: n1", &READY));
    assert_eq!(action(&made, "web-1-0"), BLOCKED_NEVER);
    assert!(planned(&made, "web-1-0").comes_back.is_some());
    assert_eq!(finding(&made, "comes-back").severity, Severity::High);
}

#[test]
fn who_tolerates_the_cordon_may_come_back() {
    for toleration in
        ["operator: Exists", "key: node.kubernetes.io/unschedulable, operator: Exists, effect: NoSchedule"]
    {
        let made = plan("n1", &web(&format!(", tolerations: [{{{toleration}}}]"), &READY));
        assert_eq!(action(&made, "web-1-0"), EVICTED, "{toleration}");
        assert_eq!(finding(&made, "comes-back").severity, Severity::Medium, "{toleration}");
    }
    // One that may not be on this node does not.
    let made =
        plan("n1", &web(", tolerations: [{operator: Exists}], nodeSelector: {kubernetes.io/hostname: n2}", &READY));
    assert!(planned(&made, "web-1-0").comes_back.is_none());
}

#[test]
fn what_only_the_drained_node_can_take_needs_consent() {
    for template in [
        ", nodeSelector: {kubernetes.io/hostname: n1}",
        ", affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: \
         [{key: kubernetes.io/hostname, operator: In, values: [n1]}]}]}}}",
    ] {
        let yaml = web(template, &READY);
        let made = plan("n1", &yaml);
        assert_eq!(action(&made, "web-1-0"), BLOCKED_NOW, "{template}");
        assert_eq!(finding(&made, "pinned-to-node").severity, Severity::High, "{template}");
        assert!(planned(&made, "web-1-0").reason.contains("stays Pending until"), "{template}");
        let rejected = &planned(&made, "web-1-0").rejected;
        assert!(rejected.iter().any(|it| it.node == "n2" && it.filter == Filter::NodeAffinity), "{rejected:?}");
        let made = plan("n1 --allow-pending", &yaml);
        assert_eq!(action(&made, "web-1-0"), EVICTED, "{template}");
        assert_eq!(planned(&made, "web-1-0").destination, None);
        assert_eq!(made.plan.verdict, Verdict::Warnings, "{template}");
    }
}

#[test]
fn a_local_volume_holds_its_pod() {
    let volume = "
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk, annotations: {pv.kubernetes.io/bound-by-controller: 'yes'}}
spec: {storageClassName: local, capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], claimRef: {namespace: shop, name: data-db-0}, local: {path: /mnt/a}, nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [n1]}]}]}}}
status: {phase: Bound}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data-db-0, namespace: shop, annotations: {pv.kubernetes.io/bind-completed: 'yes'}}
spec: {storageClassName: local, accessModes: [ReadWriteOnce], volumeName: disk, resources: {requests: {storage: 1Gi}}}
status: {phase: Bound}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop, uid: s}
spec: {replicas: 1, selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: example/db:1}]}}, volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce]}}]}
---";
    let owner = "{apiVersion: apps/v1, kind: StatefulSet, name: db, uid: s, controller: true}";
    let spec = ", volumes: [{name: data, persistentVolumeClaim: {claimName: data-db-0}}]";
    let yaml = format!("{volume}{}", pod("db-0", "n1", &Pod { owner, app: "db", spec, ..READY }));
    let made = plan("n1", &yaml);
    assert_eq!(action(&made, "db-0"), BLOCKED_NOW, "{:#?}", planned(&made, "db-0"));
    assert!(planned(&made, "db-0").reason.contains("volume disk"), "{}", planned(&made, "db-0").reason);
    let made = plan("n1 --allow-pending", &yaml);
    assert!(finding(&made, "node-local-data").title.contains("local volume disk"));
}

#[test]
fn host_paths_that_are_written_are_told() {
    let pod = Pod { spec: ", volumes: [{name: data, hostPath: {path: /var/data}}]", ..READY };
    let mounted = |read_only: &str| {
        web("", &pod).replace(
            "image: example/web:1, resources",
            &format!("image: example/web:1, volumeMounts: [{{name: data, mountPath: /d{read_only}}}], resources"),
        )
    };
    assert!(finding(&plan("n1", &mounted("")), "node-local-data").title.contains("hostPath /var/data"));
    let made = plan("n1", &mounted(", readOnly: true"));
    assert!(made.findings.iter().all(|finding| finding.id != "node-local-data"));
}

#[test]
fn a_full_cluster_has_no_place() {
    let yaml = web("", &READY).replace("cpu: 100m", "cpu: '3'");
    let full = format!("{}{yaml}", nodes(&["n1", "n2"]));
    let made = plan_of("n1", &full);
    assert_eq!(action(&made, "web-1-0"), BLOCKED_NOW);
    let found = finding(&made, "no-place");
    assert!(found.title.contains("NodeResourcesFit: 1"), "{}", found.title);
    // With another node there is one, and the others say why not.
    let made = plan_of("n1", &format!("{full}{}", node("n3", "")));
    let pod = planned(&made, "web-1-0");
    assert_eq!(pod.destination.as_deref(), Some("n3"));
    assert!(
        pod.rejected.iter().any(|it| it.node == "n2" && it.filter == Filter::NodeResourcesFit),
        "{:?}",
        pod.rejected
    );
    assert_eq!(made.plan.verdict, Verdict::Safe, "{:#?}", made.findings);
}

#[test]
fn room_is_used_once() {
    // One free node of 4 CPUs, and two replacements of 3.
    let yaml = format!(
        "{}{}{}{}",
        nodes(&["n1", "n2", "n3"]),
        deployment("web", 2, "", ""),
        web_pod("web", 0, "n1", &READY),
        web_pod("web", 1, "n2", &READY)
    )
    .replace("cpu: 100m", "cpu: '3'");
    assert_eq!(plan_of("n1", &yaml).plan.verdict, Verdict::Safe);
    let made = plan_of("n1 n2", &yaml);
    assert_eq!(made.plan.verdict, Verdict::NotProven, "{:#?}", made.plan.pods);
    assert_eq!(finding(&made, "place-not-proven").severity, Severity::High);
}
