//! Volumes to detach, cordoned nodes as domains of a spread, quotas, wishes, probes.

use kubectl_drainsafe::{drain::Verdict, fit::Filter};
use patchkit::report::Severity;

use crate::{BLOCKED_NOW, EVICTED, Pod, READY, action, deployment, finding, node, plan, plan_of, planned, web_pod};

fn web(template: &str, more: &Pod<'_>) -> String {
    let pods = format!("{}{}", web_pod("web", 0, "n1", more), web_pod("web", 1, "n2", more));
    format!("{}{pods}", deployment("web", 2, "", template))
}

#[test]
fn volumes_of_one_node_are_waited_for_until_they_are_detached() {
    let volume = |mode: &str| {
        format!(
            "
apiVersion: v1
kind: PersistentVolume
metadata: {{name: disk}}
spec: {{storageClassName: fast, capacity: {{storage: 1Gi}}, accessModes: [{mode}], claimRef: {{namespace: shop, name: data}}, csi: {{driver: csi.example, volumeHandle: d}}}}
status: {{phase: Bound}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: data, namespace: shop, annotations: {{pv.kubernetes.io/bind-completed: 'yes'}}}}
spec: {{storageClassName: fast, accessModes: [{mode}], volumeName: disk, resources: {{requests: {{storage: 1Gi}}}}}}
status: {{phase: Bound}}
---
apiVersion: storage.k8s.io/v1
kind: VolumeAttachment
metadata: {{name: at}}
spec: {{attacher: csi.example, nodeName: n1, source: {{persistentVolumeName: disk}}}}
status: {{attached: true}}
---
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: {{name: csi.example}}
spec: {{attachRequired: true}}
---"
        )
    };
    let spec = ", volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]";
    let single = |mode: &str| {
        let pod = web_pod("web", 0, "n1", &Pod { spec, ..READY });
        format!("{}{}{pod}", volume(mode), deployment("web", 1, "", ""))
    };
    let made = plan("n1", &single("ReadWriteOnce"));
    let pod = planned(&made, "web-1-0");
    assert_eq!(pod.volumes_to_detach, ["disk"]);
    // A second replica could not have the volume.
    assert!(!pod.can_surge);
    // 30 s to end, 2 s to detach, 5 s to start.
    assert!(made.plan.predicted_seconds.is_some_and(|seconds| (37..=38).contains(&seconds)), "{made:#?}");
    let made = plan("n1", &single("ReadWriteMany"));
    assert!(planned(&made, "web-1-0").volumes_to_detach.is_empty());
}

#[test]
fn a_cordoned_node_is_still_a_domain_of_the_spread() {
    let zone = |name: &str, zone: &str| {
        node(name, "").replace(
            "kubernetes.io/os: linux",
            &format!("kubernetes.io/os: linux, topology.kubernetes.io/zone: {zone}"),
        )
    };
    let cluster = |policy: &str| {
        let spread = format!(
            ", topologySpreadConstraints: [{{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: \
             DoNotSchedule, labelSelector: {{matchLabels: {{app: web}}}}{policy}}}]"
        );
        let nodes = format!("{}{}{}", zone("n1", "a"), zone("n2", "b"), zone("n3", "b"));
        // The template of the ReplicaSet is what makes the pods.
        let template = deployment("web", 2, "", "").replace("port: 80}}}]}}", &format!("port: 80}}}}}}]{spread}}}}}"));
        let pods = format!("{}{}", web_pod("web", 0, "n1", &READY), web_pod("web", 1, "n2", &READY));
        format!("{nodes}{template}{pods}")
    };
    let made = plan_of("n1", &cluster(""));
    assert_eq!(action(&made, "web-1-0"), BLOCKED_NOW);
    let rejected = &planned(&made, "web-1-0").rejected;
    assert!(rejected.iter().any(|it| it.node == "n3" && it.filter == Filter::PodTopologySpread), "{rejected:?}");
    assert_eq!(action(&plan_of("n1", &cluster(", nodeTaintsPolicy: Honor")), "web-1-0"), EVICTED);
}

#[test]
fn a_quota_that_is_full_refuses_a_replacement_for_a_while() {
    let quota = "
apiVersion: v1
kind: ResourceQuota
metadata: {name: all, namespace: shop}
spec: {hard: {pods: '2'}}
status: {hard: {pods: '2'}, used: {pods: '2'}}
---";
    let made = plan("n1", &format!("{}{quota}", web("", &READY)));
    assert!(finding(&made, "quota-full").title.contains("pods 2 of 2"), "{:#?}", made.findings);
    assert_eq!(made.plan.verdict, Verdict::Warnings);
    let elsewhere = format!("{}{}", web("", &READY), quota.replace("namespace: shop", "namespace: other"));
    assert_eq!(plan("n1", &elsewhere).plan.verdict, Verdict::Safe);
}

#[test]
fn pods_that_ask_not_to_be_evicted_are_named() {
    for wish in ["cluster-autoscaler.kubernetes.io/safe-to-evict: 'false'", "karpenter.sh/do-not-disrupt: 'true'"] {
        let meta = format!(", annotations: {{{wish}}}");
        let made = plan("n1", &web("", &Pod { meta: &meta, ..READY }));
        assert_eq!(finding(&made, "asks-not-to-be-evicted").severity, Severity::Medium, "{wish}");
        assert_eq!(action(&made, "web-1-0"), EVICTED);
    }
}

#[test]
fn workloads_without_a_readiness_probe_are_named_once() {
    let without = web("", &READY).replace(", readinessProbe: {tcpSocket: {port: 80}}", "");
    let made = plan("n1 n2", &without);
    assert_eq!(finding(&made, "no-readiness-probe").title, "a workload without a readiness probe: Deployment shop/web");
}
