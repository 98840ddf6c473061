//! Our words beside those of the real kubectl, on a real API server.
//!
//! Needs a running test cluster: its kubeconfig in `PATCHKIT_TEST_KUBECONFIG`, with the contexts `admin`, `nobody` and
//! `admin-cert` that `testcluster up` writes, and kubectl on PATH.

use std::path::PathBuf;
use std::process::Command;

use patchkit::cluster::{Cluster, ClusterError, ConnectOptions, ListEvent, ListRequest, connect};
use patchkit_test_support::{Fault, FaultProxy, Rule, Upstream};

use crate::tools::{Told, connect_with, nothing, to_server};

fn kubeconfig() -> PathBuf {
    std::env::var_os("PATCHKIT_TEST_KUBECONFIG").expect("PATCHKIT_TEST_KUBECONFIG names a test cluster").into()
}

fn options() -> ConnectOptions {
    ConnectOptions { kubeconfig: Some(kubeconfig()), ..ConnectOptions::default() }
}

/// The last line that kubectl prints to stderr (before it, its discovery may have complained), or its whole output.
fn kubectl(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("kubectl")
        .arg("--kubeconfig")
        .arg(kubeconfig())
        .args(arguments)
        .output()
        .expect("kubectl on PATH");
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout).unwrap());
    }
    Err(String::from_utf8(output.stderr).unwrap().trim_end().lines().last().unwrap_or_default().to_owned())
}

async fn error_of(options: &ConnectOptions, path: &str) -> String {
    connect_with(options).await.unwrap().get(path).await.unwrap_err().to_string()
}

async fn names(cluster: &Cluster, request: &ListRequest) -> Vec<String> {
    let mut names = Vec::new();
    cluster
        .list(request, |event| -> Result<(), ClusterError> {
            match event {
                ListEvent::Restart => names.clear(),
                ListEvent::Page(page) => {
                    let list: serde_json::Value = serde_json::from_slice(&page.bytes).unwrap();
                    let items = list["items"].as_array().unwrap();
                    names.extend(items.iter().map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()));
                }
            }
            Ok(())
        })
        .await
        .unwrap();
    names
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a test cluster in PATCHKIT_TEST_KUBECONFIG, and kubectl"]
async fn errors_are_those_of_kubectl() {
    for (flags, path) in [
        (vec!["--context", "nobody"], "/api/v1/pods"),
        (vec!["--as", "somebody"], "/apis/apps/v1/namespaces/web/deployments"),
        (vec![], "/api/v1/nothing"),
        (vec![], "/apis/none.example.com/v1"),
        (vec![], "/api/v1/namespaces/none"),
        (vec![], "/api/v1/pods?limit=1&continue=xyz"),
        (vec!["--token", "wrong"], "/api/v1/pods"),
        (vec!["--server", "https://127.0.0.1:1"], "/version"),
    ] {
        let command = clap::Command::new("x");
        let command = <ConnectOptions as clap::Args>::augment_args(command);
        let matches = command.get_matches_from(std::iter::once("x").chain(flags.iter().copied()));
        let mut ours = <ConnectOptions as clap::FromArgMatches>::from_arg_matches(&matches).unwrap();
        ours.kubeconfig = Some(kubeconfig());
        let arguments = [flags.as_slice(), &["get", "--raw", path]].concat();
        assert_eq!(Err(error_of(&ours, path).await), kubectl(&arguments), "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a test cluster in PATCHKIT_TEST_KUBECONFIG, and kubectl"]
async fn what_a_server_offers_is_what_kubectl_lists() {
    let cluster = connect_with(&options()).await.unwrap();
    let found = cluster.discover().await.unwrap();
    let mut ours: Vec<String> = found
        .resources
        .iter()
        .filter(|it| it.preferred && it.can("list"))
        .map(|it| if it.group.is_empty() { it.resource.clone() } else { format!("{}.{}", it.resource, it.group) })
        .collect();
    let theirs = kubectl(&["api-resources", "--verbs=list", "-o", "name"]).unwrap();
    let mut theirs: Vec<String> = theirs.lines().map(str::to_owned).collect();
    ours.sort();
    theirs.sort();
    // kubectl also lists what only a version that is not the preferred one holds.
    theirs.retain(|name| {
        ours.contains(name) || !found.resources.iter().any(|it| name.starts_with(&it.resource) && !it.preferred)
    });
    assert_eq!(ours, theirs);
    assert!(found.find("", "v1", "pods").unwrap().subresources.contains(&"eviction".to_owned()));
    let version = cluster.version().await.unwrap();
    assert!(kubectl(&["version"]).unwrap().contains(&format!("Server Version: {}", version.git_version)));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a test cluster in PATCHKIT_TEST_KUBECONFIG, and kubectl"]
async fn lists_are_those_of_kubectl_through_all_faults() {
    let theirs = kubectl(&["get", "clusterroles", "-o", "jsonpath={.items[*].metadata.name}"]).unwrap();
    let theirs: Vec<String> = theirs.split_whitespace().map(str::to_owned).collect();
    assert!(theirs.len() > 50);
    let request = ListRequest::of("rbac.authorization.k8s.io", "v1", "clusterroles", None).chunks_of(20);
    for context in ["admin", "admin-cert"] {
        let options = ConnectOptions { context: Some(context.into()), ..options() };
        assert_eq!(names(&connect_with(&options).await.unwrap(), &request).await, theirs, "{context}");
    }

    let proxy = FaultProxy::start(Upstream::kubeconfig(&kubeconfig()));
    let told = Told::default();
    let cluster = connect(&to_server(&proxy.url()), &nothing(), told.settings()).await.unwrap();
    proxy.rule(Rule::new(Fault::gone()).with_parameter("continue").nth(2));
    proxy.rule(Rule::new(Fault::CutAfter(1000)).with_parameter("continue").nth(4));
    proxy.rule(Rule::new(Fault::too_many(None)).nth(1));
    assert_eq!(names(&cluster, &request).await, theirs);
    assert_eq!(names(&cluster, &request.clone().metadata_only()).await, theirs);
    assert_eq!(told.all().len(), 3, "{:?}", told.all());
}
