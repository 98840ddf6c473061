//! `kubectl drainsafe fit` over files, as its users run it.

use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// A node with room for a number of millicores.
fn node(name: &str, cpu: u32) -> Value {
    json!({"apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": {"allocatable": {"cpu": format!("{cpu}m"), "memory": "8Gi", "pods": "10"}}})
}

/// A pod that requests a number of millicores.
fn pod(namespace: &str, name: &str, cpu: u32, node: Option<&str>) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": namespace, "name": name, "uid": name},
        "spec": {"nodeName": node, "containers": [{"name": "c", "image": "i",
            "resources": {"requests": {"cpu": format!("{cpu}m")}}}]},
        "status": {"phase": if node.is_some() { "Running" } else { "Pending" }}})
}

fn fit(objects: &[Value], args: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cluster.json");
    std::fs::write(&file, json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()).unwrap();
    Command::new(env!("CARGO_BIN_EXE_kubectl-drainsafe"))
        .args(["fit", "-f", file.to_str().unwrap()])
        .args(args)
        .env_remove("KUBECONFIG")
        .env("HOME", "/nonexistent")
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs")
}

#[track_caller]
fn report(objects: &[Value], args: &[&str], code: i32) -> Value {
    let output = fit(objects, &[&["-o", "json"], args].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"));
    patchkit_test_support::assert_valid(&report);
    report
}

fn names(report: &Value) -> Vec<&str> {
    report["pods"].as_array().unwrap().iter().map(|pod| pod["name"].as_str().unwrap()).collect()
}

fn cluster() -> Vec<Value> {
    vec![
        node("b", 1000),
        node("a", 4000),
        pod("shop", "runs", 900, Some("b")),
        pod("shop", "small", 200, None),
        pod("shop", "large", 9000, None),
    ]
}

#[test]
fn without_names_every_pod_without_a_node_is_judged() {
    let report = report(&cluster(), &[], 1);
    assert_eq!(report["kind"], "FitReport");
    assert_eq!(report["summary"]["verdict"], "fits-nowhere");
    assert_eq!(names(&report), ["large", "small"]);
    assert_eq!(report["pods"][1]["feasible"], json!(["a"]));
    assert_eq!(
        report["pods"][1]["rejected"],
        json!([{"node": "b", "filter": "NodeResourcesFit", "message": "Insufficient cpu"}])
    );
    assert_eq!(report["findings"].as_array().unwrap().len(), 1);
    assert_eq!(report["findings"][0]["object"]["name"], "large");
    assert_eq!(report["findings"][0]["evidence"], json!({"NodeResourcesFit": 2}));
}

#[test]
fn findings_decide_the_exit_code_as_everywhere() {
    report(&cluster(), &["--fail-on", "none"], 0);
    report(&cluster(), &["shop/small"], 0);
}

#[test]
fn a_running_pod_is_judged_without_itself() {
    let report = report(&cluster(), &["runs"], 0);
    assert_eq!(report["pods"][0]["feasible"], json!(["a", "b"]));
}

#[test]
fn a_pod_that_does_not_exist_yet_is_judged_as_the_server_would_admit_it() {
    // Requests default to limits, and it lands in the default namespace.
    let mut objects = cluster();
    objects.push(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "new"},
        "spec": {"containers": [{"name": "c", "image": "i", "resources": {"limits": {"cpu": "2"}}}]}}));
    let report = report(&objects, &["new"], 0);
    assert_eq!(report["pods"][0]["namespace"], "default");
    assert_eq!(report["pods"][0]["feasible"], json!(["a"]));
}

#[test]
fn what_the_scheduler_would_not_look_at_is_not_evaluated_and_never_fits() {
    let mut gated = pod("shop", "gated", 1, None);
    gated["spec"]["schedulingGates"] = json!([{"name": "example.com/wait"}]);
    let mut foreign = pod("shop", "foreign", 1, None);
    foreign["spec"]["schedulerName"] = json!("other");
    let mut claims = pod("shop", "devices", 1, None);
    claims["spec"]["resourceClaims"] = json!([{"name": "gpu"}]);
    let report = report(&[node("a", 1000), gated, foreign, claims], &[], 4);
    assert_eq!(report["summary"]["verdict"], "cannot-tell");
    for pod in report["pods"].as_array().unwrap() {
        assert_eq!((&pod["feasible"], &pod["rejected"]), (&json!([]), &json!([])));
        assert!(pod["notEvaluated"].as_str().is_some_and(|why| !why.is_empty()), "{pod}");
    }
    let left_out: Vec<_> =
        report["notEvaluated"].as_array().unwrap().iter().map(|it| it["what"].as_str().unwrap()).collect();
    assert_eq!(left_out, ["pod shop/devices", "pod shop/foreign", "pod shop/gated"]);
}

#[test]
fn what_files_lack_is_told_and_the_verdict_stands() {
    let mut with_disk = pod("shop", "db", 1, None);
    with_disk["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
    let report = report(&[node("a", 1000), with_disk], &["--fail-on", "none"], 4);
    assert_eq!(report["pods"][0]["rejected"][0]["filter"], "VolumeRestrictions");
    let left_out = report["notEvaluated"].to_string();
    assert!(left_out.contains("persistentvolumeclaims"), "{left_out}");
}

#[test]
fn a_name_that_is_nobodys_or_everybodys_is_a_mistake_of_the_command_line() {
    let mut objects = cluster();
    objects.push(pod("other", "small", 1, None));
    for (args, words) in [
        (&["nobody"][..], "pods \"nobody\" not found"),
        (&["shop/nobody"], "not found in namespace \"shop\""),
        (&["-n", "other", "large"], "not found in namespace \"other\""),
        (&["small"], "could be any of"),
    ] {
        let output = fit(&objects, args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains(words), "{args:?}: {stderr}");
    }
    assert_eq!(names(&report(&objects, &["-n", "other", "small"], 0)), ["small"]);
    assert_eq!(names(&report(&objects, &["pod/large", "--fail-on", "none"], 0)), ["large"]);
}

#[test]
fn people_see_each_node_of_few_pods_and_a_line_for_each_of_many() {
    let text = |objects: &[Value]| String::from_utf8(fit(objects, &["--fail-on", "none"]).stdout).unwrap();
    let few = text(&cluster());
    assert!(few.contains("None of 2 nodes takes it.") && few.contains("Insufficient cpu"), "{few}");
    assert!(few.lines().all(|line| line.chars().count() <= 80), "{few}");
    let mut objects = cluster();
    objects.extend((0..4).map(|number| pod("shop", &format!("more-{number}"), 1, None)));
    let many = text(&objects);
    assert!(many.contains("0/2") && many.contains("2/2") && many.contains("NodeResourcesFit 2"), "{many}");
    assert!(text(&[node("a", 1)]).contains("No pod waits for a node."));
}
