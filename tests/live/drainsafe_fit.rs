//! `kubectl drainsafe fit` on a real cluster, beside what its scheduler says and does.

use patchkit_test_support::{Cluster, ClusterOptions, Output, Permission};
use serde_json::{Value, json};

/// Keeps the pods of other tests from the nodes of this one.
const TAINT: &str = "test.patchkit.dev/fit";

fn node(name: &str, cpu: &str, spec: Value) -> Value {
    let mut node = json!({"apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"fit": "yes", "kubernetes.io/hostname": name}},
        "spec": spec,
        "status": {"allocatable": {"cpu": cpu, "memory": "4Gi", "pods": "20"},
            "capacity": {"cpu": cpu, "memory": "4Gi", "pods": "20"}}});
    let mut taints = vec![json!({"key": TAINT, "effect": "NoSchedule"})];
    taints.extend(node["spec"]["taints"].as_array().cloned().unwrap_or_default());
    node["spec"]["taints"] = taints.into();
    node
}

fn pod(namespace: &str, name: &str, cpu: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": namespace, "name": name},
        "spec": {"nodeSelector": {"fit": "yes"}, "tolerations": [{"key": TAINT, "operator": "Exists"}],
            "containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}]}})
}

fn fit(cluster: &Cluster, namespace: &str, args: &[&str]) -> Output {
    cluster.kubectl(&["drainsafe", "fit", "-o", "json", "-n", namespace]).args(args).output()
}

pub fn says_what_the_scheduler_says() {
    // The scheduler counts all nodes that there are: those of other tests would be among them.
    let cluster = Cluster::own(&ClusterOptions::new());
    let namespace = cluster.namespace("fit");
    let name = namespace.name();
    let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
        node("fit-room", "1", json!({})),
        node("fit-taint", "8", json!({"taints": [{"key": "other", "effect": "NoSchedule"}]})),
        node("fit-cordon", "8", json!({"unschedulable": true})),
        pod(name, "goes", "600m"),
        pod(name, "waits", "700m"),
    ]});
    cluster.apply(&objects.to_string());
    cluster.wait(&["pod/goes", "-n", name], "jsonpath={.spec.nodeName}=fit-room");
    // The scheduler's own words for what it sees.
    let unschedulable = cluster.wait_for("the scheduler to look at the pod that waits", || {
        let status = r#"{.status.conditions[?(@.reason=="Unschedulable")].message}"#;
        let told = cluster.kubectl(&["get", "pod", "waits", "-n", name, "-o", &format!("jsonpath={status}")]).output();
        // It looks again when a node changes: one that has just come is not ready yet.
        told.stdout.contains("1 node(s) had untolerated taint(s)").then_some(told.stdout)
    });
    let report = fit(&cluster, name, &["waits"]).exits(1).report();
    let rejected = report["pods"][0]["rejected"].as_array().unwrap();
    for (node, filter, words) in [
        ("fit-room", "NodeResourcesFit", "1 Insufficient cpu"),
        ("fit-taint", "TaintToleration", "1 node(s) had untolerated taint(s)"),
        ("fit-cordon", "NodeUnschedulable", "1 node(s) were unschedulable"),
    ] {
        let ours = rejected.iter().find(|it| it["node"] == node).map(|it| it["filter"].as_str().unwrap());
        assert_eq!(ours, Some(filter), "{node}: {report:#}");
        assert!(unschedulable.contains(words), "{words}: {unschedulable}");
    }
    assert_eq!(report["pods"][0]["feasible"], json!([]));

    // A pod that runs may stay where it is; without names only the one that waits is judged.
    let report = fit(&cluster, name, &["goes"]).exits(0).report();
    assert_eq!(report["pods"][0]["feasible"], json!(["fit-room"]));
    let report = fit(&cluster, name, &["--fail-on", "none"]).exits(0).report();
    assert_eq!(report["pods"].as_array().unwrap().len(), 1, "{report:#}");
    let nobody = fit(&cluster, name, &["nobody"]).exits(2);
    assert!(nobody.stderr.contains("pods \"nobody\" not found"), "{}", nobody.stderr);

    // A pod with a claim is not judged by who may not read claims; without nodes or pods there is nothing to say.
    let may = |resources: &'static [&'static str]| Permission { groups: &[""], resources, verbs: &["list"] };
    let some = namespace.user("some", &[may(&["nodes", "pods", "namespaces"])]);
    let mut with_disk = pod(name, "disk", "1m");
    with_disk["spec"]["volumes"] = json!([{"name": "d", "persistentVolumeClaim": {"claimName": "d"}}]);
    cluster.apply(&with_disk.to_string());
    let run = |kubeconfig: &std::path::Path, pod: &str| {
        cluster
            .kubectl(&["drainsafe", "fit", "-o", "json", "--fail-on", "none", pod])
            .env("KUBECONFIG", kubeconfig)
            .output()
    };
    let report = run(&some, "disk").exits(4).report();
    let why = report["pods"][0]["notEvaluated"].as_str().unwrap_or_default();
    assert!(why.contains("could not be read: Forbidden"), "{report:#}");
    let none = namespace.user("none", &[may(&["pods"])]);
    let told = run(&none, "waits").exits(3);
    assert!(told.stderr.contains("the nodes cannot be seen"), "{}", told.stderr);
    let _ = cluster.kubectl(&["delete", "node", "fit-room", "fit-taint", "fit-cordon"]).output().exits(0);
}
