//! `kubectl secpatch posture` from files.

use patchkit_test_support::{Output, Run};
use serde_json::{Value, json};

const CLUSTER: &str = "
serverVersion: {gitVersion: v1.34.1}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: baseline}}
---
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver-a, namespace: kube-system, annotations: {kubernetes.io/config.mirror: x}}
spec:
  hostNetwork: true
  containers:
  - name: s
    image: registry.k8s.io/kube-apiserver:v1.34.1
    command: [kube-apiserver, '--authorization-mode=Node,RBAC', --enable-admission-plugins=NodeRestriction]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: break-glass}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects: [{kind: User, name: ada}]
";

fn posture(args: &[&str], input: &str) -> Output {
    let run = Run::new(env!("CARGO_BIN_EXE_kubectl-secpatch")).env("PATCHKIT_CACHE_DIR", "/nonexistent");
    run.args(["posture", "-f", "-", "--as-of", "2026-11-23"]).args(args).input(input).output()
}

fn report(args: &[&str]) -> Value {
    let mut all = vec!["-o", "json", "--fail-on", "none"];
    all.extend(args);
    posture(&all, CLUSTER).report()
}

fn check<'r>(report: &'r Value, id: &str) -> &'r Value {
    let all = report["checks"].as_array().expect("a list");
    all.iter().find(|it| it["id"] == id).unwrap_or_else(|| panic!("no check {id}"))
}

#[test]
fn each_check_has_what_the_table_needs() {
    let all = report(&["--complete"]);
    assert_eq!((&all["kind"], &all["summary"]["verdict"]), (&json!("PostureReport"), &json!("fails")));
    let admin = check(&all, "rbac-cluster-admin");
    assert_eq!((&admin["status"], &admin["severity"]), (&json!("warn"), &json!("high")));
    assert_eq!(admin["cis"], json!(["5.1.1"]));
    assert_eq!(
        admin["objects"],
        json!([{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "name": "break-glass"}])
    );
    let findings = all["findings"].as_array().unwrap();
    let found = findings.iter().find(|it| it["id"] == "rbac-cluster-admin").expect("a finding");
    assert_eq!(found["source"], json!({"file": "-", "line": 18}), "{found}");
    assert!(found["title"].as_str().unwrap().starts_with("user ada may do everything"), "{found}");
    assert!(!found["hint"].as_str().unwrap().is_empty() && found["links"][0].as_str().unwrap().starts_with("https://"));
    assert_eq!(check(&all, "api-server-authorization")["status"], "pass");
    assert_eq!(check(&all, "namespace-pod-security")["status"], "pass");
    // Files tell nobody who asks, and that is no reason for a partial answer.
    let me =
        all["notEvaluated"].as_array().unwrap().iter().find(|it| it["what"].as_str().unwrap().contains("identity"));
    assert_eq!(me.map(|it| &it["hidden"]), Some(&json!(true)));
}

#[test]
fn what_the_input_does_not_hold_is_not_evaluated() {
    let some = report(&[]);
    for id in ["rbac-wildcards", "namespace-quota", "credentials-token-secrets", "runtime-sandbox"] {
        assert_eq!(check(&some, id)["status"], "unknown", "{id}");
        let named = |it: &Value| {
            it["what"].as_str().unwrap().contains(id) && it["why"].as_str().unwrap().contains("the input holds no")
        };
        assert!(some["notEvaluated"].as_array().unwrap().iter().any(named), "{id}: {some:#}");
    }
}

#[test]
fn checks_can_be_left_out_and_the_exit_code_follows() {
    let _ = posture(&["--complete"], CLUSTER).exits(1);
    let clean = "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: baseline}}}";
    let input = format!("serverVersion: {{gitVersion: v1.34.1}}\n---\n{clean}\n");
    // What is left is not read: the server's flags and its image policy.
    let _ = posture(&["--complete"], &input).exits(4);
    let few = report(&["--skip", "identity,rbac-wildcards", "--skip", "node-os-spread"]);
    assert_eq!(few["skipped"], json!(["identity", "rbac-wildcards", "node-os-spread"]));
    assert!(few["checks"].as_array().unwrap().iter().all(|it| it["id"] != "rbac-wildcards"));
    let wrong = posture(&["--skip", "nonsense"], CLUSTER).exits(2);
    assert!(wrong.stderr.contains("nonsense"), "{}", wrong.stderr);
}

#[test]
fn exceptions_are_said_and_their_mistakes_have_a_place() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let good = write(
        "exceptions.yaml",
        "# Reviewed each January.\nexceptions:\n- check: rbac-cluster-admin # the break-glass account\n  object: ClusterRoleBinding/break-*\n  \
         reason: for the day on which the identity provider is down\n  expires: 2027-01-31\n- check: api-server-people\n  reason: over\n  \
         expires: 2026-01-31\n- check: rbac-everybody\n  reason: nothing needs it\n",
    );
    let made = report(&["--complete", "--exceptions", &good]);
    let admin = check(&made, "rbac-cluster-admin");
    assert_eq!((&admin["status"], &admin["excepted"][0]["expires"]), (&json!("pass"), &json!("2027-01-31")));
    assert_eq!(check(&made, "api-server-people")["status"], "warn", "an exception that is over accepts nothing");
    let statuses: Vec<&str> =
        made["exceptions"].as_array().unwrap().iter().map(|it| it["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["used", "expired", "unused"]);
    let findings = made["findings"].as_array().unwrap();
    for (id, line) in [("exception-expired", 7), ("exception-unused", 10)] {
        let found = findings.iter().find(|it| it["id"] == id).unwrap_or_else(|| panic!("no {id}"));
        assert_eq!((&found["source"]["file"], &found["source"]["line"]), (&json!(good), &json!(line)));
    }
    let shown = posture(&["--complete", "--exceptions", &good], CLUSTER).exits(1).stdout;
    assert!(shown.contains("Exceptions") && shown.contains("1 case excepted"), "{shown}");

    let bad = write("bad.yaml", "exceptions:\n- check: rbac-cluster-admin\n  reason: ''\n");
    let output = posture(&["--exceptions", &bad], CLUSTER).exits(2);
    assert!(output.stderr.contains(&format!("{bad}:3:11: the reason is empty")), "{}", output.stderr);
    let broken = write("broken.yaml", "exceptions:\n- check: [\n");
    let output = posture(&["--exceptions", &broken], CLUSTER).exits(2);
    assert!(output.stderr.contains(&format!("{broken}:")), "{}", output.stderr);
    let _ = posture(&["--exceptions", "/nonexistent/x.yaml"], CLUSTER).exits(2);
}

#[test]
fn a_kubeconfig_is_looked_at_where_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    std::fs::write(&path, "users:\n- {name: ada, user: {password: hunter2}}\n").unwrap();
    let path = path.display().to_string();
    let output = posture(&["-o", "json", "--fail-on", "none", "--kubeconfig", &path], CLUSTER);
    assert!(!output.stdout.contains("hunter2"));
    let made = output.report();
    let line = check(&made, "credentials-kubeconfig");
    assert_eq!((&line["status"], &line["objects"][0]["name"]), (&json!("warn"), &json!("ada")), "{line}");
    // No Secret's data is shown either, whatever the input holds.
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: t, annotations: {kubernetes.io/service-account.name: a}}\ndata: {token: aHVudGVyMg==}\n";
    for format in ["json", "wide", "markdown", "sarif", "junit"] {
        let output = posture(&["-o", format, "--fail-on", "none"], &format!("{CLUSTER}{secret}"));
        assert!(
            output.stdout.contains("credentials-token-secrets") && !output.stdout.contains("aHVudGVyMg"),
            "{format}"
        );
    }
}
