//! Every change in its three outcomes, on clusters small enough to be read.

use patchkit::{rules::version::Minor, snapshot::SnapshotBuilder};

use super::{
    evaluate::{evaluate, is_known},
    of_minor,
};
use crate::{
    facts::{Change, Facts},
    plan::model::{ChangeAnswer, Touched},
    specs::Specs,
    testing::Cluster,
};

/// A change with a cluster that it touches, one that it does not touch, and one that does not tell.
struct Case {
    id: &'static str,
    yes: String,
    no: String,
    cannot_tell: String,
}

fn pod(name: &str, spec: &str) -> String {
    format!("{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: shop}}, spec: {spec}}}\n---\n")
}

/// A pod and an empty template, so that both kinds were read.
fn pods(spec: &str) -> String {
    pod("a", spec) + "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: shop}}\n---\n"
}

fn component(name: &str, flags: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}-a, namespace: kube-system}}, spec: {{containers: [{{name: c, image: 'registry.k8s.io/{name}:v1.33.2', command: [{name}, {flags}]}}]}}}}\n---\n"
    )
}

fn config(name: &str, key: &str, text: &str) -> String {
    let indented = text.replace('\n', "\n    ");
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: kube-system}}\ndata:\n  {key}: |\n    {indented}\n---\n"
    )
}

fn kubeadm() -> String {
    config("kubeadm-config", "ClusterConfiguration", "kind: ClusterConfiguration")
}

fn kubelet_flags(arguments: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Node, metadata: {{name: n, annotations: {{rke2.io/node-args: '[\"agent\",\"--kubelet-arg\",\"{arguments}\"]'}}}}, status: {{nodeInfo: {{kubeletVersion: v1.33.1+rke2r1}}}}}}\n---\n"
    )
}

fn node(name: &str, info: &str) -> String {
    format!("{{apiVersion: v1, kind: Node, metadata: {{name: {name}}}, status: {{nodeInfo: {{{info}}}}}}}\n---\n")
}

fn object(api_version: &str, kind: &str, rest: &str) -> String {
    format!("{{apiVersion: {api_version}, kind: {kind}, metadata: {{name: o, namespace: shop}}{rest}}}\n---\n")
}

fn annotated(api_version: &str, kind: &str, key: &str) -> String {
    format!(
        "{{apiVersion: {api_version}, kind: {kind}, metadata: {{name: o, namespace: shop, annotations: {{{key}: 'true'}}}}}}\n---\n"
    )
}

fn volume(field: &str) -> String {
    format!("{{apiVersion: v1, kind: PersistentVolume, metadata: {{name: v}}, spec: {{{field}: {{}}}}}}\n---\n")
}

fn rule(expression: &str) -> String {
    object(
        "monitoring.coreos.com/v1",
        "PrometheusRule",
        &format!(", spec: {{groups: [{{rules: [{{expr: '{expression}'}}]}}]}}"),
    )
}

fn kubelet_case(id: &'static str, flag: &str) -> Case {
    Case {
        id,
        yes: kubelet_flags(flag),
        no: kubelet_flags("housekeeping-interval=10s"),
        cannot_tell: node("n", "kubeletVersion: v1.33.1"),
    }
}

fn claim_user(name: &str, context: &str) -> String {
    pod(
        name,
        &format!(
            "{{securityContext: {context}, containers: [{{name: c, volumeMounts: [{{name: v, mountPath: /v}}]}}], volumes: [{{name: v, persistentVolumeClaim: {{claimName: shared}}}}]}}"
        ),
    )
}

fn cases() -> Vec<Case> {
    let none = String::new;
    let level = "{seLinuxOptions: {level: 's0:c1,c2'}}";
    let role = |resource: &str| {
        format!(
            "{}{}{}{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {{name: r}}, rules: [{{apiGroups: [''], resources: [{resource}], verbs: [get]}}]}}\n---\n{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {{name: b}}, roleRef: {{kind: ClusterRole, name: r}}, subjects: [{{kind: Group, name: dev}}]}}\n---\n",
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleList, items: []}\n---\n",
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBindingList, items: []}\n---\n",
            ""
        )
    };
    let mirror = |spec: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: m, namespace: kube-system, annotations: {{kubernetes.io/config.mirror: x}}}}, spec: {spec}}}\n---\n"
        )
    };
    let policy = object(
        "admissionregistration.k8s.io/v1",
        "ValidatingAdmissionPolicy",
        ", spec: {validations: [{expression: 'true'}]}",
    );
    let apparmor = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: shop}, spec: {template: {metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/c: runtime/default}}}}}\n---\n";
    let portworx = |driver: &str| {
        volume("portworxVolume")
            + &pods("{}")
            + &format!("{{apiVersion: storage.k8s.io/v1, kind: CSIDriver, metadata: {{name: {driver}}}}}\n---\n")
    };
    let proxy =
        |mode: &str| config("kube-proxy", "config.conf", &format!("kind: KubeProxyConfiguration\nmode: \"{mode}\""));
    let etcd = |tag: &str| {
        kubeadm()
            + &format!(
                "{{apiVersion: v1, kind: Pod, metadata: {{name: etcd-a, namespace: kube-system}}, spec: {{containers: [{{name: e, image: 'registry.k8s.io/etcd:{tag}'}}]}}}}\n---\n"
            )
    };
    let endpoints = |labels: &str| {
        format!(
            "{{apiVersion: v1, kind: Endpoints, metadata: {{name: o, namespace: shop, labels: {{{labels}}}}}}}\n---\n"
        )
    };
    vec![
        Case {
            id: "selinux-mount",
            yes: node("n", "osImage: Fedora CoreOS 41") + &claim_user("a", level) + &claim_user("b", "{}"),
            no: node("n", "osImage: Ubuntu 24.04 LTS") + &claim_user("a", level) + &claim_user("b", "{}"),
            cannot_tell: claim_user("a", level) + &claim_user("b", "{}"),
        },
        Case {
            id: "scheduling-v1alpha2-objects",
            yes: object("scheduling.k8s.io/v1alpha2", "PodGroup", ""),
            no: "{apiVersion: scheduling.k8s.io/v1alpha2, kind: WorkloadList, items: []}\n---\nserverVersion: {gitVersion: v1.34.1}\n---\n".to_owned(),
            cannot_tell: none(),
        },
        Case {
            id: "event-record-qps-zero",
            yes: config("kubelet-config", "kubelet", "kind: KubeletConfiguration\neventRecordQPS: 0"),
            no: config("kubelet-config", "kubelet", "kind: KubeletConfiguration"),
            cannot_tell: none(),
        },
        Case { id: "nodes-log-exposes-config", yes: role("nodes/log"), no: role("nodes"), cannot_tell: none() },
        kubelet_case("cadvisor-flags-removed", "event-storage-age-limit=1h"),
        Case {
            id: "static-pods-api-references",
            yes: mirror("{volumes: [{name: v, configMap: {name: c}}]}"),
            no: mirror("{volumes: [{name: v, hostPath: {path: /etc}}]}"),
            cannot_tell: none(),
        },
        Case { id: "kube-proxy-mode-unset", yes: proxy(""), no: proxy("iptables"), cannot_tell: none() },
        Case {
            id: "kcm-concurrent-service-syncs",
            yes: component("kube-controller-manager", "--concurrent-service-syncs=2"),
            no: component("kube-controller-manager", "--v=2"),
            cannot_tell: none(),
        },
        Case {
            id: "gitrepo-volumes",
            yes: pods("{volumes: [{name: v, gitRepo: {repository: r}}]}"),
            no: pods("{}"),
            cannot_tell: object("apps/v1", "Deployment", ""),
        },
        Case {
            id: "portworx-in-tree",
            yes: portworx("other.example.com"),
            no: portworx("pxd.portworx.com"),
            cannot_tell: volume("portworxVolume") + &pods("{}"),
        },
        Case {
            id: "flexvolume-kubeadm",
            yes: kubeadm() + &volume("flexVolume") + &pods("{}"),
            no: kubeadm() + &volume("csi") + &pods("{}"),
            cannot_tell: volume("flexVolume") + &pods("{}"),
        },
        Case {
            id: "external-ips",
            yes: object("v1", "Service", ", spec: {externalIPs: [192.0.2.1]}"),
            no: object("v1", "Service", ""),
            cannot_tell: none(),
        },
        Case {
            id: "scheduling-v1alpha1-workload",
            yes: object("scheduling.k8s.io/v1alpha1", "Workload", ""),
            no: "serverVersion: {gitVersion: v1.34.1}\n---\n".to_owned(),
            cannot_tell: "serverVersion: {gitVersion: v1.35.1}\n---\n".to_owned(),
        },
        Case {
            id: "webhook-admission-config-v1alpha1",
            yes: "{apiVersion: apiserver.config.k8s.io/v1alpha1, kind: WebhookAdmissionConfiguration, kubeConfigFile: x}".to_owned(),
            no: component("kube-apiserver", "--v=2"),
            cannot_tell: component("kube-apiserver", "--admission-control-config-file=/etc/a.yaml"),
        },
        Case { id: "kubeadm-etcd-3.6", yes: etcd("3.5.21-0"), no: etcd("3.6.4-0"), cannot_tell: kubeadm() },
        Case {
            id: "metric-volume-operation-errors",
            yes: rule("rate(volume_operation_total_errors[5m]) > 0") + &kubeadm(),
            no: rule("up == 0") + &kubeadm(),
            cannot_tell: rule("up == 0"),
        },
        Case {
            id: "cgroup-v1",
            yes: node("n", "kubeletVersion: v1.33.1, osImage: Amazon Linux 2, kernelVersion: 5.10.226"),
            no: node("n", "kubeletVersion: v1.35.1, osImage: Amazon Linux 2, kernelVersion: 5.10.226"),
            cannot_tell: node("n", "kubeletVersion: v1.33.1, osImage: Ubuntu 22.04.4 LTS, kernelVersion: 6.8.0"),
        },
        kubelet_case("pod-infra-container-image", "pod-infra-container-image=registry.k8s.io/pause:3.9"),
        Case { id: "ipvs-deprecated", yes: proxy("ipvs"), no: proxy("nftables"), cannot_tell: none() },
        Case {
            id: "containerd-1.x",
            yes: node("n", "containerRuntimeVersion: 'containerd://1.7.27'"),
            no: node("n", "containerRuntimeVersion: 'containerd://2.1.4'"),
            cannot_tell: node("n", "containerRuntimeVersion: 'containerd://Unknown'"),
        },
        Case {
            id: "kubectl-exec-dashes",
            yes: pods("{containers: [{name: c, image: 'bitnami/kubectl:1.33', command: [kubectl, exec, web-0, date]}]}"),
            no: pods("{containers: [{name: c, image: 'bitnami/kubectl:1.33', command: [kubectl, exec, web-0, --, date]}]}"),
            cannot_tell: pods("{containers: [{name: c, image: 'bitnami/kubectl:1.33', command: [/scripts/run.sh]}]}"),
        },
        kubelet_case("kubelet-cloud-config", "cloud-config=/etc/cloud.conf"),
        Case {
            id: "apparmor-annotations",
            yes: apparmor.to_owned(),
            no: pods("{}") + &policy,
            cannot_tell: pods("{}"),
        },
        Case {
            id: "metrics-labels",
            yes: rule("sum by (type) (rate(etcd_requests_total[5m]))"),
            no: rule("sum by (resource) (rate(etcd_requests_total[5m]))"),
            cannot_tell: none(),
        },
        Case {
            id: "kube-proxy-iptables-wait",
            yes: component("kube-proxy", "--iptables-wait-interval=1s"),
            no: component("kube-proxy", "--v=2"),
            cannot_tell: none(),
        },
        Case {
            id: "endpoints-deprecated",
            yes: endpoints("") + &object("v1", "Service", ""),
            no: endpoints("") + &object("v1", "Service", ", spec: {selector: {app: web}}"),
            cannot_tell: endpoints(""),
        },
        Case {
            id: "topology-mode-annotation",
            yes: annotated("v1", "Service", "service.kubernetes.io/topology-mode"),
            no: annotated("v1", "Service", "other"),
            cannot_tell: none(),
        },
        Case {
            id: "enforce-mountable-secrets",
            yes: annotated("v1", "ServiceAccount", "kubernetes.io/enforce-mountable-secrets"),
            no: annotated("v1", "ServiceAccount", "other"),
            cannot_tell: none(),
        },
    ]
}

fn answer(change: &Change, yaml: &str) -> ChangeAnswer {
    let cluster = Cluster::of(yaml);
    evaluate(cluster.subject(), &Specs::new(&cluster.snapshot), change)
}

#[test]
fn every_change_of_the_facts_has_an_evaluator_and_a_case() {
    let cases = cases();
    let facts = Facts::compiled_in();
    for change in facts.changes().all() {
        assert!(is_known(&change.id), "{} has no evaluator", change.id);
        assert!(cases.iter().any(|case| case.id == change.id), "{} is not tested", change.id);
    }
    assert_eq!(cases.len(), facts.changes().all().len());
}

#[test]
fn every_change_is_told_in_its_three_outcomes() {
    let facts = Facts::compiled_in();
    for case in cases() {
        let change = facts.changes().get(case.id).expect(case.id);
        for (yaml, expected) in
            [(&case.yes, Touched::Yes), (&case.no, Touched::No), (&case.cannot_tell, Touched::CannotTell)]
        {
            let found = answer(change, yaml);
            assert_eq!(found.touched, expected, "{} on {yaml}: {}", case.id, found.evidence);
            assert!(!found.evidence.is_empty(), "{}", case.id);
            assert_eq!(!found.objects.is_empty(), expected == Touched::Yes, "{}", case.id);
        }
    }
}

#[test]
fn nothing_read_is_never_harmless() {
    let facts = Facts::compiled_in();
    for change in facts.changes().all() {
        let found = answer(change, "");
        assert_eq!(found.touched, Touched::CannotTell, "{}: {}", change.id, found.evidence);
    }
    let unknown = Change { id: "made-up".to_owned(), ..facts.changes().all()[0].clone() };
    assert_eq!(answer(&unknown, "").touched, Touched::CannotTell);
}

#[test]
fn what_a_server_does_not_serve_is_not_there() {
    let facts = Facts::compiled_in();
    let change = facts.changes().get("scheduling-v1alpha2-objects").expect("a change of the facts");
    let mut builder = SnapshotBuilder::default();
    builder.served(vec![]);
    let cluster = Cluster::from_snapshot(builder.finish(), Some("v1.36.1"));
    let found = evaluate(cluster.subject(), &Specs::new(&cluster.snapshot), change);
    assert_eq!(found.touched, Touched::No, "{}", found.evidence);
}

#[test]
fn pods_that_cannot_share_a_mount_are_told_from_those_that_can() {
    let facts = Facts::compiled_in();
    let change = facts.changes().get("selinux-mount").expect("a change of the facts");
    let coreos = node("n", "osImage: Fedora CoreOS 41");
    let level = "{seLinuxOptions: {level: 's0:c1,c2'}}";
    let recursive = "{seLinuxChangePolicy: Recursive, seLinuxOptions: {level: 's0:c1,c2'}}";
    let bound = "{apiVersion: v1, kind: PersistentVolume, metadata: {name: v}, spec: {claimRef: {namespace: shop, name: shared}, csi: {driver: d}}}\n---\n";
    let driver = |on: bool| {
        format!(
            "{{apiVersion: storage.k8s.io/v1, kind: CSIDriver, metadata: {{name: d}}, spec: {{seLinuxMount: {on}}}}}\n---\n"
        )
    };
    for (pods, expected) in [
        (claim_user("a", level) + &claim_user("b", level), Touched::No),
        (claim_user("a", "{}") + &claim_user("b", "{}"), Touched::No),
        (claim_user("a", recursive) + &claim_user("b", "{}"), Touched::No),
        (claim_user("a", level) + &claim_user("b", "{}") + bound + &driver(false), Touched::No),
        (claim_user("a", level) + &claim_user("b", "{}") + bound + &driver(true), Touched::Yes),
    ] {
        let found = answer(change, &(coreos.clone() + &pods));
        assert_eq!(found.touched, expected, "{pods}: {}", found.evidence);
    }
}

#[test]
fn a_hop_names_the_changes_of_its_minor_the_worst_first() {
    let cluster = Cluster::of(&(kubelet_flags("pod-infra-container-image=x") + &node("o", "kubeletVersion: v1.33.1")));
    let found = of_minor(cluster.subject(), &Specs::new(&cluster.snapshot), Minor::new(1, 35));
    let ids: Vec<&str> = found.iter().map(|answer| answer.id.as_str()).collect();
    assert_eq!(ids.len(), 4);
    assert_eq!((ids[0], found[0].touched), ("pod-infra-container-image", Touched::Yes));
    assert_eq!(found[0].objects[0].name, "n");
}
