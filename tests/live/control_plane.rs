//! The cluster itself: what the other tests stand on.

use std::path::Path;
use std::process::Command;

use patchkit::cluster::connect;
use patchkit_test_support::{Cluster, ClusterOptions, cluster_programs};

use crate::tools::{Told, nothing, with_kubeconfig};

pub fn its_own_tests_pass() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let programs = cluster_programs().unwrap();
    // With the flags of build.sh: with others, all of Kubernetes would be compiled once more.
    let run = Command::new("go")
        .args(["test", "./..."])
        .current_dir(root.join("tests/cluster"))
        .envs([("CGO_ENABLED", "0"), ("GOFLAGS", "-trimpath")])
        .env("PATCHKIT_CLUSTER_BIN", programs)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(run.status.success(), "{}\n{}", text(&run.stdout), text(&run.stderr));
}

pub fn everything_runs() {
    let cluster = Cluster::shared();
    let components = cluster.state_now().components;
    let running: Vec<_> = components.iter().filter(|it| it.running).map(|it| it.name.as_str()).collect();
    assert_eq!(running, ["etcd", "apiserver", "controller-manager", "scheduler", "kwok"]);
    let ready = cluster.kubectl(&["get", "--raw", "/readyz"]).output().exits(0);
    assert_eq!(ready.stdout, "ok");
}

pub fn kubectl_is_the_one_of_the_cluster() {
    let cluster = Cluster::shared();
    let version = cluster.kubectl(&["version", "-o", "json"]).output().exits(0).json();
    assert_eq!(version["clientVersion"]["gitVersion"], "v1.37.2");
    assert_eq!(version["serverVersion"]["gitVersion"], "v1.37.2");
}

pub fn kubectl_finds_the_plugins() {
    let cluster = Cluster::shared();
    let found = cluster.kubectl(&["plugin", "list", "--name-only"]).output().stdout;
    for name in ["kubectl-secpatch", "kubectl-drainsafe", "kubectl-netpolcheck"] {
        assert!(found.lines().any(|line| line.trim() == name), "{name} is not among the plugins:\n{found}");
    }
}

pub fn a_namespace_is_made_and_deleted() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("made");
    let name = namespace.name().to_owned();
    namespace.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: here}, data: {a: b}}");
    let object = namespace.kubectl(&["get", "configmap", "here", "-o", "json"]).output().exits(0).json();
    assert_eq!((object["metadata"]["namespace"].as_str(), object["data"]["a"].as_str()), (Some(&*name), Some("b")));
    let other = cluster.namespace("made");
    assert_ne!(other.name(), name);
    drop(namespace);
    let _ = cluster.wait(&["namespace", &name], "delete");
}

pub fn a_sample_comes_alive_with_its_statuses() {
    let cluster = Cluster::own(&ClusterOptions::new());
    let said = cluster.load(&[&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live/sample.yaml")]);
    assert!(said.contains("objects loaded"), "{said}");
    let nodes = cluster.kubectl(&["get", "nodes", "-o", "json"]).output().exits(0).json();
    let kubelets: Vec<_> = nodes["items"].as_array().unwrap().iter().map(|node| &node["status"]["nodeInfo"]).collect();
    assert_eq!(kubelets[0]["kubeletVersion"], "v1.34.1-gke.1829001");
    assert_eq!(kubelets[1]["kubeletVersion"], "v1.33.5");
    assert_eq!(kubelets[1]["kernelVersion"], "6.8");
    let _ = cluster.wait(&["node", "--all"], "condition=Ready");
    // The pods were running where they were; a new one is scheduled and runs too.
    let pod = cluster.kubectl(&["get", "pod", "web-0", "-n", "shop", "-o", "json"]).output().exits(0).json();
    assert_eq!(pod["spec"]["nodeName"], "node-a");
    assert_eq!(pod["status"]["containerStatuses"][0]["restartCount"], 3);
    let pod = cluster.kubectl(&["get", "pod", "web-1", "-n", "shop", "-o", "json"]).output().exits(0).json();
    assert_eq!(pod["status"]["phase"], "Running");
    cluster.apply("{apiVersion: v1, kind: Pod, metadata: {name: new}, spec: {containers: [{name: a, image: a}]}}");
    let _ = cluster.wait(&["pod", "new", "-n", "default"], "condition=Ready");
}

pub fn an_older_version_is_emulated() {
    let cluster = Cluster::own(&ClusterOptions::new().emulated_version("1.34").without_kubelets());
    let version = cluster.kubectl(&["get", "--raw", "/version"]).output().exits(0).json();
    let field = |name: &str| version[name].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        (field("gitVersion"), field("emulationMajor"), field("emulationMinor")),
        ("v1.37.2".into(), "1".into(), "34".into())
    );
    // And the client of the plugins sees it.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let seen = runtime.block_on(async {
        let options = with_kubeconfig(cluster.kubeconfig());
        connect(&options, &nothing(), Told::default().settings()).await.unwrap().version().await.unwrap()
    });
    assert_eq!((seen.git_version.as_str(), seen.emulation_minor.as_deref()), ("v1.37.2", Some("34")));
}

pub fn a_component_can_be_killed_and_revived() {
    let cluster = Cluster::own(&ClusterOptions::new().without_kubelets());
    cluster.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: kept, namespace: default}}");
    cluster.kill("apiserver");
    let refused = cluster.kubectl(&["get", "configmap", "kept", "-n", "default"]).output().exits(1);
    assert!(refused.stderr.contains("refused"), "{}", refused.stderr);
    cluster.revive("apiserver");
    let _ = cluster.kubectl(&["get", "configmap", "kept", "-n", "default"]).output().exits(0);
}
