//! Public collections of real objects, read without a problem. They stand beside the repository; where they are
//! missing, these tests say so and pass.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use patchkit::snapshot::files::from_files;

use crate::{problems, read};

/// The folder of the public files, where it is there.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn shared(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PATCHKIT_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = root.join(folder);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: {} is not there", path.display());
    None
}

/// Reads a folder with all its folders.
fn whole_folder(path: &Path) -> patchkit::snapshot::Snapshot {
    from_files(&[path.display().to_string()], true, std::io::empty(), |_| {}).unwrap()
}

#[test]
fn the_inputs_of_the_network_policy_analyzer_are_read() {
    let Some(folder) = shared("oracles/netpol-analyzer") else { return };
    let snapshot = whole_folder(&folder);
    // Its own answers, and notes on a test, lie among the inputs.
    let wrong: Vec<_> =
        problems(&snapshot).into_iter().filter(|problem| !problem.contains("connlist_output.json")).collect();
    assert_eq!(wrong, Vec::<String>::new());
    assert!(snapshot.network_policies.len() > 20 && snapshot.pods.len() + snapshot.workloads.len() > 100);
}

#[test]
fn the_fixtures_of_pod_security_are_read() {
    let Some(folder) = shared("oracles/pod-security") else { return };
    let snapshot = whole_folder(&folder);
    assert_eq!(problems(&snapshot), Vec::<String>::new());
    assert!(!snapshot.pods.is_empty());
}

#[test]
fn the_objects_of_the_scheduler_are_read() {
    let Some(folder) = shared("oracles/scheduler") else { return };
    let mut text = Vec::new();
    let file = std::fs::File::open(folder.join("cases.json.gz")).unwrap();
    flate2::read::GzDecoder::new(file).read_to_end(&mut text).unwrap();
    let cases: serde_json::Value = serde_json::from_slice(&text).unwrap();
    for case in cases["cases"].as_array().unwrap() {
        let snapshot = read(case["objects"].to_string());
        assert_eq!(problems(&snapshot), Vec::<String>::new(), "{}", case["name"]);
        assert!(!snapshot.nodes.is_empty());
    }
}

#[test]
fn the_policies_of_the_conformance_cases_are_read() {
    let Some(folder) = shared("oracles/netpol-truth") else { return };
    let text = std::fs::read(folder.join("cases.json")).unwrap();
    let cases: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let mut read_policies = 0;
    for step in cases["steps"].as_array().unwrap() {
        for policy in step["policies"].as_array().into_iter().flatten() {
            // Some of them leave out what they are.
            // The last one has the suite's summary behind it, after an empty line.
            let text = policy.as_str().unwrap().split("\n\n").next().unwrap_or_default();
            let header = if text.contains("kind: NetworkPolicy") {
                ""
            } else {
                "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
            };
            let snapshot = read(format!("{header}{text}"));
            assert_eq!(problems(&snapshot), Vec::<String>::new(), "{policy}");
            read_policies += snapshot.network_policies.len();
        }
    }
    assert!(read_policies > 50);
}
