//! The truth tables of the e2e suite for network policies: 60 steps on nine pods, each with its policies and the
//! verdict for every pair, direction and port (`shared/oracles/netpol-truth`).
//!
//! `cargo test -p kubectl-netpolcheck --test truth -- --nocapture` prints how many verdicts were compared.

#![allow(clippy::print_stdout, reason = "the counts are what the run is for")]

mod table;

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
};

use kubectl_netpolcheck::{
    address::Family,
    can::{self, PortWish, Question},
    engine::Analysis,
    foreign::Foreign,
    policy::Direction,
    profile::Profile,
    who::Who,
    world::PodId,
};
use patchkit::snapshot::files;
use serde_json::Value;

use table::Table;

/// The place of each pod by `namespace/name`.
fn pod(analysis: &Analysis<'_>, path: &str) -> PodId {
    let place = analysis.world.pods.iter().position(|pod| pod.meta.path() == path).expect("the pod is in the input");
    PodId(u32::try_from(place).unwrap())
}

#[test]
fn every_verdict_of_the_engine_is_the_tables() {
    let Some(table) = Table::read() else { return };
    let mut compared = 0;
    let mut wrong = Vec::new();
    for step in &table.steps {
        let text = table.manifests(step);
        let snapshot = files::from_files(&["-".to_owned()], false, text.as_bytes(), |_| {}).expect("manifests");
        assert_eq!(snapshot.not_evaluated, [], "{}", step.case);
        let analysis = Analysis::of(&snapshot, Profile::Strict);
        for (pair, expected) in table.pairs(step) {
            let (from, to) = (pod(&analysis, pair.from), pod(&analysis, pair.to));
            let (from, to) = (analysis.class_of(from), analysis.class_of(to));
            let sides = [
                analysis.ports_in(Direction::Ingress, from, to, Family::V4),
                analysis.ports_in(Direction::Egress, from, to, Family::V4),
                analysis.ports_between(from, to, Family::V4),
            ];
            for (ports, expected) in sides.iter().zip(expected) {
                for ((protocol, port), allowed) in table.columns().zip(expected) {
                    compared += 1;
                    let certain = ports.certain.contains(protocol, port);
                    let possible = ports.possible.contains(protocol, port);
                    if certain != allowed || possible != allowed {
                        wrong.push(format!(
                            "{}: {} > {} {protocol}/{port} {certain} {possible} {allowed}",
                            step.case, pair.from, pair.to
                        ));
                    }
                }
            }
        }
    }
    println!("netpol-truth, engine: {} steps, {compared} verdicts compared, {} wrong", table.steps.len(), wrong.len());
    assert!(wrong.is_empty(), "{} wrong, such as {:?}", wrong.len(), &wrong[..wrong.len().min(10)]);
    assert!(compared > 0);
}

/// Runs the program over manifests, and gives its report and exit code.
fn run(args: &[&str], manifests: &str) -> (Value, Option<i32>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kubectl-netpolcheck"))
        .args(args)
        .args(["-f", "-", "-o", "json"])
        .env_remove("KUBECONFIG")
        .env("HOME", "/nonexistent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child.stdin.take().expect("standard input").write_all(manifests.as_bytes()).expect("manifests are read");
    let output = child.wait_with_output().expect("an answer");
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {args:?}"));
    patchkit_test_support::assert_valid(&report);
    (report, output.status.code())
}

#[test]
fn every_answer_of_can_is_the_tables() {
    let Some(table) = Table::read() else { return };
    let (mut compared, mut wrong) = (0, Vec::new());
    for step in &table.steps {
        let text = table.manifests(step);
        let snapshot = files::from_files(&["-".to_owned()], false, text.as_bytes(), |_| {}).expect("manifests");
        let analysis = Analysis::of(&snapshot, Profile::Strict);
        let foreign = Foreign::of(&snapshot, &analysis.world);
        for (pair, [ingress, egress, both]) in table.pairs(step) {
            let who = |path: &str| Who::parse(path, "default", |_| false).unwrap();
            for (place, (protocol, port)) in table.columns().enumerate() {
                let port: Option<PortWish> = can::split_port(&format!("x:{port}/{protocol}")).unwrap().1;
                let question =
                    Question::resolve(&analysis, who(pair.from), who(pair.to), port).expect("both are there");
                let decision = can::answer(&analysis, &foreign, &question, Profile::Strict);
                let section = can::section(&analysis, &question, &decision, false);
                let yes = |allowed: bool| if allowed { "yes" } else { "no" };
                compared += 3;
                let expected = [yes(ingress[place]), yes(egress[place]), yes(both[place])];
                let found = [&section["ingress"]["allowed"], &section["egress"]["allowed"], &section["allowed"]];
                if found != expected {
                    wrong.push(format!("{}: {} > {} {protocol}: {section}", step.case, pair.from, pair.to));
                }
            }
        }
    }
    println!("netpol-truth, can: {} steps, {compared} verdicts compared, {} wrong", table.steps.len(), wrong.len());
    assert!(wrong.is_empty(), "{} wrong, such as {:?}", wrong.len(), &wrong[..wrong.len().min(3)]);
}

#[test]
fn the_program_says_the_same_of_pairs_and_of_all_pods() {
    let Some(table) = Table::read() else { return };
    let (mut compared, mut wrong) = (0, Vec::new());
    for (number, step) in table.steps.iter().enumerate() {
        let text = table.manifests(step);
        let (map, code) = run(&["map", "--pods", "--profile", "strict"], &text);
        assert_eq!(code, Some(0), "{}", step.case);
        let mut open: BTreeMap<(String, String), Vec<Value>> = BTreeMap::new();
        for connection in map["connections"].as_array().expect("connections") {
            let path = |peer: &Value| {
                format!(
                    "{}/{}",
                    peer["namespace"].as_str().unwrap_or_default(),
                    peer["name"].as_str().unwrap_or_default()
                )
            };
            let key = (path(&connection["from"]), path(&connection["to"]));
            open.entry(key).or_default().extend(connection["ports"].as_array().expect("ports").iter().cloned());
        }
        for (place, (pair, [.., both])) in table.pairs(step).enumerate() {
            let ports = open.get(&(pair.from.to_owned(), pair.to.to_owned())).cloned().unwrap_or_default();
            for ((protocol, port), allowed) in table.columns().zip(&both) {
                let range = |it: &Value| it["port"].as_u64().unwrap()..=it["endPort"].as_u64().unwrap();
                let found =
                    ports.iter().any(|it| it["protocol"] == protocol.as_str() && range(it).contains(&port.into()));
                compared += 1;
                if found != *allowed {
                    wrong.push(format!("{}: {} > {} {protocol}/{port}", step.case, pair.from, pair.to));
                }
            }
            // One pair of each step by the other command too.
            if place == number % 70 {
                let (protocol, port) = table.columns().nth(2).expect("six columns");
                let to = format!("{}:{port}/{protocol}", pair.to);
                let (report, code) = run(&["can", pair.from, &to, "--explain", "--all"], &text);
                let expected = if both[2] { ("yes", Some(0)) } else { ("no", Some(1)) };
                assert_eq!((report["decision"]["allowed"].as_str().unwrap(), code), expected, "{}", step.case);
            }
        }
    }
    println!(
        "netpol-truth, map --pods: {} steps, {compared} verdicts compared, {} wrong",
        table.steps.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{} wrong, such as {:?}", wrong.len(), &wrong[..wrong.len().min(10)]);
}
