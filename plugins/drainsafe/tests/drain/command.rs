//! `kubectl drainsafe plan` as a program.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/old-minor");

/// A cluster in which each worker holds something else that makes its drain interesting.
const TRAPS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/drain");

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kubectl-drainsafe"))
        .args(args)
        .env_remove("KUBECONFIG")
        .env("HOME", "/nonexistent")
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs")
}

fn report(args: &[&str], code: i32) -> Value {
    valid(&[&["plan", "-f", SAMPLE, "-o", "json"], args].concat(), code)
}

fn valid(args: &[&str], code: i32) -> Value {
    let output = run(args);
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    let report = serde_json::from_slice(&output.stdout).expect("JSON");
    patchkit_test_support::assert_valid(&report);
    report
}

#[test]
fn the_sample_has_a_node_for_each_verdict() {
    for (node, verdict, code) in [
        ("web-5", "safe", 0),
        ("web-4", "warnings", 0),
        ("web-2", "blocked", 1),
        ("web-1", "not-proven", 4),
        ("cp-a", "blocked", 1),
    ] {
        let plan = report(&[node, "--ignore-daemonsets"], code);
        assert_eq!(plan["drain"]["verdict"], verdict, "{node}: {plan:#}");
        assert_eq!(plan["summary"]["verdict"], verdict);
    }
    let web_2 = report(&["web-2", "--ignore-daemonsets"], 1);
    let api =
        web_2["drain"]["pods"].as_array().expect("pods").iter().find(|pod| pod["budgets"][0] == "api").expect("api");
    assert_eq!((&api["action"], &api["blockedFor"]), (&"blocked".into(), &"never".into()));
}

#[test]
fn every_pod_that_goes_has_a_destination_and_every_other_node_its_filter() {
    let plan = report(&["web-4", "--ignore-daemonsets"], 0);
    let mut going = 0;
    for pod in plan["drain"]["pods"].as_array().expect("pods").iter().filter(|pod| pod["action"] == "evict") {
        going += 1;
        let destination = pod["destination"].as_str().unwrap_or_else(|| panic!("{pod:#}"));
        let rejected: Vec<&str> = pod["rejected"]
            .as_array()
            .expect("rejected")
            .iter()
            .map(|it| it["node"].as_str().expect("a node"))
            .collect();
        assert!(rejected.contains(&"web-4") && rejected.contains(&"cp-a"), "{pod:#}");
        assert!(destination != "web-4" && !rejected.contains(&destination), "{pod:#}");
    }
    assert_eq!(going, 1);
    assert!(plan["drain"]["predictedSeconds"].is_u64() && plan["drain"]["boundBy"].is_string(), "{plan:#}");
}

#[test]
fn the_command_line_is_checked() {
    for (args, code, words) in [
        (&["plan"][..], 2, "required"),
        (&["plan", "web-1", "-l", "a=b"], 2, "cannot be used with"),
        (&["plan", "web-1", "--pod-selector", "a b"], 2, "is no label selector"),
        (&["plan", "web-1", "--complete"], 2, "--filename"),
        (&["plan", "nobody", "-f", SAMPLE], 3, "nodes \"nobody\" not found"),
        (&["plan", "-l", "a=b", "-f", SAMPLE], 3, "no node has the labels"),
    ] {
        let output = run(args);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {told}");
        assert!(told.contains(words), "{args:?}: {told}");
    }
}

#[test]
fn the_verdict_comes_first() {
    let output = run(&["plan", "-f", SAMPLE, "web-2", "--ignore-daemonsets"]);
    let text = String::from_utf8(output.stdout).expect("text");
    let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words:?} is not in {text}"));
    assert!(place("Verdict  blocked") < place("What is in the way"));
    assert!(place("What is in the way") < place("Pods, in the order in which they go"));
}

#[test]
fn check_looks_at_every_node_of_the_sample() {
    let check = valid(&["check", "-f", SAMPLE, "-o", "json"], 1);
    assert_eq!(check["obstacles"]["verdict"], "obstacles");
    assert_eq!(check["obstacles"]["nodes"].as_array().map(Vec::len), Some(13));
    let never =
        check["findings"].as_array().expect("findings").iter().find(|it| it["id"] == "budget-never").expect("api");
    assert_eq!(never["object"]["name"], "api");
    assert_eq!(never["evidence"]["nodes"], serde_json::json!(["web-2", "web-3"]));
}

#[test]
fn the_example_shows_what_it_says() {
    for (line, verdict, code, expected) in [
        ("worker-1", "safe", 0, &[][..]),
        ("worker-2", "blocked", 1, &["budget-never", "job-fails"]),
        ("worker-2 --surge-singletons --wait-completed", "warnings", 0, &["last-endpoints"]),
        ("worker-3", "blocked", 1, &["last-endpoints", "webhook-only-here"]),
        ("worker-4", "blocked", 1, &["pinned-to-node"]),
        (
            "worker-4 --allow-pending",
            "warnings",
            0,
            &["long-grace", "node-local-data", "pinned-to-node", "single-replica"],
        ),
    ] {
        let flags = ["plan", "-f", TRAPS, "--complete", "-o", "json"];
        let args: Vec<&str> = flags.into_iter().chain(line.split(' ')).collect();
        let plan = valid(&args, code);
        assert_eq!(plan["drain"]["verdict"], verdict, "{line}: {plan:#}");
        let ids: std::collections::BTreeSet<&str> =
            plan["findings"].as_array().expect("findings").iter().map(|it| it["id"].as_str().expect("an id")).collect();
        assert_eq!(ids.into_iter().collect::<Vec<_>>(), expected, "{line}: {plan:#}");
    }
    // Every kind that this plan rests on is in the files, so that it needs no promise of their being complete.
    let plan = valid(&["plan", "-f", TRAPS, "-o", "json", "worker-1"], 0);
    assert_eq!(plan["drain"]["verdict"], "safe");
}
