//! `kubectl secpatch cves` on files, and the readers of the official feed against the official collector.
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
};

use kubectl_secpatch::facts::{CveStatus, Facts, read};
use patchkit_test_support::{Output, Run};
use serde_json::{Value, json};

const CLUSTER: &str = include_str!("cves/cluster.yaml");

fn cves(args: &[&str]) -> Output {
    let run = Run::new(env!("CARGO_BIN_EXE_kubectl-secpatch")).env("PATCHKIT_CACHE_DIR", "/nonexistent");
    run.args(["cves", "-f", "-", "--as-of", "2026-11-23"]).args(args).input(CLUSTER).output()
}

fn report(args: &[&str]) -> Value {
    let mut all = vec!["-o", "json", "--fail-on", "none"];
    all.extend(args);
    cves(&all).report()
}

fn entries(report: &Value) -> &Vec<Value> {
    report["cves"].as_array().expect("a list")
}

fn shared(path: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = env::var_os("PATCHKIT_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let path = shared.join(path);
    if path.exists() {
        Some(path)
    } else {
        eprintln!("skipped: {} is not there", path.display());
        None
    }
}

#[test]
fn components_and_nodes_are_named_with_what_fixes_them() {
    let all = report(&[]);
    let get = |id: &str, component: &str| {
        let found = entries(&all).iter().find(|it| it["id"] == id && it["component"] == component);
        found.unwrap_or_else(|| panic!("{id} of {component}")).clone()
    };
    let ingress = get("CVE-2025-1974", "ingress-nginx");
    assert_eq!((&ingress["severity"], &ingress["score"]), (&"critical".into(), &9.8.into()));
    assert_eq!(ingress["fixedIn"], json!(["1.11.5", "1.12.1"]));
    assert_eq!(
        ingress["affected"],
        json!([{"kind": "Pod", "name": "ingress-nginx/controller", "version": "v1.11.2", "node": "new"}])
    );
    assert_eq!((&ingress["status"], &ingress["touches"]), (&"fixed".into(), &"yes".into()));
    assert_eq!(ingress["precondition"]["holds"], "unknown");
    let windows = get("CVE-2024-9042", "kubelet");
    assert_eq!(windows["precondition"]["holds"], "no", "{windows}");
    let node = |name: &str, version: &str| json!({"kind": "Node", "name": name, "version": version, "node": name});
    assert_eq!(windows["affected"], json!([node("a", "v1.31.2"), node("b", "v1.31.2-gke.5")]));
    assert_eq!(get("CVE-2026-3864", "csi-driver-nfs")["fixedIn"], json!(["4.13.1"]));
    assert_eq!(get("CVE-2025-1767", "kubelet")["status"], "unfixed");
    let runc = get("CVE-2024-21626", "runc");
    assert_eq!(
        (&runc["touches"], &runc["affected"][0]["version"]),
        (&"unknown".into(), &"behind containerd 1.7.20".into())
    );
    let components: BTreeSet<&str> = entries(&all).iter().map(|it| it["component"].as_str().unwrap()).collect();
    for component in ["kube-apiserver", "kubelet", "containerd", "etcd", "ingress-nginx", "csi-driver-nfs", "runc"] {
        assert!(components.contains(component), "{component}: {components:?}");
    }
}

#[test]
fn filters_and_exit_codes() {
    let _ = cves(&[]).exits(1);
    let only = report(&["--component", "etcd", "--severity", "medium"]);
    assert!(entries(&only).iter().all(|it| it["component"] == "etcd" && it["severity"] != "low"));
    let on_new = report(&["--node", "new"]);
    assert!(entries(&on_new).iter().all(|it| it["affected"].as_array().unwrap().iter().all(|at| at["node"] == "new")));
    let one = report(&["--id", "cve-2018-1002105"]);
    assert_eq!((&entries(&one)[0]["touches"], &entries(&one)[0]["affected"]), (&"no".into(), &json!([])));
    let output = cves(&["--id", "CVE-2018-1002105"]).exits(4);
    assert!(output.stdout.contains("no version that runs has it"), "{}", output.stdout);
    let nobody = report(&["--id", "CVE-2099-12345"]);
    assert!(nobody["notEvaluated"].as_array().unwrap().iter().any(|it| it["what"] == "CVE-2099-12345"));
    let _ = cves(&["--component", "nonsense"]).exits(2);
    let _ = cves(&["--node", "nobody"]).exits(2);
    let _ = cves(&["--severity", "bad"]).exits(2);
}

#[test]
fn a_feed_without_ranges_drops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let item = |id: &str, status: Option<&str>| {
        let mut item = json!({"id": id, "summary": "something new", "url": "https://github.com/kubernetes/kubernetes/issues/1",
            "external_url": format!("https://www.cve.org/cverecord?id={id}"), "date_published": "2026-11-20T10:00:00Z",
            "content_text": "It is rated CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H here.\nAffected: kubelet v1.31.0"});
        if let Some(status) = status {
            item["status"] = status.into();
        }
        item
    };
    let new = json!({"version": "https://jsonfeed.org/version/1.1", "_kubernetes_io": {"updated_at": "2026-11-21T00:00:00Z"},
                     "items": [item("CVE-2026-90001", Some("open"))]});
    let old = json!({"_kubernetes_io": {"updated_at": "2026-11-21T00:00:00Z"}, "items": [item("CVE-2026-90002, CVE-2026-90003", None)]});
    let rss = "<rss version=\"2.0\"><channel><item><title>CVE-2026-90004</title><link>https://k8s.io/1</link><pubDate>Fri, 20 Nov 2026 10:00:00 +0000</pubDate><guid>https://www.cve.org/cverecord?id=CVE-2026-90004</guid><description>new</description><category term=\"unfixed\" scheme=\"https://k8s.io/2024-06-27/cve-item-status\" /></item></channel></rss>";
    let osv = json!({"id": "CVE-2026-90005", "modified": "2026-11-20T10:00:00Z", "published": "2026-11-20T10:00:00Z", "summary": "in a file",
        "affected": [{"package": {"ecosystem": "kubernetes", "name": "k8s.io/kubelet"}, "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H"}],
                      "ranges": [{"type": "SEMVER", "events": [{"introduced": "1.31.0"}, {"fixed": "1.31.9"}]}]}]});
    let files = [
        write("new.json", &new.to_string()),
        write("old.json", &old.to_string()),
        write("feed.xml", rss),
        write("osv.json", &osv.to_string()),
    ];
    let mut args = Vec::new();
    for file in &files {
        args.extend(["--feed", file.as_str()]);
    }
    let all = report(&args);
    let by_id: BTreeMap<&str, &Value> = entries(&all).iter().map(|it| (it["id"].as_str().unwrap(), it)).collect();
    for (id, status, severity) in [
        ("CVE-2026-90001", "open", "critical"),
        ("CVE-2026-90002", "unknown", "medium"),
        ("CVE-2026-90003", "unknown", "medium"),
        ("CVE-2026-90004", "unfixed", "medium"),
    ] {
        let found = by_id.get(id).unwrap_or_else(|| panic!("{id} was dropped"));
        assert_eq!((&found["component"], &found["touches"]), (&"unknown".into(), &"unknown".into()), "{id}");
        assert_eq!((&found["status"], &found["severity"]), (&status.into(), &severity.into()), "{id}");
        assert!(found["uncertain"].as_str().unwrap().contains("no source says"), "{id}");
    }
    let known = by_id["CVE-2026-90005"];
    assert_eq!((&known["touches"], &known["fixedIn"]), (&"yes".into(), &json!(["1.31.9"])));
    // For this answer only.
    assert!(!entries(&report(&[])).iter().any(|it| it["id"] == "CVE-2026-90005"));
    let broken = write("broken.json", "{\"items\": [{\"id\": \"x\"}], \"_kubernetes_io\": {}}");
    let partly = report(&["--feed", &broken]);
    assert!(
        partly["notEvaluated"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["why"].as_str().unwrap().contains("names no vulnerability"))
    );
}

/// The official collector turns this slice of the feed into OSV, with the help of the CVE records. What both read from
/// the feed must be equal.
#[test]
fn the_feed_is_read_as_the_official_collector_reads_it() {
    let Some(folder) = shared("data/cve") else { return };
    let text = |name: &str| fs::read_to_string(folder.join(name)).expect(name);
    let feed = read::feed::read("feed", &text("official-feed-sample-2023-07-7items.json")).expect("a feed");
    let ids: Vec<&str> = feed.items.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids.len(), 8, "one item is about two: {ids:?}");
    assert!(feed.items.iter().all(|item| item.status == CveStatus::Unknown), "the old shape tells none");
    let expected: Vec<Value> =
        serde_json::from_str(&text("official-feed-sample-2023-07-expected-osv.json")).expect("JSON");
    assert_eq!(expected.len(), 6, "the collector leaves out what its CVE records say too little of");
    let facts = Facts::compiled_in();
    for osv in &expected {
        let id = osv["id"].as_str().unwrap();
        let item = feed.items.iter().find(|item| item.id == id).unwrap_or_else(|| panic!("{id}"));
        assert_eq!(item.title, osv["summary"].as_str().unwrap().trim(), "{id}");
        assert_eq!(
            item.published.map(|day| day.to_string()).as_deref(),
            osv["published"].as_str().map(|it| &it[..10]),
            "{id}"
        );
        assert_eq!(item.links[0], osv["references"][0]["url"].as_str().unwrap(), "{id}");
        let advisory = read::osv::read("osv", &osv.to_string()).unwrap_or_else(|error| panic!("{id}: {error}"));
        let known = facts.cves().get(id).expect("a CVE of the facts");
        let (of_collector, of_feed) = (advisory.cvss.as_deref(), item.cvss.as_deref());
        match (id, of_feed) {
            // The collector takes the vector from the CVE record of the test's own data (network), and not from the
            // advisory in the feed (local). The file that the project publishes for it says what the advisory says,
            // and so do the facts: the attack comes from a container on the node.
            ("CVE-2017-1002102", _) => {
                assert_eq!(of_feed, Some("CVSS:3.0/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:L/A:H"));
                assert_eq!(of_collector, Some("CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:U/C:N/I:L/A:H"));
                assert_eq!((known.cvss.as_deref(), known.score()), (of_feed, Some(6.1)));
            }
            // What the advisory adds for its environment does not change the base.
            (_, Some(vector)) => {
                let base: Vec<&str> = vector.split('/').take(9).collect();
                assert_eq!(Some(base.join("/").as_str()), of_collector, "{id}");
            }
            // An item about two says not which vector is whose.
            (_, None) => assert!(["CVE-2023-2727", "CVE-2023-2728"].contains(&id), "{id} has a vector in its text"),
        }
    }
    // Every item of it is shown: by its ranges, or as one without.
    let sample = folder.join("official-feed-sample-2023-07-7items.json").display().to_string();
    for id in ids {
        let shown = report(&["--feed", &sample, "--id", id]);
        assert!(!entries(&shown).is_empty(), "{id} was dropped");
    }
}
