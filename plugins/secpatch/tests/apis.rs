//! `kubectl secpatch apis` on files: each kind of the lifecycle at each target, and the rewriting of files.
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
};

use kubectl_secpatch::facts::Facts;
use patchkit_test_support::{Output, Run};
use serde_json::Value;

fn apis(args: &[&str], input: &str) -> Output {
    let run = Run::new(env!("CARGO_BIN_EXE_kubectl-secpatch")).env("PATCHKIT_CACHE_DIR", "/nonexistent");
    run.arg("apis").args(["--as-of", "2026-11-23"]).args(args).input(input).output()
}

fn report(args: &[&str], input: &str) -> Value {
    let mut all = vec!["-f", "-", "-o", "json", "--fail-on", "none"];
    all.extend(args);
    apis(&all, input).report()
}

/// API version, kind, name, status and what shows it.
fn lines(report: &Value) -> Vec<String> {
    let all = report["apis"].as_array().expect("a list").iter();
    all.map(|it| {
        let object = &it["object"];
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let parts = [&object["apiVersion"], &object["kind"], &object["name"], &it["status"], &it["seenIn"]];
        parts.map(text).join(" ")
    })
    .collect()
}

/// The lifecycle of the Kubernetes project, from `PATCHKIT_SHARED` or the sibling folder `shared`.
fn lifecycle() -> Option<Vec<Value>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = env::var_os("PATCHKIT_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let Ok(text) = fs::read_to_string(shared.join("data/api/k8s-api-lifecycle.json")) else {
        eprintln!("skipped: {} does not hold the lifecycle of the APIs", shared.display());
        return None;
    };
    let file: Value = serde_json::from_str(&text).expect("JSON");
    Some(file["rows"].as_array().expect("rows").clone())
}

#[test]
fn every_kind_at_every_target() {
    let Some(rows) = lifecycle() else { return };
    assert_eq!(rows.len(), 191);
    let facts = Facts::compiled_in();
    let word = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let api_version = |row: &Value| match word(row, "group").as_str() {
        "" => word(row, "version"),
        group => format!("{group}/{}", word(row, "version")),
    };
    // Half of them alone, half in a List, one in two as JSON.
    let mut yaml = String::new();
    let mut items = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let (api_version, kind) = (api_version(row), word(row, "kind"));
        if index % 2 == 0 {
            yaml.push_str(&format!("---\napiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: of-{index}\n"));
        } else {
            items.push(serde_json::json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": format!("of-{index}")}}));
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.yaml"), yaml).expect("written");
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items});
    fs::write(folder.path().join("b.json"), serde_json::to_string_pretty(&list).expect("JSON")).expect("written");
    let path = folder.path().display().to_string();
    for target in 22..=38 {
        let output = apis(&["-f", &path, "--target", &format!("1.{target}"), "-o", "json", "--fail-on", "none"], "");
        let found: BTreeMap<(String, String), String> = output.exits(0).report()["apis"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|it| {
                assert_eq!(it["seenIn"], "manifest");
                let text = |value: &Value| value.as_str().expect("a text").to_owned();
                ((text(&it["object"]["apiVersion"]), text(&it["object"]["kind"])), text(&it["status"]))
            })
            .collect();
        let mut expected = BTreeMap::new();
        for row in &rows {
            let reached = |name: &str| {
                word(row, name).strip_prefix("1.").is_some_and(|minor| minor.parse::<u32>().expect("a minor") <= target)
            };
            // Eight types left the source before the minor that it declared.
            let life = facts.apis().get(&api_version(row), &word(row, "kind")).expect("a kind");
            let gone = life.gone.is_some_and(|gone| gone.minor <= target);
            let status = if reached("removed") || gone {
                "removed"
            } else if reached("deprecated") {
                "deprecated"
            } else {
                continue;
            };
            expected.insert((api_version(row), word(row, "kind")), status.to_owned());
        }
        assert_eq!(found, expected, "1.{target}");
    }
}

const MANIFESTS: &str = "
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {name: all, namespace: web}
spec: {selector: {}}
---
apiVersion: v1
kind: List
items:
- apiVersion: networking.k8s.io/v1beta1
  kind: Ingress
  metadata: {name: in-a-list}
  spec: {rules: [{http: {paths: [{path: /, backend: {serviceName: a, servicePort: 80}}]}}]}
---
apiVersion: extensions/v1beta1
kind: IngressList
items: [{metadata: {name: in-a-typed-list}}]
---
apiVersion: apiextensions.k8s.io/v1beta1
kind: CustomResourceDefinition
metadata: {name: a.example.com}
---
# What nobody knows, and what is only called alike.
apiVersion: example.com/v1beta1
kind: Ingress
metadata: {name: other}
---
apiVersion: policy/v1beta1
kind: Nothing
metadata: {name: unknown}
---
# Read from a server, which converts.
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {name: from-server, uid: 1f}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: applied
  uid: 2f
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{\"apiVersion\":\"policy/v1beta1\",\"kind\":\"PodDisruptionBudget\"}'
  managedFields:
  - {manager: kubectl-client-side-apply, apiVersion: policy/v1beta1, operation: Update, time: '2021-03-04T05:06:07Z'}
  - {manager: kube-controller-manager, apiVersion: policy/v1beta1, operation: Update}
";

#[test]
fn the_facts_are_told_apart() {
    let found = report(&["--target", "1.25"], MANIFESTS);
    assert_eq!(
        lines(&found),
        [
            "apiextensions.k8s.io/v1beta1 CustomResourceDefinition a.example.com removed manifest",
            "extensions/v1beta1 Ingress in-a-typed-list removed manifest",
            "networking.k8s.io/v1beta1 Ingress in-a-list removed manifest",
            "policy/v1beta1 PodDisruptionBudget applied removed last-applied",
            "policy/v1beta1 PodDisruptionBudget applied removed managed-fields",
            "policy/v1beta1 PodDisruptionBudget all removed manifest",
        ]
    );
    let line =
        |name: &str| found["apis"].as_array().unwrap().iter().find(|it| it["object"]["name"] == name).unwrap().clone();
    let budget = line("all");
    assert_eq!((&budget["removedIn"], &budget["deprecatedIn"]), (&"1.25".into(), &"1.21".into()));
    assert_eq!(budget["replacement"], "policy/v1 PodDisruptionBudget");
    assert_eq!((&budget["source"]["file"], &budget["source"]["line"]), (&"-".into(), &2.into()));
    assert_eq!(budget["apiVersionAlone"], "no", "an empty selector means something else");
    let ingress = line("in-a-list");
    assert_eq!(ingress["source"]["line"], 10);
    let changes = ingress["changes"].as_array().unwrap();
    assert!(changes.iter().any(|it| it.as_str().unwrap().contains("pathType")), "{changes:?}");
    assert!(!changes.iter().any(|it| it.as_str().unwrap().contains("defaultBackend")), "it has none: {changes:?}");
    let applied = line("applied");
    assert_eq!(applied["apiVersionAlone"], "unknown", "only the metadata was read");
    let deprecated = report(&["--target", "1.24"], MANIFESTS);
    assert!(lines(&deprecated).contains(&"policy/v1beta1 PodDisruptionBudget all deprecated manifest".to_owned()));
    // A removal that is only planned is said to be so.
    let claim = "{apiVersion: resource.k8s.io/v1beta1, kind: ResourceClaim, metadata: {name: a}}";
    let planned = report(&["--target", "1.38"], claim);
    assert_eq!((&planned["apis"][0]["status"], &planned["apis"][0]["provisional"]), (&"removed".into(), &true.into()));
    assert!(planned["findings"][0]["title"].as_str().unwrap().contains("provisional"));
}

#[test]
fn exit_codes_are_those_of_the_contract() {
    let at = |target: &'static str, input: &str| apis(&["-f", "-", "--target", target], input).code();
    assert_eq!(at("1.25", MANIFESTS), Some(1));
    let cron = "{apiVersion: batch/v1beta1, kind: CronJob, metadata: {name: a}}";
    assert_eq!(at("1.24", cron), Some(0), "deprecated is no reason to stop");
    assert_eq!(apis(&["-f", "-", "--target", "1.24", "--fail-on", "medium"], cron).code(), Some(1));
    assert_eq!(at("1.37", "{apiVersion: v1, kind: Pod, metadata: {name: a}}"), Some(0));
    // A document that cannot be read hides no other, and is not clean.
    let broken = "apiVersion: v1\nkind: Pod\n---\napiVersion: {{ .Values.version }}\nkind: Ingress\n";
    let output = apis(&["-f", "-", "--target", "1.37", "-o", "json"], broken).exits(4);
    assert!(output.report()["notEvaluated"][0]["what"].as_str().unwrap().starts_with("-:4:"), "{}", output.stdout);
    assert_eq!(at("1.37", "nothing here"), Some(3));
    let _ = apis(&["--fix"], "").exits(2);
    let _ = apis(&["-f", "-", "--helm"], "").exits(2);
    // Without a version of the server, the target is what is supported for long enough.
    assert_eq!(report(&[], cron)["target"], "1.35");
}

#[test]
fn what_stands_in_two_files_is_named_twice() {
    let folder = tempfile::tempdir().unwrap();
    let text = "apiVersion: batch/v1beta1\nkind: CronJob\nmetadata: {name: a}\n";
    for name in ["staging.yaml", "production.yaml"] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let path = folder.path().display().to_string();
    let found = apis(&["-f", &path, "--target", "1.25", "-o", "json"], "").exits(1).report();
    let files: BTreeSet<String> =
        found["apis"].as_array().unwrap().iter().map(|it| it["source"]["file"].as_str().unwrap().to_owned()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
}

#[test]
fn fix_rewrites_what_is_right_and_no_other_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    let text = "# budgets\r\napiVersion: \"policy/v1beta1\"   # old\r\nkind: PodDisruptionBudget\r\nmetadata: {name: a}\r\nspec: {selector: {matchLabels: {a: b}}}\r\n---\napiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: all}\nspec: {selector: {}}\n---\napiVersion: v1\nkind: List\nitems:\n-   apiVersion: batch/v1beta1\n    kind: CronJob\n    metadata: {name: b, annotations: {apiVersion: batch/v1beta1}}\n- {apiVersion: batch/v1beta1, kind: CronJob, metadata: {name: c}}\n---\napiVersion: policy/v1beta1\nkind: PodSecurityPolicy\nmetadata: {name: gone}\n";
    fs::write(&path, text).unwrap();
    let file = path.display().to_string();
    let dry = apis(&["-f", &file, "--target", "1.25", "--fix", "--dry-run", "-o", "json"], "").exits(1).report();
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "nothing was written");
    assert!(dry["apis"].as_array().unwrap().iter().all(|it| it["rewritten"].is_null()));
    let fixed = apis(&["-f", &file, "--target", "1.25", "--fix", "-o", "json"], "").exits(1).report();
    let of =
        |name: &str| fixed["apis"].as_array().unwrap().iter().find(|it| it["object"]["name"] == name).unwrap().clone();
    assert_eq!((&of("a")["rewritten"], &of("b")["rewritten"]), (&true.into(), &true.into()));
    assert!(of("all")["notRewritten"].as_str().unwrap().contains("empty spec.selector"));
    assert!(of("c")["notRewritten"].as_str().unwrap().contains("line of its own"), "{}", of("c"));
    assert_eq!(of("gone")["notRewritten"], "nothing takes its place");
    let expected = text.replacen("\"policy/v1beta1\"", "\"policy/v1\"", 1).replacen(
        "-   apiVersion: batch/v1beta1",
        "-   apiVersion: batch/v1",
        1,
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    // A second run finds what is left, and changes nothing.
    let again = apis(&["-f", &file, "--target", "1.25", "--fix", "-o", "json"], "").exits(1).report();
    assert_eq!(again["apis"].as_array().unwrap().len(), 3);
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
}

#[test]
fn every_migration_has_its_apis_and_every_replacement_is_compared_or_named() {
    let facts = Facts::compiled_in();
    let apis = facts.apis();
    for migration in &facts.migrations().table().records {
        assert!(migration.source.starts_with("https://"), "{}", migration.from);
        for kind in &migration.kinds {
            for api_version in migration.to.iter().chain([&migration.from]) {
                assert!(apis.get(api_version, kind).is_some(), "{api_version} {kind}");
            }
        }
    }
    // The source names apps/v1 as its successor, which has no such kind: nothing can be written instead.
    let known: BTreeSet<&str> = ["apps/v1beta1 DeploymentRollback"].into();
    let mut missing = BTreeSet::new();
    for life in apis.all() {
        for target in
            (22..=38).map(|minor| patchkit::rules::Minor::new(1, minor)).filter(|minor| life.is_deprecated_at(*minor))
        {
            if let Some(to) = apis.replacement_at(life, target)
                && facts.migrations().between(&life.gvk, to).is_none()
            {
                missing.insert(format!("{} {}", life.gvk.api_version(), life.gvk.kind));
            }
        }
    }
    assert_eq!(missing.iter().map(String::as_str).collect::<BTreeSet<_>>(), known);
}
