//! What a server is and offers, and its metrics.

use patchkit::cluster::ErrorKind;
use patchkit_test_support::{Answer, Fault, Rule, ScriptedServer};
use serde_json::json;

use crate::tools::client_of;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

#[tokio::test(flavor = "multi_thread")]
async fn versions_tell_their_emulation() {
    let server = ScriptedServer::start();
    let (cluster, _) = client_of(&server).await;
    let version = cluster.version().await.unwrap();
    assert_eq!((version.git_version.as_str(), version.emulation_minor), ("v1.36.1", None));
    server.answer("/version", &json!({"major": "1", "minor": "37", "gitVersion": "v1.37.2", "emulationMajor": "1", "emulationMinor": "34", "minCompatibilityMajor": "1", "minCompatibilityMinor": "33"}));
    let version = cluster.version().await.unwrap();
    assert_eq!(version.emulation_minor.as_deref(), Some("34"));
    assert_eq!(version.min_compatibility_minor.as_deref(), Some("33"));
}

#[tokio::test(flavor = "multi_thread")]
async fn aggregated_discovery_needs_two_requests() {
    let server = ScriptedServer::start();
    let pods = json!({"resource": "pods", "responseKind": {"group": "", "version": "v1", "kind": "Pod"}, "scope": "Namespaced", "singularResource": "pod",
        "verbs": ["list", "watch"], "shortNames": ["po"], "subresources": [{"subresource": "eviction", "verbs": ["create"]}]});
    let core = json!({"kind": "APIGroupDiscoveryList", "items": [{"metadata": {}, "versions": [{"version": "v1", "resources": [pods], "freshness": "Current"}]}]});
    let metrics =
        json!({"metadata": {"name": "metrics.k8s.io"}, "versions": [{"version": "v1beta1", "freshness": "Stale"}]});
    let policy = json!({"resource": "poddisruptionbudgets", "responseKind": {"kind": "PodDisruptionBudget"}, "scope": "Namespaced", "verbs": ["list"]});
    let policies = json!({"metadata": {"name": "policy"}, "versions": [{"version": "v1", "resources": [policy]}, {"version": "v1beta1", "resources": [policy]}]});
    let groups = json!({"kind": "APIGroupDiscoveryList", "items": [policies, metrics]});
    server.answer_as(http::Method::GET, "/api", Answer::json(&core).content_type(AGGREGATED));
    server.answer_as(http::Method::GET, "/apis", Answer::json(&groups).content_type(AGGREGATED));
    let (cluster, _) = client_of(&server).await;
    let found = cluster.discover().await.unwrap();
    assert_eq!(server.requests().len(), 2);
    let pods = found.find("", "v1", "pods").unwrap();
    assert_eq!((pods.kind.as_str(), pods.namespaced, pods.can("list"), pods.can("delete")), ("Pod", true, true, false));
    assert_eq!(
        (pods.subresources.as_slice(), pods.short_names.as_slice()),
        (&["eviction".to_owned()][..], &["po".to_owned()][..])
    );
    let budgets: Vec<_> =
        found.versions("policy", "poddisruptionbudgets").map(|it| (it.api_version(), it.preferred)).collect();
    assert_eq!(budgets, [("policy/v1".to_owned(), true), ("policy/v1beta1".to_owned(), false)]);
    assert!(matches!(&found.unknown[..], [(name, _)] if name == "metrics.k8s.io/v1beta1"), "{:?}", found.unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn older_servers_are_asked_group_by_group() {
    let server = ScriptedServer::start();
    server.answer("/api/v1", &json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": [
        {"name": "pods/eviction", "kind": "Eviction", "namespaced": true, "verbs": ["create"]},
        {"name": "pods", "singularName": "pod", "kind": "Pod", "namespaced": true, "verbs": ["list"], "shortNames": ["po"]}]}));
    let version =
        |group: &str, version: &str| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    server.answer("/apis", &json!({"kind": "APIGroupList", "groups": [
        {"name": "policy", "versions": [version("policy", "v1beta1"), version("policy", "v1")], "preferredVersion": version("policy", "v1")},
        {"name": "metrics.k8s.io", "versions": [version("metrics.k8s.io", "v1beta1")], "preferredVersion": version("metrics.k8s.io", "v1beta1")}]}));
    for version in ["v1", "v1beta1"] {
        let resource = json!({"name": "poddisruptionbudgets", "kind": "PodDisruptionBudget", "namespaced": true, "verbs": ["list"]});
        server.answer(&format!("/apis/policy/{version}"), &json!({"kind": "APIResourceList", "resources": [resource]}));
    }
    server.rule(Rule::new(Fault::status(503)).path("/apis/metrics.k8s.io"));
    let (cluster, _) = client_of(&server).await;
    let found = cluster.discover().await.unwrap();
    assert_eq!(found.find("", "v1", "pods").unwrap().subresources, ["eviction"]);
    let budgets: Vec<_> =
        found.versions("policy", "poddisruptionbudgets").map(|it| (it.version.as_str(), it.preferred)).collect();
    assert_eq!(budgets, [("v1", true), ("v1beta1", false)]);
    assert_eq!(found.unknown, [("metrics.k8s.io/v1beta1".to_owned(), "ServiceUnavailable: scripted 503".to_owned())]);
    // A server that does not know us at all is another matter.
    server.rule(Rule::new(Fault::status(401)).path("/apis/policy"));
    assert_eq!(cluster.discover().await.unwrap_err().kind(), ErrorKind::Unauthorized);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_read_by_the_line() {
    let server = ScriptedServer::start();
    let text = "# HELP wanted x\n# TYPE wanted gauge\nwanted{a=\"b\"} 1\nwanted_total{a=\"b\"} 2\nother 3\nwanted{c=\"d e\"} 4\r\nplain 5\n".repeat(200) + "plain 6";
    server.answer_as(http::Method::GET, "/metrics", Answer::text(200, text));
    // In pieces of 1000 bytes, so that lines are torn.
    server.rule(Rule::new(Fault::Throttle(20_000)));
    let (cluster, _) = client_of(&server).await;
    let mut lines = Vec::new();
    cluster.metrics("/metrics", &["wanted", "plain"], |line| lines.push(line.to_owned())).await.unwrap();
    let mut expected = ["wanted{a=\"b\"} 1", "wanted{c=\"d e\"} 4", "plain 5"].repeat(200);
    expected.push("plain 6");
    assert_eq!(lines, expected);
    assert_eq!(cluster.metrics("/nothing", &["wanted"], |_| ()).await.unwrap_err().kind(), ErrorKind::NotFound);
}
