//! `kubectl secpatch apis` on a real cluster: what was applied, who manages, what is called, and what Helm keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use patchkit_test_support::{Cluster, ClusterOptions, FaultProxy, Namespace, Output, Permission, Upstream};
use serde_json::{Value, json};

use crate::tools::{connect_with, with_kubeconfig};

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn apis(cluster: &Cluster, args: &[&str]) -> Output {
    let run = cluster.kubectl(&["secpatch", "apis", "--as-of=2026-11-23", "-o", "json", "--fail-on=none"]);
    run.args(args).output()
}

/// API version, kind, name and status of what is seen so.
fn seen(report: &Value, seen_in: &str) -> BTreeMap<(String, String, String), String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = report["apis"].as_array().expect("a list").iter().filter(|it| it["seenIn"] == seen_in);
    all.map(|it| {
        let object = &it["object"];
        ((text(&object["apiVersion"]), text(&object["kind"]), text(&object["name"])), text(&it["status"]))
    })
    .collect()
}

fn minor(text: &Value) -> Option<u32> {
    text.as_str()?.strip_prefix("1.")?.parse().ok()
}

/// Makes the objects as they are: kubectl would write the annotation anew.
fn create(cluster: &Cluster, objects: &[Value]) {
    let plural = |kind: &str| match kind.to_lowercase() {
        kind if kind.ends_with('s') => format!("{kind}es"),
        kind if kind.ends_with('y') => format!("{}ies", &kind[..kind.len() - 1]),
        kind => format!("{kind}s"),
    };
    let namespaced = [
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "ControllerRevision",
        "HorizontalPodAutoscaler",
        "CronJob",
        "Lease",
        "EndpointSlice",
        "Ingress",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Role",
        "RoleBinding",
        "ResourceClaim",
        "ResourceClaimTemplate",
        "CSIStorageCapacity",
    ];
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = connect_with(&with_kubeconfig(cluster.kubeconfig())).await.unwrap().client();
        for object in objects {
            let (api_version, kind) = (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
            let scope = if namespaced.contains(&kind) { "/namespaces/default" } else { "" };
            let request = http::Request::post(format!("/apis/{api_version}{scope}/{}", plural(kind)))
                .header("content-type", "application/json")
                .body(object.to_string().into_bytes())
                .unwrap();
            let made: Result<Value, _> = client.request(request).await;
            made.unwrap_or_else(|error| panic!("{object}: {error}"));
        }
    });
}

pub fn finds_every_kind_by_what_was_applied_last() {
    let cluster = Cluster::own(&ClusterOptions::new().flag("--runtime-config=api/all=true"));
    let kinds: Vec<Value> = serde_saphyr::from_str(&file("tests/live/apis.yaml")).unwrap();
    let table: Value = serde_json::from_str(&file("plugins/secpatch/facts/apis.json")).unwrap();
    // Each older version of each kind with the minors in which it was deprecated and went.
    let mut lives = BTreeMap::new();
    let mut objects = Vec::new();
    for kind in &kinds {
        let name = kind["kind"].as_str().unwrap();
        for row in table["records"].as_array().unwrap().iter().filter(|row| row["kind"] == name) {
            let removed = [minor(&row["removed"]), minor(&row["gone"])].into_iter().flatten().min();
            if removed.is_none() || row["group"] == "events.k8s.io" {
                continue;
            }
            let api_version = format!("{}/{}", row["group"].as_str().unwrap(), row["version"].as_str().unwrap());
            let mut object = kind.clone();
            let number = objects.len();
            // Addresses and ranges are what they are called, and a definition is called as what it defines.
            let called = match name {
                "IPAddress" => format!("203.0.113.{}", number % 250),
                "CustomResourceDefinition" => "x.example.com".to_owned(),
                _ => format!("of-{number}"),
            };
            if name == "ServiceCIDR" {
                object["spec"]["cidrs"] = json!([format!("198.51.{}.0/24", number % 250)]);
            }
            object["metadata"] = json!({"name": called, "annotations": {
                LAST_APPLIED: json!({"apiVersion": api_version, "kind": name}).to_string()}});
            objects.push(object);
            lives.insert((api_version, name.to_owned(), called), (minor(&row["deprecated"]), removed));
        }
    }
    create(&cluster, &objects);
    let kinds_found: BTreeSet<&String> = lives.keys().map(|(_, kind, _)| kind).collect();
    assert!(kinds_found.len() > 35 && lives.len() > 60, "{} kinds, {} versions", kinds_found.len(), lives.len());
    for target in 22..=38 {
        let report = apis(&cluster, &["--target", &format!("1.{target}")]).exits(0).report();
        let expected: BTreeMap<_, _> = lives
            .iter()
            .filter_map(|(object, (deprecated, removed))| {
                let reached = |minor: &Option<u32>| minor.is_some_and(|minor| minor <= target);
                let status = if reached(removed) { "removed" } else { "deprecated" };
                (reached(deprecated) || reached(removed)).then(|| (object.clone(), status.to_owned()))
            })
            .collect();
        assert_eq!(seen(&report, "last-applied"), expected, "1.{target}");
    }
}

pub fn tells_what_is_sent_from_what_is_called() {
    let options = ClusterOptions::new().emulated_version("1.34").flag("--runtime-config=api/all=true");
    let cluster = Cluster::own(&options);
    let range = json!({"apiVersion": "networking.k8s.io/v1beta1", "kind": "ServiceCIDR", "metadata": {"name": "more"},
                       "spec": {"cidrs": ["198.51.100.0/24"]}});
    let class = json!({"apiVersion": "storage.k8s.io/v1beta1", "kind": "VolumeAttributesClass",
                       "metadata": {"name": "fast"}, "driverName": "example.com/x", "parameters": {"a": "b"}});
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [range, class]});
    cluster.apply(&list.to_string());
    let report = apis(&cluster, &["--target", "1.37"]).exits(0).report();
    for (api_version, kind, name) in [
        ("networking.k8s.io/v1beta1", "ServiceCIDR", "more"),
        ("storage.k8s.io/v1beta1", "VolumeAttributesClass", "fast"),
    ] {
        for (seen_in, name) in [("last-applied", name), ("managed-fields", name), ("metric", "")] {
            let key = (api_version.to_owned(), kind.to_owned(), name.to_owned());
            assert_eq!(seen(&report, seen_in).get(&key).map(String::as_str), Some("removed"), "{seen_in}: {report:#}");
        }
    }
    // They are still served where the cluster is, and only deprecated there.
    let here = apis(&cluster, &["--target", "1.34"]).exits(0).report();
    let key = ("networking.k8s.io/v1beta1".to_owned(), "ServiceCIDR".to_owned(), String::new());
    assert_eq!(seen(&here, "metric").get(&key).map(String::as_str), Some("deprecated"), "{here:#}");
    // Who only reads converts nothing: the server answers in whatever version it is asked for.
    let found = cluster.kubectl(&["get", "servicecidrs.v1.networking.k8s.io", "more", "-o", "json"]).output().exits(0);
    assert_eq!(found.json()["apiVersion"], "networking.k8s.io/v1");
    // Without --fail-on none, what goes in the target stops a pipeline.
    let _ = cluster.kubectl(&["secpatch", "apis", "--target=1.37"]).output().exits(1);
}

/// A release as Helm keeps it in a Secret.
fn release(namespace: &str, name: &str, version: u64, status: &str, manifest: &str) -> Value {
    let release = json!({"name": name, "namespace": namespace, "version": version, "info": {"status": status},
                         "manifest": manifest});
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(release.to_string().as_bytes()).unwrap();
    let inner = STANDARD.encode(packed.finish().unwrap());
    json!({"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
           "metadata": {"name": format!("sh.helm.release.v1.{name}.v{version}"), "namespace": namespace,
                        "labels": {"owner": "helm", "name": name, "status": status, "version": version.to_string()}},
           "data": {"release": STANDARD.encode(inner)}})
}

pub fn looks_into_helm_releases_only_where_asked() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("helm");
    let old = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata:\n  name: old\n";
    let current = "apiVersion: batch/v1beta1\nkind: CronJob\nmetadata:\n  name: nightly\n";
    let items = [
        release(namespace.name(), "web", 1, "superseded", old),
        release(namespace.name(), "web", 2, "deployed", current),
    ];
    namespace.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string());
    let proxy = FaultProxy::start(Upstream::kubeconfig(cluster.kubeconfig()));
    let ask = |args: &[&str]| {
        proxy.forget_requests();
        let mut all = vec!["--target=1.37", "--server"];
        let url = proxy.url();
        all.push(&url);
        all.extend(args);
        let report = apis(&cluster, &all).report();
        let secrets: Vec<_> = proxy.requests().into_iter().filter(|it| it.path.contains("secrets")).collect();
        (report, secrets)
    };
    let (without, secrets) = ask(&[]);
    assert!(secrets.is_empty() && seen(&without, "helm").is_empty(), "{secrets:?}");
    let (with, secrets) = ask(&["--helm"]);
    let helm: Vec<_> = with["apis"].as_array().unwrap().iter().filter(|it| it["seenIn"] == "helm").collect();
    let of_test: Vec<_> = helm.iter().filter(|it| it["release"].as_str().unwrap().contains(namespace.name())).collect();
    assert_eq!(of_test.len(), 1, "the superseded revision is past: {helm:#?}");
    assert_eq!(of_test[0]["object"]["name"], "nightly");
    assert_eq!(of_test[0]["release"], format!("Helm release {}/web, revision 2", namespace.name()));
    // No other Secret is asked for.
    assert!(!secrets.is_empty());
    assert!(secrets.iter().all(|it| it.parameter("labelSelector").is_some_and(|it| it.contains("owner=helm"))));
}

/// What was left out because the server refused it.
pub fn refused(report: &Value) -> Vec<&Value> {
    let all = report["notEvaluated"].as_array().into_iter().flatten();
    all.filter(|it| it["why"].as_str().is_some_and(|why| why.contains("Forbidden"))).collect()
}

/// A user who may list everything that was asked for by these paths, and no Secret.
pub fn user_who_may_list(namespace: &Namespace<'_>, name: &str, asked: &BTreeSet<String>) -> PathBuf {
    let mut resources: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in asked {
        let (group, rest) = match path.strip_prefix("/api/v1/") {
            Some(rest) => ("", rest),
            None => match path.strip_prefix("/apis/").and_then(|rest| rest.split_once('/')) {
                Some(found) => found,
                None => continue,
            },
        };
        if let Some(plural) = rest.rsplit('/').next().filter(|it| !it.is_empty() && *it != "secrets") {
            resources.entry(group).or_default().push(plural);
        }
    }
    let groups: Vec<([&str; 1], &Vec<&str>)> = resources.iter().map(|(group, of)| ([*group], of)).collect();
    let may: Vec<Permission<'_>> =
        groups.iter().map(|(groups, resources)| Permission { groups, resources, verbs: &["list"] }).collect();
    namespace.user(name, &may)
}

/// Every command that reads a cluster, with flags that it needs.
const READING: [&[&str]; 4] = [&["plan"], &["apis"], &["cves"], &["images"]];

pub fn reads_no_secret() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("secrets");
    namespace.apply(
        &json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "password"}, "data": {"a": "c2VjcmV0"}})
            .to_string(),
    );
    // What is read: by the record of all requests of an administrator.
    let proxy = FaultProxy::start(Upstream::kubeconfig(cluster.kubeconfig()));
    for command in READING {
        let mut args = vec!["secpatch"];
        args.extend(command);
        let url = proxy.url();
        args.extend(["--fail-on=none", "-o", "json", "--server", &url]);
        let output = cluster.kubectl(&args).output();
        assert!(matches!(output.code(), Some(0 | 4)), "{command:?}: {}", output.stderr);
        assert!(!output.stdout.contains("c2VjcmV0"));
    }
    let asked: BTreeSet<String> = proxy.requests().into_iter().map(|request| request.path).collect();
    assert!(asked.len() > 20, "{asked:?}");
    assert!(!asked.iter().any(|path| path.split('/').any(|part| part == "secrets")), "{asked:?}");

    // And by a role that may read everything that was asked for, and no Secret: nothing is missing then.
    let kubeconfig = user_who_may_list(&namespace, "no-secrets", &asked);
    for command in READING {
        let mut args = vec!["secpatch"];
        args.extend(command);
        args.extend(["--fail-on=none", "-o", "json"]);
        let report = cluster.kubectl(&args).env("KUBECONFIG", &kubeconfig).output().report();
        let denied = refused(&report);
        assert!(denied.iter().all(|it| it["what"].as_str().unwrap().contains("/metrics")), "{command:?}: {denied:#?}");
    }
    // Where Secrets are asked for and denied, that is said.
    let args = ["secpatch", "apis", "--helm", "--fail-on=none", "-o", "json"];
    let report = cluster.kubectl(&args).env("KUBECONFIG", &kubeconfig).output().exits(4).report();
    let helm = report["notEvaluated"].as_array().unwrap().iter().find(|it| it["what"] == "Helm releases (secrets)");
    assert!(helm.is_some_and(|it| it["why"].as_str().unwrap().starts_with("Forbidden")), "{report:#}");
}
