//! `data update` and `data show`: what is read, what is refused, and that nothing leaves the facts worse than before.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use flate2::{Compression, write::GzEncoder};
use jiff::civil::{Date, date};
use kubectl_secpatch::{
    commands::{
        data::{Fetch, Http, UpdateError, UpdateOptions, Updated, show_report, update, update_report},
        facts_cache::{self, CacheError, Step},
    },
    facts::{Affected, Component, CveStatus, Facts, Product, show},
};
use patchkit::{
    report::{Exit, FailOn},
    rules::Minor,
};
use serde_json::json;
use tempfile::TempDir;

const TODAY: Date = date(2026, 11, 23);
const FEED: &str = "https://k8s.io/docs/reference/issues-security/official-cve-feed/index.json";

/// What public addresses answer in a test.
struct Answers(BTreeMap<String, Result<Vec<u8>, String>>);

impl Fetch for Answers {
    fn get(&self, address: &str) -> Result<Vec<u8>, String> {
        self.0.get(address).cloned().unwrap_or_else(|| Err("no route to host".to_owned()))
    }
}

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache/facts")
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    }

    fn options(&self, from: &[&str]) -> UpdateOptions {
        UpdateOptions {
            from: from.iter().map(|from| (*from).to_owned()).collect(),
            force: false,
            today: TODAY,
            folder: self.cache(),
        }
    }

    fn update(&self, from: &[&str]) -> Result<Updated, UpdateError> {
        update(&self.options(from), &Answers(BTreeMap::new()), &mut |_| ())
    }

    fn facts(&self) -> Facts {
        let loaded = facts_cache::load(&self.cache());
        assert!(loaded.problem.is_none(), "{:?}", loaded.problem);
        loaded.facts
    }
}

/// A feed of the new shape with this many vulnerabilities, of 2026.
fn feed(count: usize) -> String {
    let item = |number: usize| {
        json!({"id": format!("CVE-2026-9{number:04}"), "summary": format!("a new one, {number}"), "status": "open",
               "content_text": "CVSS Rating: [CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:N](https://x) ...",
               "date_published": "2026-11-02T10:00:00Z", "url": "https://github.com/kubernetes/kubernetes/issues/1",
               "external_url": "https://www.cve.org/cverecord?id=x", "_kubernetes_io": {"issue_number": 1}})
    };
    let items: Vec<_> = (0..count).map(item).collect();
    json!({"version": "https://jsonfeed.org/version/1.1", "_kubernetes_io": {"updated_at": "2026-11-20T01:00:00Z"},
           "items": items})
    .to_string()
}

fn osv(id: &str, component: &str, events: &serde_json::Value) -> String {
    json!({"id": id, "published": "2026-11-01T00:00:00Z", "modified": "2026-11-05T00:00:00Z", "summary": "a new one",
           "affected": [{"package": {"ecosystem": "kubernetes", "name": component},
                         "ranges": [{"type": "SEMVER", "events": events}]}]})
    .to_string()
}

fn archive(files: &[(&str, String)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, text.as_bytes()).expect("an entry");
    }
    builder.into_inner().expect("an archive").finish().expect("an archive")
}

#[test]
fn a_feed_adds_what_is_new_and_keeps_the_rest() {
    let place = Place::new();
    let from = place.write("feed.json", feed(2));
    let updated = place.update(&[&from]).expect("an update");
    assert_eq!(updated.new_cves, ["CVE-2026-90000", "CVE-2026-90001"]);
    let facts = place.facts();
    let cve = facts.cves().get("CVE-2026-90001").expect("the new one");
    assert_eq!((cve.status, cve.score()), (CveStatus::Open, Some(8.1)));
    assert!(cve.has_no_range() && facts.cves().without_range().any(|other| other.id == cve.id));
    assert!(matches!(cve.affects(&Component::KUBELET, "v1.37.2"), Affected::CannotTell { .. }));
    // What the feed does not speak of is as it was.
    let old = Facts::compiled_in();
    for before in old.cves().all() {
        assert_eq!(facts.cves().get(&before.id), Some(before), "{}", before.id);
    }
    assert_eq!(facts.cves().table().as_of, date(2026, 11, 20), "the feed's own date");
    assert_eq!(facts.releases().table(), old.releases().table());
    let report = update_report(updated, TODAY, "2026-11-23T10:00:00Z");
    assert_eq!((report.summary.verdict.as_str(), report.exit(FailOn::default())), ("updated", Exit::Clean));
}

#[test]
fn the_old_shape_of_the_feed() {
    let place = Place::new();
    let text = json!({"items": [
        {"id": "CVE-2026-90001, CVE-2026-90002", "summary": "two at once", "content_text": "",
         "date_published": "2026-10-01T00:00:00Z", "url": "https://github.com/kubernetes/kubernetes/issues/2",
         "external_url": "https://www.cve.org/cverecord?id=CVE-2026-90001, CVE-2026-90002"}]});
    let from = place.write("feed.json", text.to_string());
    place.update(&[&from]).expect("an update");
    let facts = place.facts();
    let cve = facts.cves().get("CVE-2026-90002").expect("the second one");
    assert_eq!((cve.status, cve.title.as_str()), (CveStatus::Unknown, "two at once"));
    assert_eq!(cve.links[1], "https://www.cve.org/cverecord?id=CVE-2026-90002");
}

#[test]
fn osv_files_and_archives_of_them() {
    let place = Place::new();
    let events =
        json!([{"introduced": "1.36.0"}, {"last_affected": "1.36.5"}, {"introduced": "1.37.0"}, {"fixed": "1.37.2"}]);
    place.write("osv/CVE-2026-90001.json", osv("CVE-2026-90001", "k8s.io/kubelet", &events));
    place.write("osv/README.md", "not one of them");
    let folder = place.folder.path().join("osv").display().to_string();
    place.update(&[&folder]).expect("an update");
    let facts = place.facts();
    let cve = facts.cves().get("CVE-2026-90001").expect("the new one");
    let fixed: Vec<_> = cve.fixed_versions(&Component::KUBELET).iter().map(ToString::to_string).collect();
    assert_eq!(fixed, ["1.36.6", "1.37.2"], "1.36.6 exists, so that it has the fix");
    // An archive with fewer than the feed had was cut off, and is refused.
    let bytes = archive(&[("x/vulns/CVE-2026-90002.json", osv("CVE-2026-90002", "k8s.io/kubelet", &events))]);
    let from = place.write("main.tar.gz", &bytes);
    let refused = place.update(&[&from]).expect_err("one instead of 73");
    assert!(refused.to_string().contains("vulnerabilities in the archive: 1 where there were 73"), "{refused}");
    assert!(place.facts().cves().get("CVE-2026-90002").is_none());
    let options = UpdateOptions { force: true, ..place.options(&[&from]) };
    update(&options, &Answers(BTreeMap::new()), &mut |_| ()).expect("a forced update");
    assert!(place.facts().cves().get("CVE-2026-90002").is_some());
    let cut_off = place.write("cut.tar.gz", &bytes[..bytes.len() / 2]);
    let error = place.update(&[&cut_off]).expect_err("half an archive");
    assert!(error.to_string().contains("the archive cannot be unpacked"), "{error}");
}

#[test]
fn a_withdrawn_record_goes() {
    let place = Place::new();
    let mut file: serde_json::Value =
        serde_json::from_str(&osv("CVE-2024-3177", "k8s.io/apiserver", &json!([]))).expect("JSON");
    file["withdrawn"] = json!("2026-11-06T00:00:00Z");
    let from = place.write("CVE-2024-3177.json", file.to_string());
    place.update(&[&from]).expect("an update");
    assert!(place.facts().cves().get("CVE-2024-3177").is_none());
}

#[test]
fn schedules_and_calendars() {
    let place = Place::new();
    let schedule = place.write(
        "schedule.yaml",
        "schedules:\n- release: \"1.38\"\n  releaseDate: \"2026-11-20\"\n  maintenanceModeStartDate: \"2027-11-28\"\n  \
         endOfLifeDate: \"2028-01-28\"\n  next:\n    release: 1.38.1\n    targetDate: \"2026-12-15\"\n    cherryPickDeadline: \"\"\n\
         - release: \"1.37\"\n  releaseDate: \"2026-08-26\"\n  maintenanceModeStartDate: \"2027-08-28\"\n  \
         endOfLifeDate: \"2027-10-28\"\n  previousPatches:\n  - release: 1.37.3\n    targetDate: \"2026-11-18\"\n  unknownField: [1]\n",
    );
    let eks = json!({"schema_version": "1.2.0", "result": {"name": "amazon-eks", "releases": [
        {"name": "1.37", "releaseDate": "2026-11-10", "eolFrom": "2028-01-10", "eoesFrom": "2029-01-10", "isEol": false,
         "latest": {"name": "1.37-eks-1", "date": "2026-11-10"}}]}});
    let eks = place.write("eks.json", eks.to_string());
    place.update(&[&schedule, &eks]).expect("an update");
    let facts = place.facts();
    let release = |minor| facts.releases().get(Minor::new(1, minor)).expect("a release");
    assert_eq!((release(38).official, release(38).latest()), (true, None), "1.38.1 is planned, and not out");
    assert_eq!(release(37).latest().map(|patch| patch.version.to_string()).as_deref(), Some("1.37.3"));
    assert_eq!((release(37).official, release(37).note.as_deref()), (true, None));
    assert_eq!(release(36).latest().map(|patch| patch.version.to_string()).as_deref(), Some("1.36.6"));
    let line = facts.calendars().for_minor(Product::Eks, Minor::new(1, 37)).expect("a line");
    assert_eq!(line.end_of_life, Some(date(2028, 1, 10)));
    assert!(facts.calendars().for_minor(Product::Eks, Minor::new(1, 36)).is_some(), "other lines stay");
}

#[test]
fn unbelievable_facts_are_refused() {
    let place = Place::new();
    let events = json!([{"introduced": "0"}, {"fixed": "1.37.1"}]);
    let future = osv("CVE-2026-90001", "k8s.io/kubelet", &events).replace("2026-11-01", "2027-01-01");
    let from = place.write("future.json", future);
    let refused = place.update(&[&from]).expect_err("a date in the future");
    assert!(refused.to_string().contains("CVE-2026-90001 is dated 2027-01-01, which is after today"), "{refused}");
    let ended = "branches:\n- release: \"1.33\"\n  finalPatchRelease: 1.33.13\n  endOfLifeDate: \"2024-06-28\"\n";
    let from = place.write("eol.yaml", ended);
    let refused = place.update(&[&from]).expect_err("an end before the beginning");
    assert!(refused.to_string().contains("Kubernetes 1.33 ends on 2024-06-28, before it begins"), "{refused}");
    let many = place.write("many.json", feed(9));
    place.update(&[&many]).expect("an update");
    let few = place.write("few.json", feed(4));
    let refused = place.update(&[&few]).expect_err("less than before");
    assert!(refused.to_string().contains("vulnerabilities in the official feed: 4 where there were 9"), "{refused}");
    assert_eq!(place.facts().cves().table().as_of, date(2026, 11, 20));
}

#[test]
fn bad_input_is_named_with_its_place() {
    let place = Place::new();
    for (name, text, expected) in [
        ("a.json", "{\"items\": [\n {\"id\": 7}], \"_kubernetes_io\": {}}", "a.json:2:9: invalid type"),
        ("b.json", "{\"items\": [\n {\"id\": \"CVE\"}]}", "b.json:2:9: item \"CVE\" names no vulnerability"),
        ("c.json", "{\"items\": [{\"id\": \"CVE-2026-1\", \"_kubernetes_io\": ", "c.json:1:"),
        ("d.yaml", "schedules:\n- release: \"1.37\"\n", "d.yaml:"),
        (
            "e.json",
            "{\"id\": \"CVE-2026-1\", \"affected\": [{\"package\": {\"name\": \"x\"},\n\"ranges\": [{\"events\": [{\"introduced\": \"one\"}]}]}]}",
            "e.json:2:39: \"one\" is no version",
        ),
        ("f.html", "<html>moved</html>", "is none of the public files"),
        ("g.md", "---\npermalink: /amazon-eks\nreleases:\n- releaseCycle: [1]\n---\n", "g.md:4:"),
    ] {
        let from = place.write(name, text);
        let error = place.update(&[&from]).expect_err(name).to_string();
        assert!(error.contains(expected), "{name}: {error}");
        assert!(!place.cache().join("current").exists(), "{name}: nothing is written");
    }
    let error = place.update(&["/does/not/exist.json"]).expect_err("no such file").to_string();
    assert!(error.contains("/does/not/exist.json: No such file"), "{error}");
    let latin = place.write("latin.json", [b'{', 0xe9, b'}']);
    let error = place.update(&[&latin]).expect_err("no UTF-8").to_string();
    assert!(error.contains("byte 1 is no UTF-8"), "{error}");
}

#[test]
fn a_source_that_fails_costs_only_its_own_news() {
    let place = Place::new();
    let answers = BTreeMap::from([
        (FEED.to_owned(), Ok(feed(3).into_bytes())),
        ("https://endoflife.date/api/v1/products/containerd/".to_owned(), Ok(b"<html>busy</html>".to_vec())),
    ]);
    let mut notes = Vec::new();
    let updated =
        update(&place.options(&[]), &Answers(answers), &mut |from| notes.push(from.to_owned())).expect("partly");
    assert_eq!(updated.read.len(), 1);
    assert_eq!(updated.failed.len(), 10, "{:?}", updated.failed);
    assert_eq!(notes.len(), 11, "each address is named before it is asked: {notes:?}");
    let report = update_report(updated, TODAY, "2026-11-23T10:00:00Z");
    assert_eq!((report.summary.verdict.as_str(), report.exit(FailOn::default())), ("partly updated", Exit::Partial));
    let facts = place.facts();
    assert_eq!(facts.cves().table().as_of, TODAY, "read today at its public address");
    assert_eq!(facts.calendars().table().as_of, date(2026, 8, 22));
    let error = update(&Place::new().options(&[]), &Answers(BTreeMap::new()), &mut |_| ()).expect_err("no network");
    assert!(matches!(error, UpdateError::NothingRead(failed) if failed.len() == 11));
}

#[test]
fn the_go_database_is_asked_only_for_what_changed() {
    let place = Place::new();
    let index = json!([
        {"path": "github.com/opencontainers/runc", "vulns": [
            {"id": "GO-2025-4096", "modified": "2025-11-06T00:00:00Z", "fixed": "1.2.8"},
            {"id": "GO-2026-9001", "modified": "2026-11-06T00:00:00Z"}]},
        {"path": "example.com/other", "vulns": [{"id": "GO-2026-9002", "modified": "2026-11-06T00:00:00Z"}]}]);
    let new = json!({"id": "GO-2026-9001", "aliases": ["CVE-2026-90009"], "modified": "2026-11-06T00:00:00Z",
        "published": "0001-01-01T00:00:00Z", "summary": "Escape in github.com/opencontainers/runc",
        "affected": [{"package": {"ecosystem": "Go", "name": "github.com/opencontainers/runc"},
                      "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.4.9"}]}]}],
        "references": [{"type": "ADVISORY", "url": "https://github.com/advisories/GHSA-x"}]});
    let answers = BTreeMap::from([
        ("https://vuln.go.dev/index/modules.json".to_owned(), Ok(index.to_string().into_bytes())),
        ("https://vuln.go.dev/ID/GO-2026-9001.json".to_owned(), Ok(new.to_string().into_bytes())),
    ]);
    let updated = update(&place.options(&[]), &Answers(answers), &mut |_| ()).expect("partly");
    assert!(updated.failed.iter().all(|failed| !failed.what.contains("vuln.go.dev")), "{:?}", updated.failed);
    assert_eq!(updated.new_cves, ["CVE-2026-90009"]);
    let facts = place.facts();
    let cve = facts.cves().get("GO-2026-9001").expect("by its alias");
    assert_eq!((cve.title.as_str(), cve.affects(&Component::RUNC, "1.4.8").is_yes()), ("Escape", true));
}

/// Everything of the public files, once more: nothing may change but dates.
#[test]
fn reading_the_same_files_again_changes_nothing() {
    let shared = std::env::var_os("PATCHKIT_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let data = shared.join("data");
    if !data.is_dir() {
        return;
    }
    let place = Place::new();
    let folders: Vec<String> = ["cve/osv-2024-11", "cve/osv-2024plus", "cve/go-vulndb", "release"]
        .map(|folder| data.join(folder).display().to_string())
        .to_vec();
    let from: Vec<&str> = folders.iter().map(String::as_str).collect();
    let updated = place.update(&from).expect("an update");
    assert_eq!((updated.new_cves.len(), updated.failed.len(), updated.stale_corrections.len()), (0, 0, 0));
    let (facts, old) = (updated.facts, Facts::compiled_in());
    for (before, after) in old.cves().all().iter().zip(facts.cves().all()) {
        assert_eq!(before, after);
    }
    assert_eq!(facts.releases().all(), old.releases().all());
    assert_eq!(facts.calendars().table().records, old.calendars().table().records);
}

#[test]
fn whatever_fails_the_old_facts_stay() {
    let place = Place::new();
    let from = place.write("feed.json", feed(2));
    place.update(&[&from]).expect("an update");
    let files = |mark: &str| -> Vec<(&'static str, String)> {
        let facts = place.facts();
        let mut cves = facts.cves().table().clone();
        cves.records[0].title = mark.to_owned();
        vec![
            ("releases.json", facts.releases().table().write()),
            ("calendars.json", facts.calendars().table().write()),
            ("cves.json", cves.write()),
            ("sources.json", facts.sources().table().write()),
        ]
    };
    let title = || place.facts().cves().all()[0].title.clone();
    let before = title();
    let mut steps = Vec::new();
    let lock = facts_cache::lock(&place.cache()).expect("the lock");
    for failing in 0.. {
        let mut step = 0;
        let mut fail_at = |now: Step| {
            step += 1;
            if step - 1 == failing {
                steps.push(now);
                Err(io::Error::new(io::ErrorKind::StorageFull, "no space left on device"))
            } else {
                Ok(())
            }
        };
        let result = lock.replace_in_steps(&files("new"), TODAY, &mut fail_at);
        if steps.len() <= failing {
            result.expect("nothing failed");
            break;
        }
        if steps.last() == Some(&Step::Clear) {
            result.expect("clearing away is no part of the update");
            assert_eq!(title(), "new");
        } else {
            let error = result.expect_err("a step failed").to_string();
            assert!(error.contains("no space left on device"), "{error}");
            assert_eq!(title(), before, "after {steps:?}");
        }
    }
    let expected =
        [Step::Begin, Step::File, Step::File, Step::File, Step::File, Step::File, Step::Pointer, Step::Rename];
    assert_eq!(steps[..8], expected);
    let folders = fs::read_dir(place.cache()).expect("a folder").flatten();
    let left = folders.filter(|entry| entry.file_name().to_string_lossy().starts_with("tables-")).count();
    assert_eq!(left, 1, "what no longer counts is cleared away");
}

/// As when the power goes: nothing of the clean-up runs.
#[test]
fn killed_at_any_step_the_facts_can_be_read() {
    let place = Place::new();
    let from = place.write("feed.json", feed(2));
    for step in 0..12 {
        let cache = place.cache();
        let killed = thread::scope(|scope| {
            scope
                .spawn(|| {
                    let lock = facts_cache::lock(&cache).expect("the lock");
                    let facts = facts_cache::load(&cache).facts;
                    let files = [
                        ("releases.json", facts.releases().table().write()),
                        ("calendars.json", facts.calendars().table().write()),
                        ("cves.json", facts.cves().table().write()),
                        ("sources.json", facts.sources().table().write()),
                    ];
                    let mut count = 0;
                    let mut die = |_| {
                        count += 1;
                        if count > step { std::panic::resume_unwind(Box::new("killed")) } else { Ok(()) }
                    };
                    lock.replace_in_steps(&files, TODAY, &mut die).map(|_| ())
                })
                .join()
        });
        let loaded = facts_cache::load(&place.cache());
        assert!(loaded.problem.is_none(), "after step {step}: {:?}", loaded.problem);
        assert_eq!(killed.is_err(), step < 9, "step {step}");
    }
    place.update(&[&from]).expect("the next update");
    assert_eq!(fs::read_dir(place.cache()).expect("a folder").count(), 3, "current, lock and one folder of tables");
}

#[test]
fn a_damaged_cache_is_reported_and_ignored() {
    let place = Place::new();
    let from = place.write("feed.json", feed(2));
    let tables = place.update(&[&from]).expect("an update").tables;
    let original = fs::read(tables.join("cves.json")).expect("a table");
    let mut flipped = original.clone();
    flipped[5000] ^= 1;
    for damage in [&original[..1000], &flipped[..], b""] {
        fs::write(tables.join("cves.json"), damage).expect("damage");
        let loaded = facts_cache::load(&place.cache());
        assert!(matches!(loaded.problem, Some(CacheError::Damaged { .. })), "{:?}", loaded.problem);
        assert!(loaded.cached.is_none() && loaded.facts.cves().get("CVE-2026-90001").is_none());
        let report = show_report(&loaded, TODAY, "2026-11-23T10:00:00Z");
        assert_eq!(report.exit(FailOn::default()), Exit::Partial);
        assert!(report.not_evaluated[0].why.contains("cves.json is damaged"), "{:?}", report.not_evaluated);
    }
    fs::write(place.cache().join("current"), "../../etc").expect("damage");
    let problem = facts_cache::load(&place.cache()).problem.expect("a problem").to_string();
    assert!(problem.contains("no folder of tables"), "{problem}");
    place.update(&[&from]).expect("an update writes it anew");
    assert!(place.facts().cves().get("CVE-2026-90001").is_some());
}

#[test]
fn two_updates_at_once() {
    let place = Place::new();
    let from = place.write("feed.json", feed(2));
    let lock = facts_cache::lock(&place.cache()).expect("the lock");
    let error = place.update(&[&from]).expect_err("locked");
    assert!(error.to_string().contains("another update is under way"), "{error}");
    drop(lock);
    place.update(&[&from]).expect("an update");
}

#[test]
fn where_the_cache_is() {
    let folder = |variables: &[(&str, &str)]| {
        facts_cache::folder(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
    };
    let is = |variables: &[(&str, &str)], expected: &str| {
        assert_eq!(folder(variables).expect("a folder"), Path::new(expected), "{variables:?}");
    };
    is(&[("HOME", "/home/me")], "/home/me/.cache/patchkit/facts");
    is(&[("HOME", "/home/me"), ("XDG_CACHE_HOME", "/var/cache/me")], "/var/cache/me/patchkit/facts");
    is(&[("HOME", "/home/me"), ("XDG_CACHE_HOME", "relative")], "/home/me/.cache/patchkit/facts");
    is(&[("HOME", "/home/me"), ("PATCHKIT_CACHE_DIR", "/tmp/x")], "/tmp/x/facts");
    assert!(matches!(folder(&[("HOME", "")]), Err(CacheError::NoPlace)));
}

/// A server that answers each path with a status and a body.
fn serve(answers: BTreeMap<&'static str, (u16, Vec<u8>)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let answers = Arc::new(answers);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut line = String::new();
            let mut reader = BufReader::new(&stream);
            let _ = reader.read_line(&mut line);
            loop {
                let mut header = String::new();
                if reader.read_line(&mut header).unwrap_or(0) < 3 {
                    break;
                }
            }
            let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
            let missing = (404, b"not found".to_vec());
            let (status, body) = answers.get(path.as_str()).unwrap_or(&missing);
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
            let _ = stream.flush();
            let _ = stream.read(&mut [0; 1]);
        }
    });
    format!("http://{address}")
}

#[test]
fn over_http() {
    let place = Place::new();
    let base =
        serve(BTreeMap::from([("/index.json", (200, feed(3).into_bytes())), ("/broken", (500, b"sorry".to_vec()))]));
    let from = [format!("{base}/index.json"), format!("{base}/missing"), format!("{base}/broken")];
    let options = UpdateOptions { from: from.to_vec(), ..place.options(&[]) };
    let updated = update(&options, &Http::new(), &mut |_| ()).expect("partly");
    assert_eq!(updated.read[0].records, 3);
    assert!(updated.failed[0].why.contains("404") && updated.failed[1].why.contains("500"), "{:?}", updated.failed);
    assert_eq!(place.facts().cves().table().as_of, TODAY);
    assert!(Http::new().get("http://127.0.0.1:1/").is_err(), "nobody listens");
}

#[test]
fn what_show_says() {
    let loaded = facts_cache::load(Path::new("/nowhere/facts"));
    assert!(loaded.problem.is_none() && loaded.cached.is_none());
    let report = show_report(&loaded, TODAY, "2026-11-23T10:00:00Z");
    assert_eq!((report.kind, report.summary.verdict.as_str()), ("DataReport", "old"));
    assert_eq!(report.metadata.data_as_of.as_deref(), Some("2026-08-21"));
    let tables = show::tables(&loaded.facts, TODAY);
    let old: Vec<_> = tables.iter().filter(|table| table.is_old()).map(|table| table.table).collect();
    assert_eq!(old, ["calendars", "cves"]);
    let titles: Vec<_> = report.findings.iter().map(|finding| finding.title.as_str()).collect();
    assert_eq!(titles, ["the facts on calendars are 93 days old", "the facts on cves are 94 days old"]);
    assert_eq!(report.exit(FailOn::default()), Exit::Clean);
}
