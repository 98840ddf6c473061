//! `suggest` as a program runs it: forms of flows, what is said of those that lead nowhere, exit codes, output.

use std::fs;

use serde_json::Value;

use super::run_over::run_over as run;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/policies");

#[track_caller]
fn suggest(args: &[&str], input: &str) -> (Value, Option<i32>) {
    let output = run(&[&["suggest", "-f", SAMPLE, "-n", "shop", "-o", "json"], args].concat(), input);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    patchkit_test_support::assert_valid(&report);
    (report, output.status.code())
}

fn spec<'r>(report: &'r Value, name: &str) -> &'r Value {
    let policies = report["policies"].as_array().expect("policies");
    let found = policies.iter().find(|policy| policy["name"] == name);
    &found.unwrap_or_else(|| panic!("{name} is in {report:#}"))["object"]["spec"]
}

#[test]
fn default_deny_leaves_dns() {
    let (report, code) = suggest(&["--default-deny"], "");
    assert_eq!((report["summary"]["verdict"].as_str(), code), (Some("proved"), Some(0)), "{report:#}");
    let policy = spec(&report, "netpolcheck-default-deny");
    assert_eq!(policy["podSelector"], serde_json::json!({}));
    assert_eq!(policy["policyTypes"], serde_json::json!(["Ingress", "Egress"]));
    assert_eq!(policy["egress"][0]["to"][0]["podSelector"]["matchLabels"]["k8s-app"], "kube-dns");
    assert!(policy["ingress"].is_null());
    // What other policies allow still is named, with the policy.
    let beyond = report["proof"]["beyond"].as_array().expect("a list");
    let web = beyond.iter().find(|it| it["from"]["name"] == "web" && it["to"]["name"] == "api").expect("allowed");
    assert_eq!(web["by"], serde_json::json!(["NetworkPolicy shop/api", "NetworkPolicy shop/web"]));
}

#[test]
fn manifests_are_what_was_proved_and_say_the_same_when_they_are_read_again() {
    let output = run(&["suggest", "-f", SAMPLE, "-n", "shop", "--today", "-o", "manifests"], "");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("new.yaml");
    fs::write(&file, &output.stdout).expect("a file");
    let file = file.to_str().expect("a name");
    // What is allowed today stays: with the policies beside those that there are, and nothing becomes denied.
    let map = |files: &[&str]| {
        let output = run(&[&["map", "-o", "csv", "-f", SAMPLE], files].concat(), "");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let ends = |csv: String| -> std::collections::BTreeSet<String> {
        csv.lines().map(|line| line.split(',').take(4).collect::<Vec<_>>().join(" ")).collect()
    };
    assert!(ends(map(&[])).is_subset(&ends(map(&["-f", file]))));
    // And what a map writes is a list of flows too.
    let csv = map(&["--from", "shop/", "--to", "data/"]);
    let (report, code) = suggest(&["--flows", "-", "--fail-on", "none"], &csv);
    assert_eq!(report["flows"]["distinct"], csv.lines().count() - 1, "{report:#}");
    assert_eq!((report["proof"]["holds"].as_bool(), code), (Some(true), Some(0)), "{report:#}");
    assert!(spec(&report, "netpolcheck-batch")["egress"].to_string().contains("5432"), "{report:#}");
}

#[test]
fn flows_that_lead_nowhere_are_told_and_never_lost() {
    let list = "# what the shop needs\nshop/web -> shop/api:http\nshop/api data/svc/db:5432\nshop/nobody data/db:5432\n\
                shop/web\nshop/web data/svc/db:1\nshop/api 203.0.113.7:443 and more\n";
    let (report, code) = suggest(&["--flows", "-"], list);
    assert_eq!(code, Some(4), "{report:#}");
    assert_eq!(report["summary"]["verdict"], "proved-as-far-as-read");
    let places = |list: &Value| -> Vec<String> {
        let list = list.as_array().expect("a list").iter();
        list.map(|it| it["at"].as_str().expect("a place").to_owned()).collect()
    };
    assert_eq!(places(&report["flows"]["unreadable"]), ["-:5:1", "-:7:26"]);
    assert_eq!(places(&report["flows"]["unmatched"]), ["-:4:1", "-:6:1"]);
    assert_eq!(report["notEvaluated"].as_array().map(Vec::len), Some(4), "{report:#}");
    assert_eq!(spec(&report, "netpolcheck-api")["ingress"][0]["ports"][0]["port"], 8080);
    assert!(report["findings"].as_array().expect("findings").iter().any(|it| it["id"] == "no-dns"));
    let (report, _) = suggest(&["--flow", "shop/web shop/api:80", "--dns"], "");
    assert_eq!(spec(&report, "netpolcheck-web")["egress"].as_array().map(Vec::len), Some(2), "{report:#}");
    // With -A those namespaces get policies that flows touch: where none leads nothing is denied.
    let args = ["suggest", "-f", SAMPLE, "-A", "--flow", "shop/web shop/api:http", "-o", "json"];
    let report: Value = serde_json::from_slice(&run(&args, "").stdout).expect("a report");
    assert_eq!(report["namespaces"], serde_json::json!(["shop"]));
    // Nothing but mistakes is no list at all, and what is wrong on the command line is a mistake of usage.
    for (args, code) in [
        (&["--flows", "-"][..], 3),
        (&["--flow", "shop/web"], 2),
        (&["--flow", "a b:0"], 2),
        (&[], 2),
        (&["--flows", "/nonexistent/flows"], 3),
    ] {
        let output = run(&[&["suggest", "-f", SAMPLE, "-n", "shop"], args].concat(), "only-one-word\n");
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(run(&["suggest", "-f", SAMPLE, "--default-deny", "-n", "nowhere"], "").status.code(), Some(3));
}

#[test]
fn what_another_policy_denies_is_not_proved() {
    // An address that the Admin tier denies, and a namespace that is not among the chosen and lets nobody else in.
    // What touches none of the chosen namespaces is no matter of theirs.
    let (report, code) =
        suggest(&["--flow", "shop/web shop/api:http", "--flow", "monitoring/prometheus data/db:1"], "");
    assert_eq!((report["flows"]["elsewhere"].as_u64(), code), (Some(1), Some(0)), "{report:#}");
    for flow in ["shop/batch 169.254.169.254:80", "shop/web data/db:5432"] {
        let (report, code) = suggest(&["--flow", flow], "");
        assert_eq!((report["summary"]["verdict"].as_str(), code), (Some("not-proved"), Some(1)), "{report:#}");
        let missing = &report["proof"]["missing"][0];
        assert!(missing["why"][0].as_str().is_some_and(|why| !why.is_empty()), "{missing:#}");
        assert_eq!(report["findings"][0]["id"], "flow-not-allowed");
    }
    // Whoever isolates the DNS's own namespace takes it from all others.
    let args = ["suggest", "-f", SAMPLE, "-n", "kube-system", "--default-deny", "-o", "json"];
    let output = run(&args, "");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!((report["findings"][0]["id"].as_str(), output.status.code()), (Some("dns-out-of-reach"), Some(1)));
    // A policy that is not evaluated leaves open what holds for its pods.
    let foreign = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: c, namespace: shop}\n\
                   spec: {endpointSelector: {}}\n";
    let (report, code) = suggest(&["-f", "-", "--flow", "shop/web shop/api:80"], foreign);
    assert_eq!((report["summary"]["verdict"].as_str(), code), (Some("cannot-tell"), Some(4)), "{report:#}");
}

#[test]
fn what_may_run_on_a_pods_own_node_is_no_matter_of_policies() {
    // From manifests nobody knows on which node a pod will be.
    let agent = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: agent, namespace: b}\n\
                 spec: {template: {metadata: {labels: {app: agent}}, spec: {hostNetwork: true, containers: [{name: c}]}}}\n";
    let input = format!("{agent}{}", workloads(&[("one", "app: x"), ("two", "app: y")]));
    for wanted in [&["--today"][..], &["--flow", "a/one a/two:80"]] {
        let output = run(&[&["suggest", "-f", "-", "-n", "a", "-o", "json"], wanted].concat(), &input);
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        assert_eq!(report["proof"]["beyond"], serde_json::json!([]), "{report:#}");
        assert_eq!((report["summary"]["verdict"].as_str(), output.status.code()), (Some("proved"), Some(0)));
    }
}

fn workloads(pods: &[(&str, &str)]) -> String {
    let pod = |(name, labels): &(&str, &str)| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}-0, namespace: a, labels: {{{labels}}}, \
             ownerReferences: [{{kind: StatefulSet, name: {name}, apiVersion: apps/v1, uid: u, controller: true}}]}}\n\
             spec: {{containers: [{{name: c}}]}}\n"
        )
    };
    pods.iter().map(pod).collect()
}

#[test]
fn selectors_last_and_mean_nobody_else() {
    let selector = |pods: &[(&str, &str)]| {
        let output =
            run(&["suggest", "-f", "-", "-n", "a", "--flow", "a/one a/two:80", "-o", "json"], &workloads(pods));
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        let others = report["findings"].as_array().expect("findings").iter().filter(|it| it["id"] == "selects-others");
        (spec(&report, "netpolcheck-one")["podSelector"].clone(), others.count(), report)
    };
    // A hash is never taken, though it would do.
    let (one, others, _) = selector(&[("one", "app: x, tier: a, pod-template-hash: h1"), ("two", "app: x, tier: b")]);
    assert_eq!((one, others), (serde_json::json!({"matchLabels": {"tier": "a"}}), 0));
    // Two labels, where one does not do.
    let three = [("one", "app: x, tier: a"), ("two", "app: x, tier: b"), ("three", "app: y, tier: a")];
    assert_eq!(selector(&three).0, serde_json::json!({"matchLabels": {"app": "x", "tier": "a"}}));
    // What the other has and this one has not.
    let (one, others, _) = selector(&[("one", "app: x"), ("two", "app: x, track: canary")]);
    let expected = serde_json::json!({"matchLabels": {"app": "x"},
        "matchExpressions": [{"key": "track", "operator": "DoesNotExist"}]});
    assert_eq!((one, others), (expected, 0));
    // A version goes with the next rollout.
    assert_eq!(selector(&[("one", "app: x, version: v1"), ("two", "app: x, version: v2")]).1, 2);
    // Nothing tells them apart: both are selected, and that is said.
    let (one, others, report) = selector(&[("one", "app: x"), ("two", "app: x"), ("three", "app: z")]);
    assert_eq!((one, others), (serde_json::json!({"matchLabels": {"app": "x"}}), 2), "{report:#}");
    let beyond = report["proof"]["beyond"].as_array().expect("a list");
    assert!(beyond.iter().any(|it| it["from"]["name"] == "two" && it["to"]["name"] == "one"), "{report:#}");
}
