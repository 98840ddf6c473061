//! `kubectl drainsafe node` behind an API server that misbehaves: the run survives, or stops and can be gone on with.

use patchkit_test_support::{Cluster, ClusterOptions, Fault, FaultProxy, Rule, Upstream};
use serde_json::json;

use crate::drainsafe_node::{Place, condition, through};

const EVICTION: &str = "/pods/[^/]+/eviction$";

/// Three pods on one old node, moved one after the other, and room elsewhere.
fn three<'c>(cluster: &'c Cluster, name: &str) -> Place<'c> {
    let place = Place::new(cluster, name, 1, 2);
    place.apply(&[
        place.deployment("web", 3, json!({"test.patchkit.dev/end-after": "grace"})),
        place.budget("web", &json!({"maxUnavailable": 1})),
    ]);
    place.settle();
    place
}

pub fn a_run_survives_a_server_that_is_not_well() {
    let cluster = Cluster::shared();
    let place = three(&cluster, "unwell");
    let proxy = FaultProxy::start(Upstream::kubeconfig(cluster.kubeconfig()));
    let faults = [Fault::status(500), Fault::too_many(Some(1)), Fault::status(504), Fault::CutBeforeAnswer];
    // One after the other: a rule that is used up lets the next one come.
    for fault in faults {
        proxy.rule(Rule::new(fault).path_matching(EVICTION).times(1));
    }
    proxy.rule(Rule::new(Fault::status(503)).path_matching("^/api/v1/nodes/.*-old-1$").times(2));
    proxy.rule(Rule::new(Fault::status(500)).path_matching("/leases").times(3));
    let old = place.old(1);
    let events = through(&place, &proxy.url(), &["node", &old, "--yes", "-o", "json"]).output().exits(0).events();
    let summary = &events.last().unwrap()["summary"];
    assert_eq!(summary["evicted"], 3, "{summary}");
    // The one that was cut may have been granted all the same.
    assert!((6..=7).contains(&summary["evictionsAttempted"].as_u64().unwrap()), "{summary}");
    assert!(place.lease().is_none());
}

pub fn a_run_survives_dropped_watches() {
    let cluster = Cluster::shared();
    let place = Place::new(&cluster, "dropped", 1, 2);
    place.apply(&[
        place.deployment(
            "web",
            3,
            json!({"test.patchkit.dev/ready-after": "1s", "test.patchkit.dev/end-after": "grace"}),
        ),
        place.budget("web", &json!({"maxUnavailable": 1})),
    ]);
    place.settle();
    let proxy = FaultProxy::start(Upstream::kubeconfig(cluster.kubeconfig()));
    // Half of the watches that are taken up again are told that their version is too old.
    proxy.rule(Rule::new(Fault::gone()).path("/api/v1/pods").with_parameter_of("watch", "true").after(1).times(1));
    let old = place.old(1);
    let running = through(&place, &proxy.url(), &["node", &old, "--yes", "-o", "json"]).start();
    for _ in 0..3 {
        place.wait_evicting();
        proxy.drop_watches();
        std::thread::sleep(std::time::Duration::from_millis(700));
    }
    let events = running.wait().exits(0).events();
    let summary = &events.last().unwrap()["summary"];
    assert_eq!((&summary["evicted"], &summary["evictionsAttempted"]), (&3.into(), &3.into()), "{summary}");
}

pub fn a_run_survives_the_end_of_its_api_server() {
    let cluster = Cluster::own(&ClusterOptions::new());
    let place = Place::new(&cluster, "restart", 1, 2);
    place.apply(&[
        place.deployment(
            "web",
            3,
            json!({"test.patchkit.dev/ready-after": "1s", "test.patchkit.dev/end-after": "grace"}),
        ),
        place.budget("web", &json!({"maxUnavailable": 1})),
    ]);
    place.settle();
    let old = place.old(1);
    let running = place.drainsafe(&["node", &old, "--yes", "-o", "json"]).start();
    place.wait_evicting();
    cluster.kill("apiserver");
    cluster.revive("apiserver");
    let events = running.wait().exits(0).events();
    assert_eq!(events.last().unwrap()["summary"]["outcome"], "drained");
    let ready =
        place.pods().iter().filter(|pod| condition(pod, "Ready") && pod["spec"]["nodeName"] != old.as_str()).count();
    assert_eq!(ready, 3);
    assert!(place.lease().is_none());
}

pub fn a_refusal_for_good_stops_the_run_and_says_how_to_go_on() {
    let cluster = Cluster::shared();
    let place = three(&cluster, "denied");
    let proxy = FaultProxy::start(Upstream::kubeconfig(cluster.kubeconfig()));
    proxy.rule(Rule::new(Fault::status(403)).path_matching(EVICTION));
    let old = place.old(1);
    let output = through(&place, &proxy.url(), &["node", &old, "--yes"]).output().exits(4);
    assert!(output.stdout.contains("There are pending nodes to be drained:"), "{}", output.stdout);
    assert!(output.stdout.contains("to go on: kubectl drainsafe resume"), "{}", output.stdout);
    assert!(place.is_cordoned(&old));
    // With the other choice nothing of it stays.
    let _ = place.drainsafe(&["undo"]).output().exits(0);
    let args = ["node", &old, "--yes", "--on-failure=uncordon"];
    let output = through(&place, &proxy.url(), &args).output().exits(4);
    assert!(output.stdout.contains(&format!("node/{old} uncordoned")), "{}", output.stdout);
    assert!(!place.is_cordoned(&old) && place.annotations(&old).is_empty() && place.lease().is_none());
    // A cordon that fails touches nothing.
    proxy.faults().clear();
    proxy.rule(Rule::new(Fault::status(403)).method(http::Method::PATCH).path("/api/v1/nodes/"));
    let output = through(&place, &proxy.url(), &["node", &old, "--yes"]).output().exits(3);
    assert!(output.stderr.contains("cannot be cordoned"), "{}", output.stderr);
    assert!(!place.is_cordoned(&old) && place.lease().is_none());
}
