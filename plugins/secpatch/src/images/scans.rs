//! What scanners wrote about images: reports of Trivy and Grype as JSON, and VulnerabilityReports of the Trivy operator.
//!
//! Sources of the forms: aquasecurity/trivy `pkg/types/report.go` and `pkg/k8s/report/report.go`, anchore/grype
//! `grype/presenter/models/document.go`, aquasecurity/trivy-operator `pkg/apis/aquasecurity/v1alpha1`.

use std::collections::{BTreeMap, BTreeSet};

use patchkit::{
    rules::image::ImageRef,
    snapshot::{Snapshot, objects::scan::VulnerabilityReport},
};
use serde_json::Value;

/// What one report says of one image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Where it stands: a file, or an object.
    pub from: String,
    /// The image's references, in full.
    pub names: BTreeSet<String>,
    /// The image's digests.
    pub digests: BTreeSet<String>,
    /// How many vulnerabilities there are of each severity.
    pub counts: BTreeMap<String, u64>,
    /// The base image that its labels name, or the system that was found in it.
    pub base: Option<String>,
}

/// A file that is no report of a scanner.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {problem}", place(*.line, *.column))]
pub struct ScanError {
    /// The file.
    pub file: String,
    /// Counted from 1; 0 where the problem is no single place.
    pub line: usize,
    /// Counted from 1; 0 where the problem is no single place.
    pub column: usize,
    /// What was found, and what was expected.
    pub problem: String,
}

fn place(line: usize, column: usize) -> String {
    if line == 0 { String::new() } else { format!(":{line}:{column}") }
}

/// Reads a report.
///
/// # Errors
/// Where it is no JSON, or none of the forms that are known.
pub fn read(file: &str, text: &str) -> Result<Vec<Scan>, ScanError> {
    let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| ScanError {
        file: file.to_owned(),
        line: error.line(),
        column: error.column(),
        problem: format!("this is no JSON: {error}"),
    })?;
    let mut found = Vec::new();
    let all = match &value {
        Value::Array(all) => all.iter().collect(),
        one => vec![one],
    };
    for one in all {
        if !one_report(file, one, &mut found) {
            let problem = "none of the reports that are understood: Trivy (-f json), Grype (-o json), or VulnerabilityReports \
                           of the Trivy operator as JSON";
            return Err(ScanError { file: file.to_owned(), line: 0, column: 0, problem: problem.to_owned() });
        }
    }
    Ok(found)
}

/// Reads one report of any form, and says whether it was one.
fn one_report(file: &str, value: &Value, found: &mut Vec<Scan>) -> bool {
    if value["kind"] == "VulnerabilityReport" {
        found.push(of_operator(file, value));
    } else if value["kind"].as_str().is_some_and(|kind| kind.ends_with("List")) && value["items"].is_array() {
        for item in list(&value["items"]) {
            // The items of a typed list need not say what they are.
            if item["kind"] == "VulnerabilityReport" || value["kind"] == "VulnerabilityReportList" {
                found.push(of_operator(file, item));
            }
        }
    } else if value["matches"].is_array() && !value["source"].is_null() {
        found.push(of_grype(file, value));
    } else if value["Resources"].is_array() || value["ClusterName"].is_string() {
        for resource in list(&value["Resources"]) {
            for metadata in list_or_one(&resource["Metadata"]) {
                found.push(of_trivy(file, resource, metadata));
            }
        }
    } else if !value["ArtifactName"].is_null() || value["Results"].is_array() {
        found.push(of_trivy(file, value, &value["Metadata"]));
    } else {
        return false;
    }
    true
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn list_or_one(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(all) => all.iter().collect(),
        one => vec![one],
    }
}

fn count(counts: &mut BTreeMap<String, u64>, severity: &Value) {
    let severity = severity.as_str().unwrap_or("unknown").to_lowercase();
    *counts.entry(if severity.is_empty() { "unknown".to_owned() } else { severity }).or_default() += 1;
}

/// Every severity has a number where a report speaks of the image: none found is an answer.
fn zeros() -> BTreeMap<String, u64> {
    ["critical", "high", "medium", "low", "unknown"].map(|severity| (severity.to_owned(), 0)).into()
}

impl Scan {
    /// Takes a reference as a scanner writes it.
    fn name(&mut self, text: Option<&str>) {
        let Some(parsed) = text.and_then(|text| text.parse::<ImageRef>().ok()) else { return };
        self.digests.extend(parsed.digest.as_ref().map(ToString::to_string));
        // By a digest or a tag, but not by what both have in common.
        if parsed.tag.is_some() || parsed.digest.is_none() {
            let tagged = ImageRef { digest: None, ..parsed };
            self.names.insert(tagged.canonical());
        }
    }
}

fn of_trivy(file: &str, report: &Value, metadata: &Value) -> Scan {
    let mut scan = Scan { from: file.to_owned(), counts: zeros(), ..Scan::default() };
    scan.name(report["ArtifactName"].as_str());
    for name in list(&metadata["RepoTags"]).iter().chain(list(&metadata["RepoDigests"])) {
        scan.name(name.as_str());
    }
    for result in list(&report["Results"]) {
        for vulnerability in list(&result["Vulnerabilities"]) {
            count(&mut scan.counts, &vulnerability["Severity"]);
        }
    }
    let labels = &metadata["ImageConfig"]["config"]["Labels"];
    let family = metadata["OS"]["Family"].as_str().filter(|family| !family.is_empty() && *family != "none");
    let version = metadata["OS"]["Name"].as_str().unwrap_or_default();
    scan.base = base_label(labels).or_else(|| family.map(|family| format!("{family} {version}").trim().to_owned()));
    scan
}

/// The label by which the OCI image specification names the base (`annotations.md`).
fn base_label(labels: &Value) -> Option<String> {
    labels["org.opencontainers.image.base.name"].as_str().filter(|it| !it.is_empty()).map(str::to_owned)
}

fn of_grype(file: &str, report: &Value) -> Scan {
    let mut scan = Scan { from: file.to_owned(), counts: zeros(), ..Scan::default() };
    let target = &report["source"]["target"];
    scan.name(target["userInput"].as_str());
    for name in list(&target["tags"]).iter().chain(list(&target["repoDigests"])) {
        scan.name(name.as_str());
    }
    scan.digests.extend(target["manifestDigest"].as_str().map(str::to_owned));
    for found in list(&report["matches"]) {
        count(&mut scan.counts, &found["vulnerability"]["severity"]);
    }
    let distro = report["distro"]["name"].as_str().filter(|name| !name.is_empty());
    let version = report["distro"]["version"].as_str().unwrap_or_default();
    scan.base =
        base_label(&target["labels"]).or_else(|| distro.map(|name| format!("{name} {version}").trim().to_owned()));
    scan
}

fn of_operator(file: &str, value: &Value) -> Scan {
    let report = &value["report"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let artifact = &report["artifact"];
    let mut scan = named_by_parts(
        file.to_owned(),
        [
            &text(&report["registry"]["server"]),
            &text(&artifact["repository"]),
            &text(&artifact["tag"]),
            &text(&artifact["digest"]),
        ],
    );
    let number = |name: &str| report["summary"][name].as_u64().unwrap_or(0);
    scan.counts = ["critical", "high", "medium", "low", "unknown"]
        .map(|severity| (severity.to_owned(), number(&format!("{severity}Count"))))
        .into();
    scan
}

/// Registry, repository, tag and digest, any of which may be empty.
fn named_by_parts(from: String, [registry, repository, tag, digest]: [&str; 4]) -> Scan {
    let mut scan = Scan { from, ..Scan::default() };
    let host = if registry.is_empty() { String::new() } else { format!("{registry}/") };
    if !tag.is_empty() || digest.is_empty() {
        let tag = if tag.is_empty() { String::new() } else { format!(":{tag}") };
        scan.name(Some(&format!("{host}{repository}{tag}")));
    }
    scan.digests.extend((!digest.is_empty()).then(|| digest.to_owned()));
    scan
}

/// What the Trivy operator keeps in the cluster.
#[must_use]
pub fn of_cluster(snapshot: &Snapshot) -> Vec<Scan> {
    let scan = |report: &VulnerabilityReport| {
        let from = format!("VulnerabilityReport {}", report.meta.path());
        let parts = [&*report.registry, &*report.repository, &*report.tag, &*report.digest];
        let counts = report.counts;
        Scan {
            counts: [
                ("critical", counts.critical),
                ("high", counts.high),
                ("medium", counts.medium),
                ("low", counts.low),
                ("unknown", counts.unknown),
            ]
            .map(|(severity, number)| (severity.to_owned(), number))
            .into(),
            ..named_by_parts(from, parts)
        }
    };
    snapshot.vulnerability_reports.iter().map(scan).collect()
}
