//! The Pod Security Standards, held against the public fixtures of `k8s.io/pod-security-admission`: each file is a pod
//! that its level and version allow, or that violates exactly the check that it is named after.
//!
//! `cargo test -p kubectl-secpatch --test pod_security -- --nocapture` prints how many were judged. The fixtures of
//! every version lie in `test/testdata` of that Go module; `POD_SECURITY_FIXTURES` names such a folder.

#![allow(clippy::print_stdout, reason = "the count of what was judged")]

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use kubectl_secpatch::{
    fix::{
        self, Answers, Options,
        merge::{merge, reverse},
    },
    pod_security::{CHECKS, Level, PolicyVersion, Subject, active, evaluate},
};
use patchkit::{
    rules::{Labels, PodSpec},
    snapshot::{Snapshot, files::from_files},
};
use serde_json::Value;

/// A fixture: what it is called, and what must come of it.
struct Fixture {
    path: PathBuf,
    level: Level,
    version: PolicyVersion,
    passes: bool,
}

/// `oracles/pod-security` of the folder `shared` beside the repository, or another folder of the same shape.
fn folder() -> Option<PathBuf> {
    let folder = env::var_os("POD_SECURITY_FIXTURES").map(PathBuf::from).unwrap_or_else(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let shared = env::var_os("PATCHKIT_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
        shared.join("oracles/pod-security")
    });
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

fn fixtures() -> Vec<Fixture> {
    let Some(folder) = folder() else { return Vec::new() };
    let mut found = Vec::new();
    for level in [Level::Baseline, Level::Restricted] {
        for versioned in entries(&folder.join(level.as_str())) {
            let version: PolicyVersion = versioned.file_name().unwrap().to_str().unwrap().parse().unwrap();
            for (outcome, passes) in [("pass", true), ("fail", false)] {
                let files = entries(&versioned.join(outcome));
                found.extend(files.into_iter().map(|path| Fixture { path, level, version, passes }));
            }
        }
    }
    assert!(!found.is_empty(), "no fixtures in {}", folder.display());
    found
}

fn read(path: &Path) -> Snapshot {
    let paths = [path.to_str().unwrap().to_owned()];
    let snapshot = from_files(&paths, false, std::io::empty(), |_| {}).unwrap();
    assert!(snapshot.not_evaluated.is_empty(), "{:?}", snapshot.not_evaluated);
    assert_eq!(snapshot.pods.len(), 1, "{}", path.display());
    snapshot
}

/// The check that a fixture is named after, or the one that replaces it at this level and version.
fn expected(fixture: &Fixture) -> &'static str {
    let stem = fixture.path.file_stem().unwrap().to_str().unwrap();
    let name = stem.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let named =
        CHECKS.iter().find(|check| check.id.to_lowercase() == name).unwrap_or_else(|| panic!("no check {name}"));
    let active: Vec<_> = active(fixture.level, fixture.version).collect();
    active
        .iter()
        .find(|check| check.id == named.id || check.replaces == Some(named.id))
        .unwrap_or_else(|| panic!("{name} is not asked for by {} {}", fixture.level, fixture.version))
        .id
}

/// What a fixture violates beside the check that it is named after: host processes need the node's network, privileged
/// containers cannot refuse to gain rights, and one fixture lacks the security context as a whole.
const COMPANIONS: &[(&str, &str)] = &[
    ("windowshostprocess", "hostNamespaces"),
    ("privileged", "allowPrivilegeEscalation"),
    ("allowprivilegeescalation3", "capabilities_restricted"),
];

fn is_companion(fixture: &Fixture, check: &str) -> bool {
    let stem = fixture.path.file_stem().unwrap().to_str().unwrap();
    COMPANIONS.iter().any(|(fixture, companion)| stem.starts_with(fixture) && check == *companion)
}

#[test]
fn every_fixture_is_judged_right_at_its_version() {
    let fixtures = fixtures();
    let mut wrong = Vec::new();
    for fixture in &fixtures {
        let snapshot = read(&fixture.path);
        let pod = &snapshot.pods[0];
        let subject = Subject { annotations: &pod.meta.annotations, spec: &pod.spec };
        let violations = evaluate(subject, fixture.level, fixture.version);
        let found = violations.iter().map(|violation| &*violation.check);
        let found: Vec<&str> = found.filter(|check| fixture.passes || !is_companion(fixture, check)).collect();
        let wanted = if fixture.passes { Vec::new() } else { vec![expected(fixture)] };
        if found != wanted {
            wrong.push(format!("{}: {violations:?}", fixture.path.display()));
        }
    }
    let (pass, fail): (Vec<&Fixture>, Vec<_>) = fixtures.iter().partition(|fixture| fixture.passes);
    println!(
        "{} fixtures judged, {} allowed and {} refused; wrong: {}",
        fixtures.len(),
        pass.len(),
        fail.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The pod of a fixture as it stands in its file.
fn raw(path: &Path) -> Value {
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_fix_makes_every_failing_fixture_pass_and_leaves_every_passing_one_alone() {
    let fixtures = fixtures();
    let (mut patched, mut unchanged, mut asked) = (0, 0, 0);
    let mut wrong = Vec::new();
    for fixture in &fixtures {
        let snapshot = read(&fixture.path);
        let pod = &snapshot.pods[0];
        let subject = Subject { annotations: &pod.meta.annotations, spec: &pod.spec };
        let made = fix::make(subject, fixture.level, fixture.version, &Answers::default());
        asked += usize::from(!made.decisions.is_empty());
        let mut file = raw(&fixture.path);
        match (&made.patch, fixture.passes) {
            (None, true) => unchanged += 1,
            (Some(patch), false) => {
                merge(&mut file, patch);
                let annotations: Labels = serde_json::from_value(file["metadata"]["annotations"].clone()).unwrap();
                let spec: PodSpec = serde_json::from_value(file["spec"].clone()).unwrap();
                let after = Subject { annotations: &annotations, spec: &spec };
                let left = evaluate(after, fixture.level, fixture.version);
                // Made once more, it changes nothing more.
                let again = fix::make(after, fixture.level, fixture.version, &Answers::default());
                let mut back = file.clone();
                merge(&mut back, &reverse(patch, &raw(&fixture.path)));
                let comes_back = without_empty(&back) == without_empty(&raw(&fixture.path));
                if left.is_empty() && made.remaining.is_empty() && again.patch.is_none() && comes_back {
                    patched += 1;
                } else {
                    wrong.push(format!("{}: {left:?} {made:?} comes back: {comes_back}", fixture.path.display()));
                }
            }
            _ => wrong.push(format!("{}: {made:?}", fixture.path.display())),
        }
    }
    println!(
        "{} fixtures: {patched} patched so that they pass, {unchanged} left alone; a person is asked for {asked}; wrong: {}",
        fixtures.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Applies a JSON patch as RFC 6902 says it, and fails where it does.
fn apply(document: &mut Value, operations: &[Value]) {
    for operation in operations {
        let path = operation["path"].as_str().unwrap();
        let (parent, key) = path.rsplit_once('/').unwrap();
        let key = key.replace("~1", "/").replace("~0", "~");
        let kind = operation["op"].as_str().unwrap();
        let holder = document.pointer_mut(parent).unwrap_or_else(|| panic!("{path} has no parent"));
        match (kind, holder) {
            ("test", holder) => {
                let found = holder.get(&key).unwrap_or_else(|| panic!("{path} is not there"));
                assert_eq!(found, &operation["value"], "{path}");
            }
            ("add", Value::Object(map)) => {
                map.insert(key, operation["value"].clone());
            }
            ("add", Value::Array(list)) if key == "-" => list.push(operation["value"].clone()),
            ("remove", Value::Object(map)) => assert!(map.remove(&key).is_some(), "{path} is not there"),
            ("remove", Value::Array(list)) => {
                list.remove(key.parse().unwrap());
            }
            (kind, _) => panic!("{kind} {path}"),
        }
    }
}

#[test]
fn the_json_patch_of_every_fixture_does_what_its_strategic_merge_patch_does() {
    let fixtures = fixtures();
    let mut patched = 0;
    for fixture in fixtures.iter().filter(|fixture| !fixture.passes) {
        let options = Options {
            level: fixture.level,
            version: Some(fixture.version),
            target: None,
            namespace: None,
            only: Vec::new(),
            answers: Answers::default(),
        };
        let plan = fix::plan(&read(&fixture.path), &options);
        let (Some(patch), Some(operations)) = (&plan.fixes[0].patch, &plan.fixes[0].json_patch) else {
            panic!("{}: no patch", fixture.path.display());
        };
        let (mut merged, mut operated) = (raw(&fixture.path), raw(&fixture.path));
        merge(&mut merged, patch);
        apply(&mut operated, operations);
        for identity in ["name", "namespace"] {
            operated["metadata"][identity] = merged["metadata"][identity].clone();
        }
        assert_eq!(without_empty(&operated), without_empty(&merged), "{}", fixture.path.display());
        patched += 1;
    }
    println!("{patched} fixtures patched alike by both forms");
}

/// Empty maps mean the same as none, and null as well.
fn without_empty(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), without_empty(value)))
            .filter(|(_, value)| !value.is_null() && !value.as_object().is_some_and(serde_json::Map::is_empty))
            .collect(),
        Value::Array(list) => list.iter().map(without_empty).collect(),
        other => other.clone(),
    }
}
