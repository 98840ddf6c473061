//! The client behind a proxy that misbehaves, in front of a real API server.

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, WatchEvent, WatchParams};
use patchkit::cluster::{self, ClusterError, ErrorKind, ListEvent, ListRequest, ListSummary, Notice, connect};
use patchkit_test_support::{Cluster, Fault, FaultProxy, Namespace, Rule, Upstream};
use serde_json::{Value, json};

use crate::tools::{Told, nothing, to_server};

/// How many objects the lists hold: three pages of ten, the last one not full. After a full one, a server that selects by
/// label does not know yet that nothing more comes, and gives a token for a page without objects.
const COUNT: usize = 25;

/// Makes the objects.
fn fill(namespace: &Namespace<'_>) {
    let items: Vec<_> = (0..COUNT)
        .map(|number| {
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"text": "x".repeat(2000)},
                   "metadata": {"name": format!("item-{number:02}"), "labels": {"of": "test"}}})
        })
        .collect();
    namespace.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string());
}

fn proxy(cluster: &Cluster) -> FaultProxy {
    FaultProxy::start(Upstream::kubeconfig(cluster.kubeconfig()))
}

fn path(namespace: &Namespace<'_>) -> String {
    format!("/api/v1/namespaces/{}/configmaps", namespace.name())
}

async fn connected(proxy: &FaultProxy) -> (cluster::Cluster, Told) {
    let told = Told::default();
    (connect(&to_server(&proxy.url()), &nothing(), told.settings()).await.unwrap(), told)
}

/// Reads the objects in pages of ten, and gives their names and what was told on the way.
fn read(
    proxy: &FaultProxy,
    namespace: &Namespace<'_>,
) -> (Result<ListSummary, ClusterError>, Vec<String>, Vec<Notice>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (cluster, told) = connected(proxy).await;
        let mut names = Vec::new();
        let request = ListRequest::new(path(namespace)).labels("of=test").chunks_of(10);
        let summary = cluster
            .list(&request, |event| -> Result<(), ClusterError> {
                match event {
                    ListEvent::Restart => names.clear(),
                    ListEvent::Page(page) => {
                        let list: Value = serde_json::from_slice(&page.bytes).unwrap();
                        let items = list["items"].as_array().unwrap();
                        names.extend(items.iter().map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()));
                    }
                }
                Ok(())
            })
            .await;
        (summary, names, told.all())
    })
}

/// All of them, and each once.
fn assert_complete(names: &[String]) {
    let distinct: BTreeSet<_> = names.iter().collect();
    assert_eq!((names.len(), distinct.len()), (COUNT, COUNT), "{names:?}");
}

pub fn a_busy_server_is_asked_again() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("busy");
    fill(&namespace);
    let proxy = proxy(&cluster);
    for fault in [Fault::too_many(Some(1)), Fault::too_many(None), Fault::status(500), Fault::status(504)] {
        proxy.faults().clear();
        // On the second page, when the first has been handed on.
        proxy.rule(Rule::new(fault.clone()).path(&path(&namespace)).with_parameter("continue").times(2));
        let (summary, names, told) = read(&proxy, &namespace);
        let summary = summary.unwrap();
        assert_complete(&names);
        assert_eq!((summary.pages, summary.restarts), (3, 0), "{fault:?}");
        assert!(matches!(told[..], [Notice::Retry { attempt: 2, .. }, Notice::Retry { attempt: 3, .. }]), "{told:?}");
    }
}

pub fn a_cut_connection_is_asked_again() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("cut");
    fill(&namespace);
    let proxy = proxy(&cluster);
    for fault in [Fault::CutBeforeAnswer, Fault::CutAfter(5000)] {
        proxy.faults().clear();
        proxy.rule(Rule::new(fault).path(&path(&namespace)).with_parameter("continue").times(1));
        let (summary, names, told) = read(&proxy, &namespace);
        summary.unwrap();
        assert_complete(&names);
        assert!(matches!(told[..], [Notice::Retry { attempt: 2, .. }]), "{told:?}");
    }
}

pub fn an_expired_page_token_begins_the_list_anew() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("gone");
    fill(&namespace);
    let proxy = proxy(&cluster);
    proxy.rule(Rule::new(Fault::gone()).path(&path(&namespace)).with_parameter("continue").times(1));
    let (summary, names, told) = read(&proxy, &namespace);
    let summary = summary.unwrap();
    assert_complete(&names);
    assert_eq!((summary.pages, summary.restarts), (3, 1));
    assert_eq!(told, [Notice::Restart { path: path(&namespace) }]);
}

pub fn a_slow_server_is_waited_for() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("slow");
    fill(&namespace);
    let proxy = proxy(&cluster);
    proxy.rule(Rule::new(Fault::Delay(Duration::from_millis(200))));
    proxy.rule(Rule::new(Fault::Throttle(100_000)).path(&path(&namespace)));
    let (summary, names, told) = read(&proxy, &namespace);
    assert_eq!(summary.unwrap().pages, 3);
    assert_complete(&names);
    assert_eq!(told, []);
}

pub fn a_server_that_stays_busy_is_reported() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("stays");
    fill(&namespace);
    let proxy = proxy(&cluster);
    proxy.rule(Rule::new(Fault::status(504)).path(&path(&namespace)).with_parameter("continue"));
    let (summary, _, told) = read(&proxy, &namespace);
    let error = summary.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.to_string().starts_with("Error from server (Timeout): "), "{error}");
    assert_eq!(told.len(), 4, "{told:?}");
}

pub fn a_dropped_watch_can_be_taken_up_again() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("watch");
    fill(&namespace);
    let proxy = proxy(&cluster);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (client, told) = connected(&proxy).await;
        let objects: Api<ConfigMap> = Api::namespaced(client.client(), namespace.name());
        let watch = WatchParams::default().labels("of=test");
        let first = events(&objects, &watch, "0", COUNT, &proxy).await;
        assert_eq!(first.len(), COUNT);
        let last = first.iter().map(|(_, version)| version.parse::<u64>().unwrap()).max().unwrap();
        // What happened while nobody watched comes with the next watch, from where the first one was dropped.
        let changed = namespace.kubectl(&["label", "configmap", "item-07", "seen=no"]);
        let _ = changed.output().exits(0);
        let second = events(&objects, &watch, &last.to_string(), 1, &proxy).await;
        assert_eq!(second.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["item-07"]);
        assert_eq!(told.all(), []);
    });
}

/// Watches until so many objects were seen, then has the watch dropped and sees it end. Gives names and versions.
async fn events(
    objects: &Api<ConfigMap>,
    watch: &WatchParams,
    from: &str,
    count: usize,
    proxy: &FaultProxy,
) -> Vec<(String, String)> {
    let mut stream = std::pin::pin!(objects.watch(watch, from).await.unwrap());
    let mut seen = Vec::new();
    while let Some(event) =
        std::future::poll_fn(|context| futures_core::Stream::poll_next(stream.as_mut(), context)).await
    {
        let Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) = event else {
            assert!(seen.len() >= count, "{event:?} before all objects were seen");
            continue;
        };
        seen.push((object.metadata.name.unwrap(), object.metadata.resource_version.unwrap()));
        if seen.len() == count {
            proxy.drop_watches();
        }
    }
    seen
}
