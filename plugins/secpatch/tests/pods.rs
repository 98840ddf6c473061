//! `kubectl secpatch pods` from files.

use std::process::Output;

use assert_cmd::Command;
use serde_json::{Value, json};

const CLUSTER: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: strict, labels: {pod-security.kubernetes.io/enforce: restricted, pod-security.kubernetes.io/enforce-version: v1.30}}
---
apiVersion: v1
kind: Namespace
metadata: {name: moving, labels: {pod-security.kubernetes.io/enforce: baseline}}
---
apiVersion: v1
kind: Namespace
metadata: {name: typo, labels: {pod-security.kubernetes.io/enforce: Restrictd, pod-security.kubernetes.io/warn: x}}
---
apiVersion: v1
kind: Namespace
metadata: {name: open}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: moving}
spec:
  template:
    spec:
      containers:
      - name: web
        image: web:1
        livenessProbe: {httpGet: {host: 10.0.0.1, port: 80}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web-1, namespace: moving, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, controller: true}]}
spec: {replicas: 2, template: {spec: {containers: [{name: web, image: "web:1", livenessProbe: {httpGet: {host: 10.0.0.1, port: 80}}}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1-a, namespace: moving, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-1, controller: true}]}
spec: {containers: [{name: web, image: "web:1", livenessProbe: {httpGet: {host: 10.0.0.1, port: 80}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: naked, namespace: strict}
spec: {containers: [{name: a, image: a}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: open}
spec: {jobTemplate: {spec: {template: {spec: {hostPID: true, containers: [{name: a, image: a}]}}}}}
"#;

fn pods(args: &[&str], input: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kubectl-secpatch"))
        .args(["pods", "-f", "-"])
        .args(args)
        .env_remove("KUBECONFIG")
        .env("HOME", "/nonexistent")
        .write_stdin(input)
        .output()
        .expect("the binary runs")
}

fn json(args: &[&str], input: &str) -> Value {
    let output = pods(args, input);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn report(args: &[&str], input: &str) -> Value {
    let report = json(&[&["-o", "json", "--fail-on", "none"], args].concat(), input);
    patchkit_test_support::assert_valid(&report);
    report
}

fn verdicts(report: &Value) -> Vec<(String, bool, Vec<String>)> {
    let texts = |list: &Value| list.as_array().unwrap().iter().map(|it| it["check"].as_str().unwrap().into()).collect();
    report["pods"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pod| {
            let name =
                format!("{}/{}", pod["object"]["kind"].as_str().unwrap(), pod["object"]["name"].as_str().unwrap());
            (name, pod["allowed"].as_bool().unwrap(), texts(&pod["violations"]))
        })
        .collect()
}

#[test]
fn every_pod_and_template_is_judged_by_the_level_that_was_asked_for() {
    let report = report(&["--level", "baseline", "--policy-version", "v1.34"], CLUSTER);
    let probe = || vec!["hostProbesAndHostLifecycle".to_owned()];
    assert_eq!(
        verdicts(&report),
        [
            ("Pod/web-1-a".to_owned(), false, probe()),
            ("Pod/naked".to_owned(), true, vec![]),
            ("Deployment/web".to_owned(), false, probe()),
            ("ReplicaSet/web-1".to_owned(), false, probe()),
            ("CronJob/nightly".to_owned(), false, vec!["hostNamespaces".to_owned()]),
        ]
    );
    assert_eq!(report["pods"][0]["owner"]["name"], "web");
    assert_eq!(report["pods"][0]["policyVersion"], "v1.34");
    assert_eq!(report["pods"][1]["strictestLevel"], "baseline");
    assert_eq!(report["pods"][1]["source"], json!({"file": "-", "line": 39}));
    let of = |id: &str| report["findings"].as_array().unwrap().iter().filter(|finding| finding["id"] == id).count();
    assert_eq!(of("pod-security-host-probes-and-host-lifecycle"), 1, "one for the Deployment with its pods");
    let older = self::report(&["--level", "baseline", "--policy-version", "1.33"], CLUSTER);
    assert_eq!(verdicts(&older).iter().filter(|(_, allowed, _)| *allowed).count(), 4);
}

#[test]
fn namespaces_say_what_they_enforce_and_what_they_could() {
    let input =
        format!("{CLUSTER}---\n{}", r#"{"serverVersion": {"gitVersion": "v1.33.2", "major": "1", "minor": "33"}}"#);
    let report = report(&["--level", "namespace", "--target", "1.37"], &input);
    let namespaces = report["namespaces"].as_array().unwrap();
    let of = |name: &str| namespaces.iter().find(|namespace| namespace["name"] == name).unwrap();
    assert_eq!(of("strict")["enforce"], "restricted:v1.30");
    assert_eq!(of("strict")["couldEnforce"], "baseline");
    assert_eq!(of("strict")["refused"]["pods"], 1);
    assert_eq!(of("strict")["refusedAtTarget"], Value::Null);
    assert_eq!(of("moving")["enforce"], "baseline:latest");
    assert_eq!(of("moving")["couldEnforce"], "privileged");
    assert_eq!(of("moving")["refused"], Value::Null, "1.33 does not look at probes");
    assert_eq!(of("moving")["refusedAtTarget"]["checks"], json!(["hostProbesAndHostLifecycle"]));
    assert_eq!(of("typo")["enforce"], "restricted:latest");
    assert_eq!(of("typo")["warn"], "privileged:latest");
    assert_eq!(of("typo")["badLabels"].as_array().unwrap().len(), 2);
    assert_eq!(of("open")["labelled"], false);
    assert!(report["notes"].to_string().contains("exemptions"));
    let web = report["pods"].as_array().unwrap().iter().find(|pod| pod["object"]["name"] == "web").unwrap();
    assert_eq!((&web["level"], &web["policyVersion"]), (&json!("baseline"), &json!("v1.37")));
    let ids: Vec<&str> =
        report["findings"].as_array().unwrap().iter().map(|finding| finding["id"].as_str().unwrap()).collect();
    for id in ["pod-security-refused-after-update", "pod-security-refused", "pod-security-label-invalid"] {
        assert!(ids.contains(&id), "{id} is not among {ids:?}");
    }
}

#[test]
fn what_cannot_be_told_is_said() {
    let lone = "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: b}, spec: {}}";
    let labels = report(&["--level", "namespace"], &format!("---\n{lone}"));
    assert_eq!(labels["pods"], json!([]));
    assert_eq!(labels["notEvaluated"][0]["what"], "the labels of namespace b");
    let future = report(&["--policy-version", "v1.60"], &format!("---\n{lone}"));
    assert!(future["notEvaluated"][0]["what"].as_str().unwrap().contains("v1.60"), "{future}");
    assert_eq!(pods(&["--policy-version", "v1.60"], &format!("---\n{lone}")).status.code(), Some(4));
}

#[test]
fn exit_codes_and_forms_are_those_of_the_contract() {
    assert_eq!(pods(&["--level", "restricted"], CLUSTER).status.code(), Some(1));
    assert_eq!(pods(&["--level", "privileged", "--fail-on", "none"], CLUSTER).status.code(), Some(0));
    assert_eq!(pods(&["--level", "strict"], CLUSTER).status.code(), Some(2));
    assert_eq!(pods(&["--policy-version", "2.0"], CLUSTER).status.code(), Some(2));
    let sarif = json(&["-o", "sarif"], CLUSTER);
    let result = &sarif["runs"][0]["results"][0];
    assert!(result["locations"][0]["physicalLocation"]["region"]["startLine"].as_u64().unwrap() > 1, "{result}");
    let table = String::from_utf8(pods(&[], CLUSTER).stdout).unwrap();
    for words in
        ["What is violated", "allowPrivilegeEscalation", "What each namespace could enforce", "Beyond the standards"]
    {
        assert!(table.contains(words), "{table}");
    }
    let filtered = report(&["-n", "open"], CLUSTER);
    assert_eq!(filtered["totals"], json!({"pods": 0, "podsAllowed": 0, "templates": 1, "templatesAllowed": 0}));
}
