//! `map --profile analyzer` against the answers of netpol-analyzer (`shared/oracles/netpol-analyzer`): every case a
//! folder with its input and the connections that are expected.
//!
//! `cargo test -p kubectl-netpolcheck --test analyzer -- --nocapture` prints how many connections were compared.
#![allow(clippy::print_stdout, reason = "the counts are what the run is for")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// Source, destination (either is empty for addresses), protocol.
type Key = (String, String, String);
/// For each pair and protocol the ports, each with its addresses where one end is outside.
type Connections = BTreeMap<Key, BTreeSet<(u32, u32, u32, u32)>>;

/// From one port to another, with the ranges of addresses.
type Strip = (u32, u32, Vec<(u32, u32)>);

fn oracles() -> Option<PathBuf> {
    let shared = std::env::var_os("PATCHKIT_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from);
    let folder = shared.join("oracles/netpol-analyzer");
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

fn map(input: &Path) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_kubectl-netpolcheck"))
        .args(["map", "-R", "--profile", "analyzer", "-o", "json", "-f"])
        .arg(input)
        .env_remove("KUBECONFIG")
        .env("HOME", "/nonexistent")
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn ip(text: &str) -> u32 {
    text.parse::<std::net::Ipv4Addr>().expect("an address").into()
}

/// One connection, added in the form that both sides are compared in.
fn add(into: &mut Connections, from: &str, to: &str, ranges: &[(u32, u32)], protocol: &str, ports: (u32, u32)) {
    let key = (from.to_owned(), to.to_owned(), protocol.to_owned());
    let of_pair = into.entry(key).or_default();
    for range in ranges {
        of_pair.insert((ports.0, ports.1, range.0, range.1));
    }
}

/// Ports and addresses cut into rectangles that do not touch: the same set is written in one way only.
fn canonical(connections: Connections) -> BTreeMap<Key, Vec<Strip>> {
    connections
        .into_iter()
        .map(|(key, rectangles)| {
            let mut starts: BTreeSet<u32> = BTreeSet::new();
            for (first, last, ..) in &rectangles {
                starts.extend([*first, last + 1]);
            }
            let starts: Vec<u32> = starts.into_iter().collect();
            let mut strips: Vec<Strip> = Vec::new();
            for pair in starts.windows(2) {
                let mut ranges: Vec<(u32, u32)> = Vec::new();
                let mut meant: Vec<(u32, u32)> = rectangles
                    .iter()
                    .filter(|(first, last, ..)| *first <= pair[0] && pair[0] <= *last)
                    .map(|(_, _, low, high)| (*low, *high))
                    .collect();
                meant.sort_unstable();
                for (low, high) in meant {
                    match ranges.last_mut() {
                        Some((_, end)) if low <= end.saturating_add(1) => *end = high.max(*end),
                        _ => ranges.push((low, high)),
                    }
                }
                if ranges.is_empty() {
                    continue;
                }
                match strips.last_mut() {
                    Some((_, end, same)) if *end + 1 == pair[0] && *same == ranges => *end = pair[1] - 1,
                    _ => strips.push((pair[0], pair[1] - 1, ranges)),
                }
            }
            (key, strips)
        })
        .collect()
}

const EVERYWHERE: &[(u32, u32)] = &[(0, u32::MAX)];

/// `src => dst : conn`, as netpol-analyzer prints it. Gives what comes through its `{ingress-controller}` apart.
fn expected(text: &str) -> (Connections, Connections) {
    let (mut connections, mut entering) = (Connections::new(), Connections::new());
    for line in text.lines().filter(|line| line.contains(" => ")) {
        let (ends, conn) = line.rsplit_once(" : ").expect("a connection");
        let (from, to) = ends.split_once(" => ").expect("two ends");
        let end = |text: &str| -> (String, Vec<(u32, u32)>) {
            match text.strip_suffix("[External]") {
                Some(range) => {
                    let (first, last) = range.split_once('-').expect("a range");
                    (String::new(), vec![(ip(first), ip(last))])
                }
                None => (text.split('[').next().unwrap_or_default().to_owned(), EVERYWHERE.to_vec()),
            }
        };
        let ((from, out), (to, into)) = (end(from), end(to));
        let ranges = if from.is_empty() { out } else { into };
        let list = if from == "{ingress-controller}" { &mut entering } else { &mut connections };
        if conn == "All Connections" {
            for protocol in ["SCTP", "TCP", "UDP"] {
                add(list, &from, &to, &ranges, protocol, (1, 65535));
            }
            continue;
        }
        let mut protocol = "";
        for part in conn.split(',') {
            let ports = match part.split_once(' ') {
                Some((named, ports)) => {
                    protocol = named;
                    ports
                }
                None => part,
            };
            let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
            add(list, &from, &to, &ranges, protocol, (first.parse().unwrap(), last.parse().unwrap()));
        }
    }
    (connections, entering)
}

fn name(peer: &Value) -> String {
    match peer["name"].as_str() {
        Some(name) => format!("{}/{name}", peer["namespace"].as_str().expect("a namespace")),
        None => String::new(),
    }
}

fn ranges(peer: &Value) -> Vec<(u32, u32)> {
    let list = peer["ranges"].as_array().expect("ranges");
    list.iter().map(|range| range.as_str().unwrap().split_once('-').map(|(a, b)| (ip(a), ip(b))).unwrap()).collect()
}

fn found(report: &Value) -> (Connections, Connections) {
    let (mut connections, mut entering) = (Connections::new(), Connections::new());
    let ports = |entry: &Value, give: &mut dyn FnMut(&str, (u32, u32))| {
        for port in entry["ports"].as_array().expect("ports") {
            let number = |name: &str| u32::try_from(port[name].as_u64().expect("a port")).unwrap();
            give(port["protocol"].as_str().unwrap(), (number("port"), number("endPort")));
        }
    };
    for connection in report["connections"].as_array().expect("connections") {
        let (from, to) = (name(&connection["from"]), name(&connection["to"]));
        let outside = [&connection["from"], &connection["to"]].into_iter().find(|peer| peer["kind"] == "IPBlock");
        let ranges = outside.map_or(EVERYWHERE.to_vec(), ranges);
        ports(connection, &mut |protocol, both| add(&mut connections, &from, &to, &ranges, protocol, both));
    }
    for entrance in report["entrances"].as_array().expect("entrances") {
        if entrance["from"]["kind"] != "Service" && entrance["allowed"] != "no" {
            let to = name(&entrance["to"]);
            ports(entrance, &mut |protocol, both| {
                add(&mut entering, "{ingress-controller}", &to, EVERYWHERE, protocol, both);
            });
        }
    }
    (connections, entering)
}

#[test]
fn every_case_has_the_connections_of_netpol_analyzer() {
    let Some(folder) = oracles() else { return };
    let mut cases: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let (mut right, mut lines) = (0, 0);
    let mut wrong = Vec::new();
    for case in &cases {
        let text = fs::read_to_string(case.join("expected.txt")).expect("what is expected");
        let report = map(&case.join("input"));
        patchkit_test_support::assert_valid(&report);
        let ((expected, through), (found, entering)) = (expected(&text), found(&report));
        lines += text.lines().filter(|line| line.contains(" => ")).count();
        let (expected, found) = (canonical(expected), canonical(found));
        let mut differs: Vec<String> = Vec::new();
        for key in expected.keys().chain(found.keys()).collect::<BTreeSet<_>>() {
            if expected.get(key) != found.get(key) {
                differs.push(format!("{key:?}: expected {:?}, found {:?}", expected.get(key), found.get(key)));
            }
        }
        // Which controller serves an entrance is not known to either; what it may use is.
        for (key, ports) in canonical(through) {
            if canonical(entering.clone()).get(&key) != Some(&ports) {
                differs.push(format!("{key:?}: no such entrance, of {entering:?}"));
            }
        }
        right += usize::from(differs.is_empty());
        let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !differs.is_empty() {
            wrong.push(format!("{name}: {} differ, such as {:#?}", differs.len(), &differs[..differs.len().min(4)]));
        }
    }
    println!("netpol-analyzer: {right} of {} cases right, {lines} expected lines", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(right > 0);
}
