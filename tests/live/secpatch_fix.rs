//! `kubectl secpatch fix` on a real cluster: applied, rolled back, killed and undone.

use patchkit_test_support::{Cluster, Namespace, Output};
use serde_json::{Value, json};

/// A Deployment that baseline refuses, whose two pods take turns only one at a time.
fn deployment(name: &str) -> String {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "containers": [{"name": "a", "image": "a:1", "ports": [{"containerPort": 80}],
                                    "securityContext": {"privileged": true, "capabilities": {"add": ["SYS_ADMIN"]}}}],
                    "volumes": [{"name": "unused", "hostPath": {"path": "/var/log"}}, {"name": "kept", "emptyDir": {}}],
                }
            }
        }
    })
    .to_string()
}

fn fix(namespace: &Namespace<'_>, args: &[&str]) -> Output {
    namespace.kubectl(&["secpatch", "fix"]).args(args).output()
}

fn get(namespace: &Namespace<'_>, what: &[&str]) -> Value {
    namespace.kubectl(&[&["get", "-o", "json"], what].concat()).output().exits(0).json()
}

fn template(namespace: &Namespace<'_>, name: &str) -> Value {
    get(namespace, &["deployment", name])["spec"]["template"].clone()
}

fn journals(namespace: &Namespace<'_>) -> usize {
    get(namespace, &["configmap", "-l", "secpatch.patchkit.dev/fix"])["items"].as_array().unwrap().len()
}

/// Makes the Deployment, waits for its pods, and gives its template.
fn start(cluster: &Cluster, namespace: &Namespace<'_>, name: &str) -> Value {
    namespace.apply(&deployment(name));
    wait(cluster, namespace, &["deployment", name], "condition=Available");
    template(namespace, name)
}

fn wait(cluster: &Cluster, namespace: &Namespace<'_>, object: &[&str], until: &str) {
    let _ = cluster.wait(&[object, &["--namespace", namespace.name()]].concat(), until);
}

/// Lets no pod be made beyond those that there are: a rollout then never gets anywhere.
fn forbid_new_pods(cluster: &Cluster, namespace: &Namespace<'_>) {
    namespace.apply("{apiVersion: v1, kind: ResourceQuota, metadata: {name: full}, spec: {hard: {pods: 2}}}");
    wait(cluster, namespace, &["resourcequota", "full"], "jsonpath={.status.used.pods}=2");
}

pub fn a_change_is_made_and_can_be_undone() {
    let cluster = Cluster::own_with_a_node();
    let namespace = cluster.namespace("fix");
    let before = start(&cluster, &namespace, "web");
    let asked = fix(&namespace, &["--level", "baseline", "--apply"]).exits(2);
    assert!(asked.stderr.contains("--yes"), "nobody is there to be asked:\n{}", asked.stderr);
    assert_eq!((template(&namespace, "web"), journals(&namespace)), (before.clone(), 0));

    let output = fix(&namespace, &["--level", "baseline", "--apply", "--yes", "-o", "json"]).exits(0);
    let report = output.report();
    assert_eq!(report["applied"][0]["outcome"], "changed", "{}", output.stderr);
    assert!(output.stderr.contains("+") && output.stderr.contains("privileged: false"), "no diff:\n{}", output.stderr);
    assert_ne!(template(&namespace, "web"), before);
    let checked = namespace.kubectl(&["secpatch", "pods", "--level", "baseline"]).output().exits(0);
    assert!(checked.stdout.contains("allowed"), "{}", checked.stdout);
    assert_eq!(journals(&namespace), 1);

    let _ = fix(&namespace, &["--undo", "--yes"]).exits(0);
    assert_eq!((template(&namespace, "web"), journals(&namespace)), (before, 0));
    let nothing = fix(&namespace, &["--undo", "--yes"]).exits(0);
    assert!(nothing.stderr.contains("nothing to restore"), "{}", nothing.stderr);
}

pub fn a_rollout_that_never_becomes_ready_is_taken_back() {
    let cluster = Cluster::own_with_a_node();
    let namespace = cluster.namespace("fix-never");
    let before = start(&cluster, &namespace, "web");
    forbid_new_pods(&cluster, &namespace);
    let output =
        fix(&namespace, &["--level", "baseline", "--apply", "--yes", "--timeout", "3s", "-o", "json"]).exits(1);
    let report = output.report();
    assert_eq!(report["applied"][0]["outcome"], "taken-back", "{}", output.stderr);
    let detail = report["applied"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("exceeded quota") && detail.contains("as it was before"), "{detail}");
    assert_eq!((template(&namespace, "web"), journals(&namespace)), (before, 0));
    wait(&cluster, &namespace, &["deployment", "web"], "condition=Available");
}

pub fn a_run_that_is_killed_can_be_undone() {
    let cluster = Cluster::own_with_a_node();
    let namespace = cluster.namespace("fix-killed");
    let before = start(&cluster, &namespace, "web");
    forbid_new_pods(&cluster, &namespace);
    // kubectl is replaced by the plugin, so that the plugin is what is killed.
    let run = namespace.kubectl(&["secpatch", "fix", "--level", "baseline", "--apply", "--yes", "--timeout", "10m"]);
    let mut run = run.start();
    cluster.wait_for("the change", || (template(&namespace, "web") != before).then_some(()));
    run.kill();
    drop(run);
    assert_eq!(journals(&namespace), 1, "it was written before the change");
    let undone = fix(&namespace, &["--undo", "--yes"]).exits(0);
    assert!(undone.stderr.contains("as it was before"), "{}", undone.stderr);
    assert_eq!((template(&namespace, "web"), journals(&namespace)), (before.clone(), 0));

    // Killed between the journal and the change: there is nothing to take back, and the journal goes.
    let entry = json!({"object": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "namespace": namespace.name()},
        "uid": get(&namespace, &["deployment", "web"])["metadata"]["uid"],
        "patch": {"spec": {"template": {"spec": {"hostPID": true}}}}, "back": {"spec": {"template": {"spec": {"hostPID": null}}}}});
    let journal = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "begun", "labels": {"secpatch.patchkit.dev/fix": "r1"}},
        "data": {"stage": "begun", "entry": entry.to_string()}});
    namespace.apply(&journal.to_string());
    let undone = fix(&namespace, &["--undo", "--yes"]).exits(0);
    assert!(undone.stderr.contains("already"), "{}", undone.stderr);
    assert_eq!((template(&namespace, "web"), journals(&namespace)), (before, 0));
}

pub fn an_interrupted_rollout_is_not_left_without_a_word() {
    let cluster = Cluster::own_with_a_node();
    let namespace = cluster.namespace("fix-interrupted");
    let before = start(&cluster, &namespace, "web");
    // Something that will write it again is named before anything is asked.
    let helm = "meta.helm.sh/release-name=shop";
    let _ = namespace.kubectl(&["annotate", "deployment", "web", helm]).output().exits(0);
    forbid_new_pods(&cluster, &namespace);
    let args = ["secpatch", "fix", "--level", "baseline", "--apply", "--yes", "--timeout", "10m", "-o", "json"];
    let run = namespace.kubectl(&args).start();
    cluster.wait_for("the change", || (template(&namespace, "web") != before).then_some(()));
    cluster.wait_for("the watch", || run.stderr().contains("pods are updated").then_some(()));
    run.interrupt();
    let output = run.wait().exits(130);
    let report = output.report();
    assert_eq!(report["applied"][0]["outcome"], "interrupted", "{}", output.stderr);
    let detail = report["applied"][0]["detail"].as_str().unwrap();
    for words in ["it is changed", "journal", "fix --undo=r"] {
        assert!(detail.contains(words), "{words}: {detail}");
    }
    assert!(output.stderr.contains("Helm manages it"), "{}", output.stderr);
    assert_eq!(report["fixes"][0]["overwrittenBy"][0]["by"], "Helm");
    // What it says is so.
    assert_ne!(template(&namespace, "web"), before);
    assert_eq!(journals(&namespace), 1);
    let run = detail.split("--undo=").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let _ = fix(&namespace, &[&format!("--undo={run}"), "--yes"]).exits(0);
    assert_eq!((template(&namespace, "web"), journals(&namespace)), (before, 0));
}

pub fn json_patches_are_taken_by_kubectl() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("fix-json");
    namespace.apply(&deployment("web"));
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name).to_str().unwrap().to_owned();
    let form = ["--patch-form", "json", "--level", "baseline", "--fail-on", "none"];
    let _ = fix(&namespace, &[&form[..], &["--to", &path("live")]].concat()).exits(0);
    let file = path(&format!("live/deployment-{}-web.yaml", namespace.name()));
    let patch = ["patch", "deployment", "web", "--type=json", "--patch-file", &file];
    let _ = namespace.kubectl(&patch).output().exits(0);
    let judged = namespace.kubectl(&["secpatch", "pods", "--level", "baseline", "-o", "json"]).output().report();
    let web = judged["pods"].as_array().unwrap().iter().find(|it| it["object"]["kind"] == "Deployment").unwrap();
    assert_eq!(web["allowed"], true, "{web:#}");
    // Made once more, the place is another: the test at its beginning refuses it.
    let moved = r#"[{"op":"add","path":"/spec/template/spec/containers/0","value":{"name":"first","image":"x"}}]"#;
    let _ = namespace.kubectl(&["patch", "deployment", "web", "--type=json", "-p", moved]).output().exits(0);
    let moved = template(&namespace, "web");
    let _ = namespace.kubectl(&patch).output().exits(1);
    assert_eq!(template(&namespace, "web"), moved);

    std::fs::create_dir(work.path().join("app")).unwrap();
    std::fs::write(path("app/web.yaml"), deployment("web")).unwrap();
    let args = ["secpatch", "fix", "-f", &path("app"), "--kustomize", &path("harden")];
    let _ = cluster.kubectl(&args).args(form).output().exits(0);
    std::fs::write(path("app/kustomization.yaml"), "resources: [web.yaml]\ncomponents: [../harden]\n").unwrap();
    let built = cluster.kubectl(&["kustomize", &path("app")]).output().exits(0).stdout;
    let pods = ["secpatch", "pods", "--level", "baseline", "-f", "-"];
    let judged = cluster.kubectl(&pods).input(format!("---\n{built}")).output().exits(0);
    assert!(judged.stdout.contains("1 of 1 template"), "{}\n{built}", judged.stdout);
}

pub fn patches_of_files_are_taken_by_kustomize() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("fix-files");
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(work.path().join("app")).unwrap();
    std::fs::write(path("app/web.yaml"), deployment("web")).unwrap();
    let _ = cluster
        .kubectl(&["secpatch", "fix", "-f", &path("app"), "--kustomize", &path("harden"), "--fail-on", "none"])
        .output()
        .exits(0);
    std::fs::write(path("app/kustomization.yaml"), "resources: [web.yaml]\ncomponents: [../harden]\n").unwrap();
    let built = cluster.kubectl(&["kustomize", &path("app")]).output().exits(0).stdout;
    let judged = cluster.kubectl(&["secpatch", "pods", "-f", "-"]).input(format!("---\n{built}")).output().exits(0);
    assert!(judged.stdout.contains("1 of 1 template"), "{}\n{built}", judged.stdout);
    // And the API server, told to enforce it, has nothing to say of it.
    let label = "pod-security.kubernetes.io/enforce=restricted";
    let _ = cluster.kubectl(&["label", "namespace", namespace.name(), label]).output().exits(0);
    let applied = namespace.kubectl(&["apply", "--dry-run=server", "-f", "-"]).input(built).output().exits(0);
    assert!(!applied.stderr.contains("would violate"), "{}", applied.stderr);
}
