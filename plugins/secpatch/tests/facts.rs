//! The compiled-in facts against the public files that they were made from, and against facts stated elsewhere.
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
};

use jiff::civil::{Date, date};
use kubectl_secpatch::facts::{
    Affected, Component, CveStatus, Facts, GateAt, GateProblem, PreconditionKind, Product, Stage, Support, cvss, make,
};
use patchkit::{report::Severity, rules::Minor};
use serde_json::Value;

/// The folder with the public files: `PATCHKIT_SHARED/data`, or that of the sibling folder `shared`.
fn public_files() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = env::var_os("PATCHKIT_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let data = shared.join("data");
    if data.is_dir() {
        Some(data)
    } else {
        eprintln!("skipped: {} is not there; set PATCHKIT_SHARED to the folder with the public files", data.display());
        None
    }
}

fn read_all(folder: &Path, within: &str, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{within}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            read_all(&entry.path(), &format!("{name}/"), files);
        } else {
            files.insert(name, fs::read_to_string(entry.path()).expect("text"));
        }
    }
}

fn minor(text: &str) -> Minor {
    text.parse().expect(text)
}

#[test]
fn the_compiled_in_tables_are_what_the_generator_makes() {
    let Some(data) = public_files() else { return };
    let mut files = BTreeMap::new();
    read_all(&data, "", &mut files);
    let tables = make::tables(&files).expect("tables");
    assert_eq!(tables.len(), 6);
    for (name, text) in tables {
        let committed = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("facts").join(name)).expect(name);
        assert!(committed == text, "facts/{name} is not what make-facts makes: run it and look at the difference");
    }
}

#[test]
fn every_table_can_be_read_and_names_its_sources() {
    let facts = Facts::compiled_in();
    let sources = facts.sources();
    let mut used = BTreeSet::new();
    used.extend(facts.releases().table().sources.clone());
    used.extend(facts.calendars().table().sources.clone());
    used.extend(facts.cves().table().sources.clone());
    used.extend(facts.apis().table().sources.clone());
    used.extend(facts.gates().table().sources.clone());
    used.extend(facts.changes().table().sources.clone());
    used.extend(facts.preconditions().table().sources.clone());
    for name in &used {
        assert!(sources.get(name).is_some(), "{name}");
    }
    for cve in facts.cves().all() {
        assert!(!cve.sources.is_empty() && !cve.title.is_empty(), "{}", cve.id);
        assert!(cve.title.chars().count() <= 111, "{}", cve.id);
    }
    assert_eq!(facts.as_of(), date(2026, 8, 21));
}

// --- vulnerabilities ---------------------------------------------------------------------------------------------

/// A version as three numbers, read without any of the code under test.
fn numbers(text: &str) -> Option<[u64; 3]> {
    let text = text.trim_start_matches('v');
    let mut parts = text.split('.').map(|part| part.parse::<u64>().ok());
    let version = [parts.next().flatten()?, parts.next().flatten().unwrap_or(0), parts.next().flatten().unwrap_or(0)];
    (!text.contains('-')).then_some(version)
}

fn shown([major, minor, patch]: [u64; 3]) -> String {
    format!("v{major}.{minor}.{patch}")
}

/// What the OSV specification says of a version: the last event at or before it decides.
fn osv_says(events: &[Value], version: [u64; 3]) -> bool {
    let mut sorted: Vec<([u64; 3], u8)> = Vec::new();
    for event in events {
        for (name, order) in [("introduced", 0), ("fixed", 1), ("last_affected", 2)] {
            if let Some(text) = event[name].as_str() {
                sorted.push((numbers(text).expect(text), order));
            }
        }
    }
    sorted.sort_unstable();
    let mut affected = false;
    for (at, kind) in sorted {
        match kind {
            0 if version >= at => affected = true,
            1 if version >= at => affected = false,
            2 if version > at => affected = false,
            _ => {}
        }
    }
    affected
}

/// The versions just before, at and after each bound, the first and a late patch of each minor beside it, and some far
/// away.
fn around(events: &[Value]) -> BTreeSet<[u64; 3]> {
    let mut versions = BTreeSet::from([[0, 0, 1], [1, 0, 0], [1, 99, 0]]);
    for event in events {
        for value in event.as_object().expect("an event").values() {
            let [major, minor, patch] = numbers(value.as_str().expect("a version")).expect("a version");
            versions.extend([[major, minor, patch], [major, minor, patch + 1], [major, minor, 99], [major, minor, 0]]);
            versions.extend([[major, minor + 1, 0], [major, minor, patch.saturating_sub(1)]]);
            if minor > 0 {
                versions.extend([[major, minor - 1, 0], [major, minor - 1, 99]]);
            }
        }
    }
    versions
}

/// Records in which the truth is another one than the source's, with the component and the versions that differ; each
/// is a correction that names where it stands.
const CORRECTED: [&str; 3] = ["CVE-2020-8562", "CVE-2021-25741", "CVE-2021-25740"];

#[test]
fn every_kubernetes_cve_around_its_bounds() {
    let Some(data) = public_files() else { return };
    let facts = Facts::compiled_in();
    let mut judged = 0;
    let mut files: BTreeMap<String, Value> = BTreeMap::new();
    for folder in ["osv-2024-11", "osv-2024plus"] {
        for entry in fs::read_dir(data.join("cve").join(folder)).expect("a folder") {
            let file: Value = serde_json::from_str(&fs::read_to_string(entry.expect("an entry").path()).expect("text"))
                .expect("JSON");
            files.insert(file["id"].as_str().expect("an id").to_owned(), file);
        }
    }
    assert_eq!(files.len(), 72);
    for (id, file) in &files {
        let cve = facts.cves().get(id).unwrap_or_else(|| panic!("{id} is missing"));
        assert_eq!(cve.id, *id);
        if CORRECTED.contains(&id.as_str()) {
            continue;
        }
        let empty = Vec::new();
        for affected in file["affected"].as_array().expect("affected") {
            let package = affected["package"]["name"].as_str().expect("a package");
            let component = match (id.as_str(), Component::of_package(package)) {
                ("CVE-2018-1002101" | "CVE-2020-8564" | "CVE-2025-1767", _) => Component::KUBELET,
                (_, component) => component,
            };
            let ranges = affected["ranges"].as_array().unwrap_or(&empty);
            let events: Vec<Value> =
                ranges.iter().flat_map(|range| range["events"].as_array().expect("events").clone()).collect();
            if events.iter().any(|event| event.to_string().contains("alpha")) {
                continue; // csi-proxy's pre-releases are judged below
            }
            for version in around(&events) {
                let expected = ranges.is_empty() || osv_says(&events, version);
                let found = cve.affects(&component, &shown(version));
                assert_eq!(found.is_yes(), expected, "{id} {component} {}: {found:?}", shown(version));
                assert!(!matches!(found, Affected::CannotTell { .. }), "{id} {component}");
                if let Affected::Yes { fixed_in: Some(fixed), vendor: None } = found {
                    let fixed = numbers(&fixed.to_string()).expect("a release");
                    assert!(fixed > version && !osv_says(&events, fixed), "{id} {component}: fixed in {fixed:?}");
                }
                judged += 1;
            }
        }
    }
    assert!(judged > 1000, "{judged}");
}

/// Whether a version has a vulnerability, where it must be clear.
fn has(cve: &str, component: &Component, version: &str) -> bool {
    let facts = Facts::compiled_in();
    let cve = facts.cves().get(cve).unwrap_or_else(|| panic!("{cve} is missing"));
    match cve.affects(component, version) {
        Affected::Yes { .. } => true,
        Affected::No => false,
        Affected::CannotTell { why } => panic!("{} {component} {version}: {why}", cve.id),
    }
}

#[test]
fn traps_of_the_sources() {
    use Component as C;
    for (cve, component, version, expected) in [
        // An introduced within an affected stretch.
        ("CVE-2025-13281", C::KUBE_CONTROLLER_MANAGER, "v1.30.14", true),
        ("CVE-2025-13281", C::KUBE_CONTROLLER_MANAGER, "v1.31.14", true),
        ("CVE-2025-13281", C::KUBE_CONTROLLER_MANAGER, "v1.34.2", false),
        // A v before the version.
        ("CVE-2024-9042", C::KUBELET, "v1.29.12", true),
        ("CVE-2024-9042", C::KUBELET, "v1.29.11", false),
        ("CVE-2024-9042", C::KUBELET, "v1.29.13", false),
        // No ranges at all: every version. The second one is not kubectl's.
        ("CVE-2020-8561", C::KUBE_APISERVER, "v1.37.2", true),
        ("CVE-2021-25740", C::KUBE_APISERVER, "v1.37.2", true),
        ("CVE-2021-25740", C::KUBECTL, "v1.21.0", false),
        // A range that ends, without a fix.
        ("CVE-2020-8562", C::KUBE_APISERVER, "v1.21.1", true),
        ("CVE-2020-8562", C::KUBE_APISERVER, "v1.37.2", true),
        // Bounds that another database gets wrong.
        ("CVE-2025-5187", C::KUBE_APISERVER, "v1.30.14", false),
        ("CVE-2025-5187", C::KUBE_APISERVER, "v1.31.0", true),
        ("CVE-2025-5187", C::KUBE_APISERVER, "v1.31.12", false),
        ("CVE-2020-8551", C::KUBELET, "v1.17.2", true),
        ("CVE-2020-8551", C::KUBELET, "v1.17.3", false),
        // Bounds that the Kubernetes feed gets wrong: the advisory has the fix in 1.22.2.
        ("CVE-2021-25741", C::KUBELET, "v1.22.1", true),
        ("CVE-2021-25741", C::KUBELET, "v1.22.2", false),
        ("CVE-2021-25741", C::KUBELET, "v1.19.15", false),
        // Introduced and fixed at one version touches nothing.
        ("CVE-2026-3288", C::INGRESS_NGINX, "v1.15.0", false),
        ("CVE-2026-3288", C::INGRESS_NGINX, "v1.14.3", true),
        // Pre-releases as bounds.
        ("CVE-2023-3893", C::CSI_PROXY, "v1.1.2", true),
        ("CVE-2023-3893", C::CSI_PROXY, "v1.1.3", false),
        ("CVE-2023-3893", C::CSI_PROXY, "v2.0.0-alpha.0", true),
        ("CVE-2023-3893", C::CSI_PROXY, "v2.0.0-alpha.1", false),
        // Package names with a slash or a blank.
        ("CVE-2026-3864", C::CSI_DRIVER_NFS, "v4.13.0", true),
        ("CVE-2026-3864", C::CSI_DRIVER_NFS, "v4.13.1", false),
        ("CVE-2020-8553", C::INGRESS_NGINX, "0.27.1", true),
        // Ranges in the project's own versions beside a Go module without any.
        ("CVE-2025-1974", C::INGRESS_NGINX, "v1.11.4", true),
        ("CVE-2025-1974", C::INGRESS_NGINX, "v1.11.5", false),
        ("CVE-2025-1974", C::INGRESS_NGINX, "v1.12.0", true),
        ("CVE-2025-1974", C::INGRESS_NGINX, "v1.12.1", false),
        // Two Go modules for two major versions.
        ("CVE-2025-64329", C::CONTAINERD, "1.7.28", true),
        ("CVE-2025-64329", C::CONTAINERD, "1.7.29", false),
        ("CVE-2025-64329", C::CONTAINERD, "2.0.6", true),
        ("CVE-2025-64329", C::CONTAINERD, "2.0.7", false),
        ("CVE-2025-64329", C::CONTAINERD, "2.1.4", true),
        ("CVE-2025-64329", C::CONTAINERD, "2.2.0", false),
        ("CVE-2026-44283", C::ETCD, "3.4.43", true),
        ("CVE-2026-44283", C::ETCD, "3.5.30-0", false),
        // rc10 comes after rc9.
        ("CVE-2024-21626", C::RUNC, "1.0.0-rc92", false),
        ("CVE-2024-21626", C::RUNC, "1.0.0-rc93", true),
        ("CVE-2024-21626", C::RUNC, "1.1.12", false),
        // Versions that Go made up say nothing; etcd's own do.
        ("CVE-2020-15112", C::ETCD, "3.4.9", true),
        ("CVE-2020-15112", C::ETCD, "3.4.10", false),
    ] {
        assert_eq!(has(cve, &component, version), expected, "{cve} {component} {version}");
    }
}

#[test]
fn unfixed_ones_say_so_and_what_to_do() {
    let facts = Facts::compiled_in();
    for id in ["CVE-2020-8554", "CVE-2020-8561", "CVE-2020-8562", "CVE-2021-25740", "CVE-2024-7598", "CVE-2025-1767"] {
        let cve = facts.cves().get(id).expect(id);
        assert_eq!(cve.status, CveStatus::Unfixed, "{id}");
        assert!(cve.mitigation.is_some(), "{id}");
    }
    let withdrawn = facts.cves().get("CVE-2025-27612");
    assert!(withdrawn.is_none(), "a record that was taken back");
}

#[test]
fn a_vendor_may_have_back_ported() {
    let facts = Facts::compiled_in();
    let cve = facts.cves().get("CVE-2025-0426").expect("a CVE");
    let found = cve.affects(&Component::KUBELET, "v1.31.5-gke.1068000");
    let Affected::Yes { fixed_in: Some(fixed), vendor: Some(vendor) } = found else { panic!("{found:?}") };
    assert_eq!((fixed.to_string().as_str(), vendor.as_str()), ("1.31.6", "-gke.1068000"));
    assert_eq!(cve.affects(&Component::KUBELET, "v1.31.6-gke.1"), Affected::No);
    assert!(matches!(cve.affects(&Component::KUBELET, "unknown"), Affected::CannotTell { .. }));
    assert_eq!(cve.affects(&Component::KUBE_PROXY, "v1.31.5"), Affected::No);
}

#[test]
fn no_range_known_is_no_clean_answer() {
    let facts = Facts::compiled_in();
    let cve = facts.cves().get("GHSA-74fp-r6jw-h4mp").expect("a record without a range");
    assert!(cve.has_no_range());
    assert!(matches!(cve.affects(&Component::KUBE_APISERVER, "v1.37.2"), Affected::CannotTell { .. }));
    assert!(facts.cves().without_range().any(|other| other.id == cve.id));
    assert!(facts.cves().touching(&Component::KUBE_APISERVER, "v1.37.2").any(|(other, _)| other.id == cve.id));
}

#[test]
fn what_nobody_looked_at_is_named() {
    let facts = Facts::compiled_in();
    let ended = facts.releases().get(minor("1.23")).and_then(|release| release.end_of_life).expect("an end of life");
    let unassessed: Vec<&str> =
        facts.cves().unassessed(&Component::KUBELET, "v1.23.17", ended).map(|cve| cve.id.as_str()).collect();
    assert!(unassessed.contains(&"CVE-2023-3676"), "{unassessed:?}");
    assert!(!unassessed.contains(&"CVE-2023-5528"), "its range begins at 1.8: {unassessed:?}");
    assert!(!unassessed.contains(&"CVE-2020-8551"), "known before the end of life: {unassessed:?}");
}

#[test]
fn severities_follow_from_the_vectors() {
    let facts = Facts::compiled_in();
    for (id, score, severity) in [
        ("CVE-2018-1002105", 9.8, Severity::Critical),
        ("CVE-2025-1974", 9.8, Severity::Critical),
        ("CVE-2023-2431", 3.4, Severity::Low),
        ("CVE-2025-5187", 6.7, Severity::Medium),
        ("CVE-2025-4563", 2.7, Severity::Low),
        ("CVE-2023-3676", 8.8, Severity::High),
    ] {
        let cve = facts.cves().get(id).expect(id);
        assert_eq!((cve.score(), cve.severity()), (Some(score), Some(severity)), "{id}");
    }
    for cve in facts.cves().all() {
        if let Some(vector) = &cve.cvss {
            assert!(cvss::base_score(vector).is_ok(), "{}: {vector}", cve.id);
        }
    }
}

#[test]
fn each_disagreement_of_the_databases_is_one_we_know() {
    let Some(data) = public_files() else { return };
    let facts = Facts::compiled_in();
    let mut differ = BTreeSet::new();
    for entry in fs::read_dir(data.join("cve/go-vulndb")).expect("a folder") {
        let text = fs::read_to_string(entry.expect("an entry").path()).expect("text");
        let file: Value = serde_json::from_str(&text).expect("JSON");
        let alias = file["aliases"]
            .as_array()
            .and_then(|all| all.iter().find_map(|a| a.as_str().filter(|a| a.starts_with("CVE-"))));
        let Some(cve) = alias.and_then(|id| facts.cves().get(id)) else { continue };
        if !cve.sources.iter().any(|source| source == "k8s-osv") || !file["withdrawn"].is_null() {
            continue;
        }
        for affected in file["affected"].as_array().expect("affected") {
            let name = affected["package"]["name"].as_str().expect("a package");
            if !name.ends_with("/kubernetes") {
                continue;
            }
            let events = affected["ranges"][0]["events"].as_array().expect("events");
            if events.iter().any(|event| event.to_string().contains("alpha")) {
                continue;
            }
            let ours = |version: [u64; 3]| {
                cve.affected.iter().any(|affected| cve.affects(&affected.component, &shown(version)).is_yes())
            };
            if around(events).into_iter().any(|version| ours(version) != osv_says(events, version)) {
                differ.insert(cve.id.clone());
            }
        }
    }
    // In each of these the advisory has the bounds of the Kubernetes feed. The Go database closes a minor a patch early
    // (2020-8551, 2020-8555) or late (2020-8559, 2019-11251), calls more versions affected than those with the
    // regression (2019-11245), or says "from the start" or another first minor where the advisory names one.
    let known: BTreeSet<String> = [
        "CVE-2018-1002105",
        "CVE-2019-11245",
        "CVE-2019-11251",
        "CVE-2020-8551",
        "CVE-2020-8555",
        "CVE-2020-8557",
        "CVE-2020-8559",
        "CVE-2020-8563",
        "CVE-2020-8566",
        "CVE-2022-3162",
        "CVE-2023-3676",
        "CVE-2023-3955",
        "CVE-2023-5528",
        "CVE-2024-5321",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect();
    assert_eq!(differ, known);
}

// --- preconditions -----------------------------------------------------------------------------------------------

#[test]
fn every_precondition_is_of_a_known_vulnerability() {
    let facts = Facts::compiled_in();
    let mut seen = BTreeSet::new();
    for precondition in facts.preconditions().all() {
        assert!(facts.cves().get(&precondition.cve).is_some(), "{}", precondition.cve);
        assert!(seen.insert(&precondition.cve), "{} stands twice", precondition.cve);
        assert!(precondition.source.starts_with("https://"), "{}", precondition.cve);
    }
    let windows = PreconditionKind::Nodes { os: "windows".into() };
    for id in ["CVE-2023-3676", "CVE-2023-3955", "CVE-2023-5528", "CVE-2024-5321", "CVE-2024-9042"] {
        assert_eq!(facts.preconditions().of(id).map(|found| &found.when), Some(&windows), "{id}");
    }
    let git_repo = PreconditionKind::PodVolume { sources: vec!["gitRepo".into()] };
    assert_eq!(facts.preconditions().of("CVE-2024-10220").map(|found| &found.when), Some(&git_repo));
    assert!(facts.preconditions().of("CVE-2019-11254").is_none());
}

// --- releases and calendars --------------------------------------------------------------------------------------

#[test]
fn releases_and_their_support() {
    let facts = Facts::compiled_in();
    let releases = facts.releases();
    let today = date(2026, 11, 23);
    for (release, latest) in [
        ("1.37", "1.37.2"),
        ("1.36", "1.36.6"),
        ("1.35", "1.35.10"),
        ("1.34", "1.34.13"),
        ("1.33", "1.33.13"),
        ("1.29", "1.29.15"),
        ("1.28", "1.28.15"),
        ("1.2", "1.2.7"),
    ] {
        assert_eq!(releases.latest_patch(minor(release)).map(|found| found.to_string()).as_deref(), Some(latest));
    }
    let end = |year, month, day| Some(date(year, month, day));
    for (release, official, until) in [
        ("1.37", false, end(2027, 10, 28)),
        ("1.36", true, end(2027, 6, 28)),
        ("1.35", true, end(2027, 2, 28)),
        ("1.34", true, end(2026, 10, 27)),
        ("1.28", true, end(2024, 10, 22)),
    ] {
        let found = releases.get(minor(release)).expect(release);
        assert_eq!((found.official, found.end_of_life), (official, until), "{release}");
        assert_eq!(found.note.is_some(), !official, "{release}");
    }
    let support = |release, day| releases.support(minor(release), day);
    assert_eq!(support("1.34", today), Support::Ended { since: date(2026, 10, 27), days_ago: 27 });
    assert_eq!(support("1.34", date(2026, 10, 27)).days_left(), Some(0));
    assert_eq!(support("1.36", today), Support::Full { until: date(2027, 6, 28), days_left: 217 });
    assert_eq!(support("1.35", today), Support::Full { until: date(2027, 2, 28), days_left: 97 });
    assert_eq!(support("1.35", date(2026, 12, 28)), Support::Maintenance { until: date(2027, 2, 28), days_left: 62 });
    assert_eq!(support("1.37", date(2026, 8, 1)), Support::NotReleased { on: date(2026, 8, 26) });
    assert_eq!(support("1.99", today), Support::Unknown);
    assert_eq!(releases.newest(today), Some(minor("1.37")));
    assert_eq!(releases.newest(date(2026, 8, 25)), Some(minor("1.36")));
    assert_eq!(releases.oldest_supported_for(today, 90), Some(minor("1.35")));
    assert_eq!(releases.oldest_supported_for(today, 98), Some(minor("1.36")));
    assert_eq!(
        releases.latest_patch_on(minor("1.36"), date(2026, 9, 1)).map(|v| v.to_string()).as_deref(),
        Some("1.36.4")
    );
}

#[test]
fn each_provider_has_its_own_calendar() {
    let facts = Facts::compiled_in();
    let calendars = facts.calendars();
    let line = |product, release| calendars.for_minor(product, minor(release)).expect(release);
    let today = date(2026, 11, 23);
    let eks = line(Product::Eks, "1.34");
    assert_eq!((eks.end_of_life, eks.extended_until), (Some(date(2026, 12, 2)), Some(date(2027, 12, 2))));
    assert_eq!(eks.support(today).days_left(), Some(9));
    assert!(!eks.is_only_extended(today) && eks.is_only_extended(date(2026, 12, 3)));
    let aks = line(Product::Aks, "1.32");
    assert_eq!((aks.end_of_life, aks.extended_until), (Some(date(2026, 3, 31)), Some(date(2027, 3, 31))));
    let gke = line(Product::Gke, "1.34");
    assert_eq!((gke.end_of_life, gke.extended_until), (Some(date(2026, 10, 1)), None));
    let openshift = line(Product::OpenShift, "1.33");
    assert_eq!((openshift.cycle.as_str(), openshift.end_of_life), ("4.20", Some(date(2027, 4, 21))));
    assert_eq!(Product::OpenShift.minor_of("4.2"), Some(minor("1.14")));
    assert_eq!(Product::OpenShift.minor_of("4.3"), Some(minor("1.16")));
    let runtime = |version| calendars.for_version(Product::Containerd, version).map(|line| line.end_of_life);
    assert_eq!(runtime("1.7.27"), Some(Some(date(2026, 9, 1))));
    assert_eq!(runtime("v2.1.4-k3s1"), Some(Some(date(2026, 7, 3))));
    assert_eq!(runtime("2.19.0"), None);
}

// --- APIs --------------------------------------------------------------------------------------------------------

#[test]
fn apis_go_when_their_source_says() {
    let facts = Facts::compiled_in();
    let apis = facts.apis();
    assert_eq!(apis.known_through(), Some(minor("1.37")));
    for (api_version, kind, removed, provisional) in [
        ("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema", "1.26", false),
        ("resource.k8s.io/v1beta1", "ResourceClaim", "1.38", true),
        ("admissionregistration.k8s.io/v1beta1", "ValidatingAdmissionPolicy", "1.34", false),
        ("networking.k8s.io/v1beta1", "IPAddress", "1.37", false),
        ("networking.k8s.io/v1beta1", "ServiceCIDR", "1.37", false),
        ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", "1.22", false),
        ("apiregistration.k8s.io/v1beta1", "APIService", "1.22", false),
        ("audit.k8s.io/v1beta1", "Policy", "1.24", false),
        ("extensions/v1beta1", "Deployment", "1.16", false),
        ("policy/v1beta1", "PodDisruptionBudget", "1.25", false),
        ("policy/v1beta1", "PodDisruptionBudgetList", "1.25", false),
        ("scheduling.k8s.io/v1alpha2", "Workload", "1.37", false),
        // The type left the source before its declared removal.
        ("resource.k8s.io/v1alpha3", "ResourceClaim", "1.34", false),
        ("coordination.k8s.io/v1alpha1", "LeaseCandidate", "1.32", false),
    ] {
        let life = apis.get(api_version, kind).unwrap_or_else(|| panic!("{api_version} {kind} is missing"));
        assert_eq!(life.removed_in(), Some(minor(removed)), "{api_version} {kind}");
        assert_eq!(apis.is_provisional(minor(removed)), provisional, "{api_version} {kind}");
    }
    assert!(apis.get("apps/v1", "Deployment").is_some_and(|life| life.removed_in().is_none()));
    assert!(apis.get("example.com/v1", "Deployment").is_none());
    assert!(apis.get("v1", "Pod").is_some());
}

#[test]
fn replacements_are_ones_that_are_served() {
    let facts = Facts::compiled_in();
    let apis = facts.apis();
    for (api_version, kind, target, replacement) in [
        ("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema", "1.28", Some("flowcontrol.apiserver.k8s.io/v1beta3")),
        ("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema", "1.32", Some("flowcontrol.apiserver.k8s.io/v1")),
        ("networking.k8s.io/v1beta1", "IngressClass", "1.22", Some("networking.k8s.io/v1")),
        (
            "admissionregistration.k8s.io/v1beta1",
            "ValidatingAdmissionPolicy",
            "1.34",
            Some("admissionregistration.k8s.io/v1"),
        ),
        ("extensions/v1beta1", "Ingress", "1.22", Some("networking.k8s.io/v1")),
        ("policy/v1beta1", "PodSecurityPolicy", "1.25", None),
        ("extensions/v1beta1", "PodSecurityPolicy", "1.25", None),
    ] {
        let life = apis.get(api_version, kind).expect(kind);
        let found = apis.replacement_at(life, minor(target)).map(|gvk| gvk.api_version());
        assert_eq!(found.as_deref(), replacement, "{api_version} {kind}");
    }
    let kind = |api_version, kind| apis.replacement_at(apis.get(api_version, kind).expect(kind), minor("1.22"));
    assert_eq!(kind("networking.k8s.io/v1beta1", "IngressClass").map(|gvk| gvk.kind.as_str()), Some("IngressClass"));
}

#[test]
fn every_kind_of_the_lifecycle_at_every_target() {
    let Some(data) = public_files() else { return };
    let facts = Facts::compiled_in();
    let text = fs::read_to_string(data.join("api/k8s-api-lifecycle.json")).expect("text");
    let file: Value = serde_json::from_str(&text).expect("JSON");
    let rows = file["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 191);
    for row in rows {
        let word = |name: &str| row[name].as_str().unwrap_or_default();
        let api_version = match word("group") {
            "" => word("version").to_owned(),
            group => format!("{group}/{}", word("version")),
        };
        let life = facts.apis().get(&api_version, word("kind")).expect("a kind");
        for target in 22..=38 {
            let before = |name: &str| -> bool {
                row[name].as_str().is_some_and(|text| text[2..].parse::<u32>().expect("a minor") <= target)
            };
            let gone_early = life.gone.is_some_and(|gone| gone.minor <= target);
            let target = Minor::new(1, target);
            assert_eq!(life.is_removed_at(target), before("removed") || gone_early, "{api_version} {}", word("kind"));
            let deprecated = before("deprecated") || before("removed") || gone_early;
            assert_eq!(life.is_deprecated_at(target), deprecated, "{api_version} {}", word("kind"));
        }
    }
    let early = facts.apis().all().iter().filter(|life| life.gone.is_some()).count();
    assert_eq!(early, 8, "kinds whose type left before their declared removal");
}

// --- feature gates and changes -----------------------------------------------------------------------------------

#[test]
fn gates_by_version() {
    let facts = Facts::compiled_in();
    let gates = facts.gates();
    let at = |name, release| gates.at(name, minor(release));
    assert_eq!(at("APIListChunking", "1.32").map(|gate| matches!(gate, GateAt::Present(_))), Some(true));
    assert_eq!(at("APIListChunking", "1.33"), Some(GateAt::Removed { since: minor("1.33") }));
    assert_eq!(at("SidecarContainers", "1.27"), Some(GateAt::NotYet { from: minor("1.28") }));
    let Some(GateAt::Present(span)) = at("DynamicResourceAllocation", "1.33") else { panic!("a gate of 1.33") };
    assert_eq!((span.stage, span.default), (Stage::Beta, Some(false)));
    let Some(GateAt::Present(span)) = at("DynamicResourceAllocation", "1.36") else { panic!("a gate of 1.36") };
    assert_eq!((span.stage, span.default), (Stage::Stable, Some(true)));
    assert_eq!(at("NoSuchGate", "1.36"), None);
    let gate = gates.get("AllowOverwriteTerminationGracePeriodSeconds").expect("a gate");
    assert_eq!(gate.problem(true, minor("1.34")), None);
    assert_eq!(gate.problem(true, minor("1.35")), Some(GateProblem::Locked { since: minor("1.35"), to: false }));
    assert_eq!(gate.problem(false, minor("1.35")), None);
    let client = gates.get("WatchListClient").expect("a gate of the client library");
    assert!(client.client_go && client.removed.is_none());
    assert!(gates.all().len() >= 465 + 49);
}

#[test]
fn changes_of_each_hop() {
    let facts = Facts::compiled_in();
    assert_eq!(facts.changes().all().len(), 28);
    assert_eq!(facts.changes().of(minor("1.36")).count(), 8);
    let cgroup = facts.changes().get("cgroup-v1").expect("a change");
    assert_eq!((cgroup.minor, cgroup.provisional), (minor("1.35"), false));
    assert!(facts.changes().get("containerd-1.x").is_some_and(|change| change.provisional));
}

#[test]
fn no_date_lies_after_its_table() {
    let facts = Facts::compiled_in();
    let newest = |dates: &mut dyn Iterator<Item = Date>| dates.max().unwrap_or_default();
    let mut published = facts.cves().all().iter().filter_map(|cve| cve.published);
    assert!(newest(&mut published) <= facts.cves().table().as_of);
    let patches = facts.releases().all().iter().flat_map(|release| &release.patches);
    assert!(newest(&mut patches.filter_map(|patch| patch.date)) <= facts.releases().table().as_of);
}
