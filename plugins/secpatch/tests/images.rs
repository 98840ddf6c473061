//! `kubectl secpatch images` on files.

use std::{fs, path::Path};

use patchkit_test_support::{Output, Run};
use serde_json::{Value, json};

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const OTHER: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

const OBJECTS: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {a: web}}
  template:
    metadata: {labels: {a: web}}
    spec:
      initContainers: [{name: wait, image: 'k8s.gcr.io/pause:3.1'}]
      containers:
      - {name: app, image: 'registry.example.com:5000/team/app:1.2@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}
      - {name: proxy, image: nginx}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web-1, namespace: shop, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, controller: true}]}
spec: {replicas: 1, template: {spec: {containers: [{name: proxy, image: nginx}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1-x, namespace: shop, uid: 1f, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-1, controller: true}]}
spec:
  containers: [{name: proxy, image: nginx}]
  ephemeralContainers: [{name: debug, image: 'eu.gcr.io/k8s-artifacts-prod/debug:v1'}]
status:
  phase: Running
  containerStatuses: [{name: proxy, image: 'docker.io/library/nginx:latest', imageID: 'docker.io/library/nginx@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: shop}
spec: {schedule: '0 0 * * *', jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: 'k8s.gcr.io/sig/tool:v1.0.0'}]}}}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once, namespace: shop}
spec: {template: {spec: {containers: [{name: a, image: 'k8s.gcr.io/sig/tool:v1.0.0'}, {name: b, image: 'python:3.12-slim'}, {name: c, image: 'Not An Image'}]}}}
";

fn images(args: &[&str]) -> Output {
    let run = Run::new(env!("CARGO_BIN_EXE_kubectl-secpatch")).env("PATCHKIT_CACHE_DIR", "/nonexistent");
    run.args(["images", "-f", "-", "--as-of", "2026-11-23"]).args(args).input(OBJECTS).output()
}

fn report(args: &[&str]) -> Value {
    let mut all = vec!["-o", "json", "--fail-on", "none"];
    all.extend(args);
    images(&all).report()
}

fn image<'r>(report: &'r Value, text: &str) -> &'r Value {
    let all = report["images"].as_array().expect("a list");
    all.iter().find(|it| it["image"] == text).unwrap_or_else(|| panic!("{text} in {all:#?}"))
}

fn users(image: &Value) -> Vec<String> {
    let text = |it: &Value, field: &str| it[field].as_str().unwrap_or("-").to_owned();
    image["usedBy"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| ["kind", "name", "container", "field"].map(|f| text(it, f)).join(" "))
        .collect()
}

#[test]
fn references_are_parsed_whole_and_users_named_once() {
    let all = report(&[]);
    let app = image(&all, &format!("registry.example.com:5000/team/app:1.2@{DIGEST}"));
    assert_eq!((&app["registry"], &app["repository"]), (&"registry.example.com:5000".into(), &"team/app".into()));
    assert_eq!((&app["tag"], &app["digest"], &app["problems"]), (&"1.2".into(), &DIGEST.into(), &json!([])));
    let nginx = image(&all, "nginx");
    assert_eq!((&nginx["registry"], &nginx["repository"]), (&"docker.io".into(), &"library/nginx".into()));
    assert_eq!(nginx["problems"], json!(["mutable-tag", "no-digest"]));
    assert_eq!(nginx["running"], json!([OTHER]));
    assert_eq!(users(nginx), ["Deployment web proxy containers"], "its ReplicaSet and its pod are the same user");
    let pause = image(&all, "k8s.gcr.io/pause:3.1");
    assert_eq!(
        (&pause["problems"], &pause["rewrite"]),
        (&json!(["frozen-registry", "no-digest"]), &"registry.k8s.io/pause:3.1".into())
    );
    assert_eq!(users(pause), ["Deployment web wait initContainers"]);
    let debug = image(&all, "eu.gcr.io/k8s-artifacts-prod/debug:v1");
    assert_eq!(users(debug), ["Deployment web debug ephemeralContainers"]);
    assert_eq!(debug["problems"], json!(["frozen-registry", "mutable-tag", "no-digest"]));
    assert_eq!(image(&all, "python:3.12-slim")["base"], "slim");
    assert_eq!(image(&all, "Not An Image")["problems"], json!(["invalid-reference"]));
    assert_eq!(
        users(image(&all, "k8s.gcr.io/sig/tool:v1.0.0")),
        ["CronJob nightly a containers", "Job once a containers"]
    );
}

#[test]
fn registries_outside_of_the_list_are_not_trusted() {
    let untrusted = |args: &[&str]| -> Vec<String> {
        let all = report(args);
        let of = all["images"].as_array().unwrap().iter();
        of.filter(|it| it["problems"].as_array().unwrap().contains(&"untrusted-registry".into()))
            .map(|it| it["image"].as_str().unwrap().to_owned())
            .collect()
    };
    assert!(untrusted(&[]).is_empty());
    let some = untrusted(&["--trusted", "k8s.gcr.io,docker.io/library", "--trusted", "*.example.com:5000"]);
    assert_eq!(some, ["eu.gcr.io/k8s-artifacts-prod/debug:v1"]);
    assert_eq!(untrusted(&["--trusted", "docker.io/lib"]).len(), 6, "a path ends at a slash");
    let _ = images(&["--trusted", "docker.io"]).exits(1);
}

fn write(folder: &Path, name: &str, value: &Value) -> String {
    let path = folder.join(name);
    fs::write(&path, value.to_string()).unwrap();
    path.display().to_string()
}

#[test]
fn reports_are_joined_to_the_images_that_run() {
    let folder = tempfile::tempdir().unwrap();
    let severity = |text: &str| json!({"VulnerabilityID": "CVE-1", "PkgName": "a", "Severity": text});
    // By the digest that runs, whatever it was called.
    let trivy = json!({"SchemaVersion": 2, "ArtifactName": "mirror.example.com/nginx:1", "Metadata": {
        "OS": {"Family": "debian", "Name": "12.5"}, "RepoDigests": [format!("mirror.example.com/nginx@{OTHER}")]},
        "Results": [{"Target": "x", "Vulnerabilities": [severity("CRITICAL"), severity("HIGH"), severity("HIGH")]}, {"Target": "y"}]});
    // By its reference.
    let grype = json!({"matches": [{"vulnerability": {"id": "CVE-2", "severity": "Negligible"}}, {"vulnerability": {"id": "CVE-3", "severity": "Medium"}}],
        "source": {"type": "image", "target": {"userInput": "python:3.12-slim", "labels": {"org.opencontainers.image.base.name": "debian:12"}}}});
    // By the digest that is written; another image of the same name is not meant.
    let operator = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"kind": "VulnerabilityReport", "report": {"registry": {"server": "registry.example.com:5000"}, "artifact": {"repository": "team/app", "tag": "1.2", "digest": DIGEST}, "summary": {"criticalCount": 0, "highCount": 4}}},
        {"kind": "VulnerabilityReport", "report": {"registry": {"server": "registry.example.com:5000"}, "artifact": {"repository": "team/app", "tag": "1.2", "digest": OTHER.replace('b', "c")}, "summary": {"criticalCount": 9}}},
    ]});
    let kubernetes = json!({"ClusterName": "x", "Resources": [{"Namespace": "shop", "Kind": "Deployment", "Name": "web",
        "Metadata": [{"RepoTags": ["k8s.gcr.io/pause:3.1"]}], "Results": [{"Target": "x", "Vulnerabilities": [severity("LOW")]}]}]});
    let files = [
        write(folder.path(), "a.json", &trivy),
        write(folder.path(), "b.json", &grype),
        write(folder.path(), "c.json", &operator),
        write(folder.path(), "d.json", &kubernetes),
    ];
    let mut args = Vec::new();
    for file in &files {
        args.extend(["--report", file.as_str()]);
    }
    let all = report(&args);
    assert_eq!(
        image(&all, "nginx")["vulnerabilities"],
        json!({"critical": 1, "high": 2, "medium": 0, "low": 0, "unknown": 0})
    );
    assert_eq!(image(&all, "nginx")["base"], "debian 12.5");
    let python = image(&all, "python:3.12-slim");
    assert_eq!(
        (&python["vulnerabilities"]["medium"], &python["vulnerabilities"]["negligible"]),
        (&1.into(), &1.into())
    );
    let app = image(&all, &format!("registry.example.com:5000/team/app:1.2@{DIGEST}"));
    assert_eq!((&app["vulnerabilities"]["high"], &app["vulnerabilities"]["critical"]), (&4.into(), &0.into()));
    assert_eq!(image(&all, "k8s.gcr.io/pause:3.1")["vulnerabilities"]["low"], 1);
    assert!(image(&all, "k8s.gcr.io/sig/tool:v1.0.0")["vulnerabilities"].is_null(), "not scanned is not clean");
    let finding = all["findings"].as_array().unwrap().iter().find(|it| it["id"] == "image-vulnerabilities").unwrap();
    assert_eq!((&finding["severity"], &finding["object"]["name"]), (&"critical".into(), &"web".into()));
    let wrong = write(folder.path(), "wrong.json", &json!({"a": 1}));
    let output = images(&["--report", &wrong, "-o", "json", "--fail-on", "none"]).exits(4);
    assert!(output.report()["notEvaluated"][0]["why"].as_str().unwrap().contains("none of the reports"));
}

#[test]
fn reports_of_the_operator_in_the_input_count_too() {
    let scan = format!(
        "---\napiVersion: aquasecurity.github.io/v1alpha1\nkind: VulnerabilityReport\nmetadata: {{name: r, namespace: shop}}\nreport:\n  registry: {{server: index.docker.io}}\n  artifact: {{repository: library/nginx, digest: '{OTHER}'}}\n  summary: {{criticalCount: 2, highCount: 1}}\n"
    );
    let run =
        Run::new(env!("CARGO_BIN_EXE_kubectl-secpatch")).args(["images", "-f", "-", "-o", "json", "--fail-on", "none"]);
    let all = run.input(format!("{OBJECTS}{scan}")).output().exits(0).report();
    let nginx = image(&all, "nginx");
    assert_eq!(
        (&nginx["vulnerabilities"]["critical"], &nginx["reports"]),
        (&2.into(), &json!(["VulnerabilityReport shop/r"]))
    );
}

#[test]
fn fix_writes_patches_that_move_frozen_images() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("patches").display().to_string();
    let output = images(&["--fix", &path, "--fail-on", "none"]).exits(0);
    assert!(output.stdout.contains("ephemeral container cannot be changed"), "{}", output.stdout);
    assert!(output.stdout.contains("Job shop/once"), "{}", output.stdout);
    let read =
        |name: &str| fs::read_to_string(Path::new(&path).join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let value = |name: &str| -> Value { serde_saphyr::from_str(&read(name)).unwrap() };
    assert_eq!(
        value("deployment-shop-web.yaml"),
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
               "spec": {"template": {"spec": {"initContainers": [{"name": "wait", "image": "registry.k8s.io/pause:3.1"}]}}}})
    );
    let nightly = value("cronjob-shop-nightly.yaml");
    let container = &nightly["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "registry.k8s.io/sig/tool:v1.0.0");
    assert_eq!(value("kustomization.yaml")["patches"].as_array().unwrap().len(), 2);
    // What somebody has written there stays.
    fs::write(Path::new(&path).join("deployment-shop-web.yaml"), "mine").unwrap();
    let _ = images(&["--fix", &path]).exits(3);
    assert_eq!(read("deployment-shop-web.yaml"), "mine");
}
