//! `kubectl secpatch plan` on the sample cluster, held against facts that were worked out by hand.
//!
//! The sample: a kubeadm cluster of three zones whose API servers run 1.31.4, with kubelets of 1.31.4 (control plane),
//! 1.30.6 (system pool, one Windows node) and 1.29.9 with a vendor's suffix (pool web). The plan is made as of
//! 23 November 2026.

use std::{
    collections::BTreeMap,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/old-minor");

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kubectl-secpatch"))
        .args(args)
        .env_remove("KUBECONFIG")
        .env("HOME", "/nonexistent")
        .env("PATCHKIT_CACHE_DIR", "/nonexistent")
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs")
}

fn plan(more: &[&str]) -> Value {
    let mut args = vec!["plan", "-f", SAMPLE, "-o", "json"];
    if !more.contains(&"--as-of") {
        args.extend(["--as-of", "2026-11-23T10:00:00Z"]);
    }
    args.extend(more);
    let output = run(&args);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn every_report_is_what_its_schema_says() {
    for more in [&[][..], &["--target", "latest"], &["--target", "1.30"], &["--rehearsed-in", SAMPLE]] {
        patchkit_test_support::assert_valid(&plan(more));
    }
    let output = run(&["data", "show", "-o", "json"]);
    patchkit_test_support::assert_valid(&serde_json::from_slice(&output.stdout).unwrap());
}

fn texts<'v>(list: &'v Value, field: &str) -> Vec<&'v str> {
    list.as_array().expect("a list").iter().map(|item| item[field].as_str().unwrap_or_default()).collect()
}

#[test]
fn the_envelope_says_what_it_is() {
    let report = plan(&[]);
    assert_eq!(report["apiVersion"], "patchkit/v1");
    assert_eq!(report["kind"], "PlanReport");
    assert_eq!(report["metadata"]["command"], "kubectl secpatch plan");
    assert_eq!(report["metadata"]["generatedAt"], "2026-11-23T10:00:00Z");
    assert_eq!(report["metadata"]["source"]["kind"], "files");
    assert_eq!(report["summary"]["verdict"], "urgent");
    let counted: u64 = report["summary"]["counts"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(counted as usize, report["findings"].as_array().unwrap().len());
}

#[test]
fn components_have_their_end_of_life_by_date() {
    let report = plan(&[]);
    let by_version: BTreeMap<(String, String), &Value> = report["plan"]["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            let text = |field: &str| line[field].as_str().unwrap().to_owned();
            ((text("component"), text("version")), line)
        })
        .collect();
    for (component, version, count, end, days, vendor) in [
        // The schedule of the Kubernetes project; days from 23 November 2026.
        ("kube-apiserver", "v1.31.4", 3, "2025-11-11", -377, false),
        ("kubelet", "v1.31.4", 3, "2025-11-11", -377, false),
        ("kubelet", "v1.30.6", 4, "2025-07-15", -496, false),
        ("kubelet", "v1.29.9-acme.2", 6, "2025-02-28", -633, true),
        ("kube-proxy", "v1.31.4", 12, "2025-11-11", -377, false),
        // containerd's own branches.
        ("containerd", "2.0.4", 3, "2027-03-01", 98, false),
    ] {
        let line = by_version[&(component.to_owned(), version.to_owned())];
        assert_eq!(line["count"], count, "{component} {version}");
        assert_eq!(line["endOfLife"], end, "{component} {version}");
        assert_eq!(line["daysLeft"], days, "{component} {version}");
        assert_eq!(line["vendor"], vendor, "{component} {version}");
        assert_eq!(line["skew"].as_array().unwrap().len(), 0, "two minors behind is within the policy");
    }
    assert_eq!(by_version.keys().filter(|(component, _)| component == "kubelet").count(), 3);
}

#[test]
fn hops_go_one_minor_at_a_time_to_the_oldest_minor_that_lasts() {
    let report = plan(&[]);
    let plan = &report["plan"];
    assert_eq!(plan["current"], "v1.31.4");
    // 1.34 ended on 27 October 2026; 1.35 lasts until 28 February 2027, which is 97 days.
    assert_eq!(plan["target"], "v1.35.10");
    assert_eq!(texts(&plan["hops"], "from"), ["v1.31.4", "v1.31.14", "v1.32.13", "v1.33.13", "v1.34.13"]);
    assert_eq!(texts(&plan["hops"], "to"), ["v1.31.14", "v1.32.13", "v1.33.13", "v1.34.13", "v1.35.10"]);
    assert_eq!(texts(&plan["hops"], "kind"), ["patch", "minor", "minor", "minor", "minor"]);
    // CVE-2024-9042 is fixed in 1.31.5, CVE-2025-0426 in 1.31.6, CVE-2025-5187 in 1.31.12.
    assert_eq!(plan["hops"][0]["fixes"], serde_json::json!(["CVE-2024-9042", "CVE-2025-0426", "CVE-2025-5187"]));
}

#[test]
fn kubelets_move_before_a_hop_would_leave_them_behind() {
    let report = plan(&[]);
    let first: Vec<Vec<&str>> = report["plan"]["hops"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hop| hop["kubeletsFirst"].as_array().unwrap().iter().map(|node| node.as_str().unwrap()).collect())
        .collect();
    // 1.29 is three behind 1.32 and four behind 1.33; 1.30 is three behind 1.33 and four behind 1.34.
    assert_eq!(first[0], Vec::<&str>::new());
    assert_eq!(first[1], Vec::<&str>::new());
    assert_eq!(first[2], ["web-1", "web-2", "web-3", "web-4", "web-5", "web-6"]);
    assert_eq!(first[3], ["system-a", "system-b", "system-c", "win-1"]);
    assert_eq!(first[4], Vec::<&str>::new());
}

#[test]
fn removed_apis_are_found_in_what_was_applied_last() {
    let report = plan(&[]);
    let used: Vec<(&str, &str, &str, &str)> = report["plan"]["hops"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|hop| hop["removes"].as_array().unwrap())
        .flat_map(|api| {
            api["users"].as_array().unwrap().iter().map(move |user| {
                (
                    api["apiVersion"].as_str().unwrap(),
                    api["removedIn"].as_str().unwrap(),
                    user["object"]["name"].as_str().unwrap(),
                    user["seenIn"].as_str().unwrap(),
                )
            })
        })
        .collect();
    assert_eq!(
        used,
        [
            ("flowcontrol.apiserver.k8s.io/v1beta3", "1.32", "shop-controllers", "last-applied"),
            ("admissionregistration.k8s.io/v1beta1", "1.34", "replicas-limit", "last-applied"),
        ]
    );
    let finding = report["findings"].as_array().unwrap().iter().find(|finding| finding["id"] == "api-removed").unwrap();
    let file = finding["source"]["file"].as_str().unwrap();
    let line = finding["source"]["line"].as_u64().unwrap();
    assert!(file.ends_with("policies.yaml"));
    let text = std::fs::read_to_string(file).unwrap();
    assert!(
        text.lines().nth(line as usize - 1).unwrap().starts_with("apiVersion:"),
        "the line on which the object begins"
    );
}

#[test]
fn the_checklist_says_what_is_in_the_way() {
    let report = plan(&[]);
    let status: BTreeMap<&str, &str> = report["plan"]["checklist"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["id"].as_str().unwrap(), line["status"].as_str().unwrap()))
        .collect();
    for (id, expected) in [
        ("removed-apis", "fail"),
        ("version-skew", "pass"),
        ("aggregated-apis", "unknown"),      // the sample holds no APIServices
        ("frozen-registry", "fail"),         // an init container of shop/front
        ("webhooks-unserved", "fail"),       // guard: a slice without endpoints
        ("budgets-never-allow", "fail"),     // shop/api: two of two must stay
        ("single-replica", "warn"),          // shop/cart
        ("readiness-probes", "warn"),        // shop/cart
        ("stateful-without-budget", "warn"), // shop/db
        ("workloads-not-ready", "pass"),
        ("nodes-not-ready", "pass"),
        ("node-images", "warn"),
        ("capacity", "pass"),
        ("pod-addresses", "pass"), // 13 of the 256 parts of 10.244.0.0/16 are given out
        ("quotas", "pass"),
    ] {
        assert_eq!(status.get(id), Some(&expected), "{id}");
    }
    assert_eq!(status.len(), 15);
}

#[test]
fn steps_are_in_order_with_surge_and_batches() {
    let report = plan(&["--window", "Sat 02:00-06:00 Europe/Paris"]);
    let steps = report["plan"]["steps"].as_array().unwrap();
    let seen: Vec<(u64, &str, &str, &str, u64, u64)> = steps
        .iter()
        .map(|step| {
            (
                step["number"].as_u64().unwrap(),
                step["phase"].as_str().unwrap(),
                step["pool"].as_str().unwrap_or_default(),
                step["to"].as_str().unwrap(),
                step["surge"].as_u64().unwrap(),
                step["batches"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (1, "control-plane", "", "v1.31.14", 0, 3),
            (2, "control-plane", "", "v1.32.13", 0, 3),
            // 33% of 6 is 1.98, rounded up 2; three zones want a multiple of three, and one node a zone is the least.
            (3, "user-pool", "web", "v1.32.13", 3, 2),
            (4, "control-plane", "", "v1.33.13", 0, 3),
            (5, "system-pool", "system", "v1.33.13", 3, 1),
            (6, "user-pool", "windows", "v1.33.13", 1, 1),
            (7, "control-plane", "", "v1.34.13", 0, 3),
            (8, "control-plane", "", "v1.35.10", 0, 3),
            (9, "system-pool", "system", "v1.35.10", 3, 1),
            (10, "user-pool", "web", "v1.35.10", 3, 2),
            (11, "user-pool", "windows", "v1.35.10", 1, 1),
        ]
    );
    // Paris is at UTC+1 in winter: Saturday 02:00 is 01:00 UTC. Each step has a window of its own.
    assert_eq!(steps[0]["notBefore"], "2026-11-28T01:00:00Z");
    assert_eq!(steps[1]["notBefore"], "2026-12-05T01:00:00Z");
    // Zone after zone, so that no zone is emptied before the others.
    assert_eq!(steps[2]["nodes"], serde_json::json!(["web-1", "web-2", "web-3", "web-4", "web-5", "web-6"]));
    let commands = steps[9]["commands"].to_string();
    assert!(commands.contains("kubectl drainsafe pool -l node.kubernetes.io/pool=web --to-version v1.35.10 --surge 3"));
}

#[test]
fn windows_follow_daylight_saving() {
    // On 28 March 2027 clocks in Paris go from 02:00 to 03:00; before it 02:30 is 01:30 UTC, after it 00:30 UTC.
    let starts = |day: &str| {
        let report = plan(&["--as-of", day, "--window", "daily 03:30-05:00 Europe/Paris", "--target", "latest-patch"]);
        report["plan"]["steps"][0]["notBefore"].as_str().unwrap().to_owned()
    };
    assert_eq!(starts("2027-03-27"), "2027-03-27T02:30:00Z");
    assert_eq!(starts("2027-03-28"), "2027-03-28T01:30:00Z");
}

#[test]
fn targets_can_be_chosen() {
    for (target, expected) in
        [("latest-patch", "v1.31.14"), ("1.33", "v1.33.13"), ("latest", "v1.37.2"), ("v1.34.12", "v1.34.12")]
    {
        assert_eq!(plan(&["--target", target])["plan"]["target"], expected, "{target}");
    }
    let older = plan(&["--target", "1.30"]);
    assert_eq!(older["plan"]["target"], Value::Null);
    assert!(older["notEvaluated"].to_string().contains("cannot go back"));
    let output = run(&["plan", "-f", SAMPLE, "--target", "next"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is no target"));
}

#[test]
fn exit_codes_are_those_of_the_contract() {
    let code = |args: &[&str]| run(args).status.code();
    assert_eq!(code(&["plan", "-f", SAMPLE, "--as-of", "2026-11-23"]), Some(1), "findings of severity high");
    let all = ["plan", "-f", SAMPLE, "--as-of", "2026-11-23", "--fail-on", "none"];
    assert_eq!(code(&all), Some(0), "what is hidden from everybody makes it no partial one");
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.yaml");
    std::fs::write(&broken, "apiVersion: v1\nkind: [Pod\n").unwrap();
    assert_eq!(code(&[&all[..], &["-f", broken.to_str().unwrap()]].concat()), Some(4), "partly read");
    assert_eq!(code(&["plan", "--no-such-flag"]), Some(2));
    assert_eq!(code(&["plan", "-f", "/nonexistent"]), Some(3), "nothing to read");
    assert_eq!(code(&["plan", "--offline"]), Some(2), "--offline needs files");
    assert_eq!(code(&["plan"]), Some(3), "no cluster to ask");
}

#[test]
fn a_rehearsal_is_held_against_the_cluster() {
    let report = plan(&["--rehearsed-in", SAMPLE]);
    let rehearsal = &report["plan"]["rehearsal"];
    assert_eq!(rehearsal["version"], "v1.31.4");
    assert_eq!(rehearsal["runsTarget"], "no");
    assert_eq!(rehearsal["notCovered"], serde_json::json!([]), "a cluster covers itself");
}

#[test]
fn terraform_gets_its_variables() {
    let output = run(&["plan", "-f", SAMPLE, "--as-of", "2026-11-23", "-o", "tfvars"]);
    let variables: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(variables["kubernetes_version"], "1.35.10");
    assert_eq!(variables["kubernetes_next_version"], "1.31.14");
    assert_eq!(variables["node_pools"]["web"]["max_surge"], 3);
    assert_eq!(variables["node_pools"]["web"]["version"], "1.35.10");
}

#[test]
fn the_same_input_gives_the_same_plan() {
    let once = run(&["plan", "-f", SAMPLE, "--as-of", "2026-11-23", "-o", "json"]).stdout;
    let again = run(&["plan", "-f", SAMPLE, "--as-of", "2026-11-23", "-o", "json"]).stdout;
    assert_eq!(once, again);
}
