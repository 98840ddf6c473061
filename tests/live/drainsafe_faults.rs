//! `kubectl drainsafe node` behind an API server that misbehaves: the run survives, or stops and can be gone on with.

use crate::drainsafe_node::{Place, condition, through};
use patchkit_test_support::{Cluster, ClusterOptions, Fault, FaultProxy, Rule, Run, Upstream};

const EVICTION: &str = "/pods/[^/]+/eviction$";

pub fn a_run_survives_a_server_that_is_not_well() {
    let cluster = Cluster::shared();
    let place = Place::with_web(&cluster, "unwell", 1, 3, "0s");
    let proxy = FaultProxy::start(Upstream::kubeconfig(cluster.kubeconfig()));
    let faults = [Fault::status(500), Fault::too_many(Some(1)), Fault::status(504), Fault::CutBeforeAnswer];
    for (fault, nth) in faults.into_iter().zip(1..) {
        proxy.rule(Rule::new(fault).path_matching(EVICTION).nth(nth));
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
    let place = Place::with_web(&cluster, "dropped", 1, 3, "1s");
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
    let place = Place::with_web(&cluster, "restart", 1, 3, "1s");
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
    let place = Place::with_web(&cluster, "denied", 1, 3, "0s");
    let proxy = FaultProxy::start(Upstream::kubeconfig(cluster.kubeconfig()));
    proxy.rule(Rule::new(Fault::status(403)).path_matching(EVICTION));
    let old = place.old(1);
    let asked = through(&place, &proxy.url(), &["node", &old, "--dry-run=server"]).output().exits(1);
    assert!(asked.stdout.contains("the API server would not let it go"), "{}", asked.stdout);
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

pub fn a_killed_run_comes_to_the_same_end() {
    // One round of the sweep that `benches/drain-kills.sh` makes by the hundred.
    let programs = patchkit_test_support::cluster_programs().unwrap();
    let this = std::env::current_exe().unwrap();
    let plugins = this.parent().and_then(std::path::Path::parent).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/drain-kills.sh");
    // Builds the plugins, as every test that runs one does.
    let _ = patchkit_test_support::plugin("drainsafe").args(["--version"]).output().exits(0);
    let sweep = Run::new("bash").args([script, "7", "1"]).env("BIN_DIR", programs).env("PLUGIN_DIR", plugins);
    let output = sweep.output().exits(0);
    assert!(output.stdout.contains("each came to the same end"), "{}", output.stdout);
}
