//! SARIF 2.1.0, for code scanning.
//!
//! What a pipeline needs of it is not the whole standard: rules with a `security-severity` (which GitHub sorts by),
//! results with a place, a fingerprint that stays when lines move, and what was not evaluated as notifications of the
//! run. Paths are written as they were given; a finding about an object of a live cluster has no file, but code
//! scanning drops results without one, so it gets a path below a base that is named `CLUSTER` and lies nowhere.

use std::{collections::BTreeMap, io::Write, path::Path};

use serde_json::{Map, Value, json};

use super::{RenderError, json::envelope};
use crate::report::{Finding, ObjectRef, Report, Severity, Source};

pub(super) const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// The name of the base for objects that are in no file.
const CLUSTER: &str = "CLUSTER";

pub(super) fn write(report: &Report, out: &mut impl Write) -> Result<(), RenderError> {
    write_log(&log(report)?, out)
}

/// A whole log as it is written.
pub(super) fn write_log(log: &Value, out: &mut impl Write) -> Result<(), RenderError> {
    let text = serde_json::to_string_pretty(log)
        .map_err(|error| RenderError::Form { format: "sarif", why: error.to_string() })?;
    Ok(writeln!(out, "{text}")?)
}

/// `kubectl NAME` is the tool, the rest what it was asked to do.
pub(super) fn tool_of(command: &str) -> String {
    command.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ")
}

pub(super) fn log(report: &Report) -> Result<Value, RenderError> {
    let metadata = &report.metadata;
    let tool = tool_of(&metadata.command);
    let rules = Rules::of(&report.findings);
    let mut seen = BTreeMap::new();
    let results: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| result(finding, rules.index(&finding.id), &metadata.source, &mut seen))
        .collect();
    let notifications: Vec<Value> = report
        .not_evaluated
        .iter()
        .map(|it| {
            json!({
                "level": "warning",
                "descriptor": {"id": "not-evaluated"},
                "message": {"text": format!("Not evaluated: {}: {}", it.what, it.why)},
            })
        })
        .collect();
    let envelope = envelope(report)?;
    let mut bases = json!({});
    if matches!(metadata.source, Source::Cluster { .. }) {
        bases[CLUSTER] = json!({
            "description": {"text": "Objects of the live cluster, as NAMESPACE/KIND/NAME; there are no such files"},
        });
    }
    Ok(json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": tool,
                "version": metadata.version,
                "rules": rules.0.values().collect::<Vec<_>>(),
                "notifications": [{
                    "id": "not-evaluated",
                    "shortDescription": {"text": "Something could not be read, so nothing is said about it"},
                }],
            }},
            "automationDetails": {"id": format!("{}/", metadata.command)},
            "invocations": [{
                "executionSuccessful": true,
                "toolExecutionNotifications": notifications,
            }],
            "originalUriBaseIds": bases,
            "results": results,
            "properties": {"summary": envelope["summary"], "metadata": envelope["metadata"]},
        }],
    }))
}

/// The rules by identifier, each made from the findings that name it.
struct Rules<'a>(BTreeMap<&'a str, Value>);

impl<'a> Rules<'a> {
    fn of(findings: &'a [Finding]) -> Self {
        let mut by_id: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in findings {
            by_id.entry(&finding.id).or_default().push(finding);
        }
        Self(by_id.into_iter().map(|(id, findings)| (id, rule(id, &findings))).collect())
    }

    fn index(&self, id: &str) -> usize {
        self.0.keys().take_while(|known| **known < id).count()
    }
}

fn rule(id: &str, findings: &[&Finding]) -> Value {
    let severity = findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Info);
    let mut rule = json!({
        "id": id,
        "shortDescription": {"text": id.replace(['-', '_'], " ")},
        "defaultConfiguration": {"level": level(severity)},
        "properties": {"tags": ["security", "kubernetes"]},
    });
    if let Some(score) = security_severity(severity) {
        rule["properties"]["security-severity"] = score.into();
    }
    // Advice that is about one object is in its result's message.
    let first = findings.first().and_then(|finding| finding.hint.as_ref());
    let hint = first.filter(|hint| findings.iter().all(|finding| finding.hint.as_ref() == Some(hint)));
    let link = findings.iter().find_map(|finding| finding.links.first());
    if let Some(hint) = hint {
        rule["help"] = json!({"text": hint});
    }
    if let Some(link) = link {
        rule["helpUri"] = link.as_str().into();
    }
    rule
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// A score in the middle of GitHub's band of that name (over 9.0 critical, 7.0 high, 4.0 medium, over 0 low).
const fn security_severity(severity: Severity) -> Option<&'static str> {
    match severity {
        Severity::Critical => Some("9.5"),
        Severity::High => Some("8.0"),
        Severity::Medium => Some("5.5"),
        Severity::Low => Some("2.0"),
        Severity::Info => None,
    }
}

fn result(finding: &Finding, rule: usize, source: &Source, seen: &mut BTreeMap<u64, usize>) -> Value {
    let about = finding.object.as_ref().map(|object| format!("{}: ", object.display())).unwrap_or_default();
    let hint = finding.hint.as_ref().map(|hint| format!("\n{hint}")).unwrap_or_default();
    let mut location = json!({"physicalLocation": physical_location(finding, source)});
    if let Some(object) = &finding.object {
        location["logicalLocations"] = json!([{
            "name": object.name,
            "fullyQualifiedName": qualified_name(object),
            "kind": "resource",
        }]);
    }
    let mut result = json!({
        "ruleId": finding.id,
        "ruleIndex": rule,
        "level": level(finding.severity),
        "message": {"text": format!("{about}{}{hint}", finding.title)},
        "locations": [location],
        "partialFingerprints": {"patchkit/v1": fingerprint(finding, seen)},
    });
    let mut properties = Map::new();
    properties.insert("severity".to_owned(), finding.severity.as_str().into());
    if !finding.evidence.is_empty() {
        properties.insert("evidence".to_owned(), Value::Object(finding.evidence.clone()));
    }
    if let Some(object) = &finding.object {
        properties.insert("apiVersion".to_owned(), object.api_version.as_str().into());
    }
    result["properties"] = Value::Object(properties);
    result
}

fn physical_location(finding: &Finding, source: &Source) -> Value {
    if let Some(place) = &finding.source {
        return json!({"artifactLocation": {"uri": file_uri(&place.file)}, "region": {"startLine": place.line.max(1)}});
    }
    match (source, &finding.object) {
        (Source::Files { paths }, _) => {
            json!({"artifactLocation": {"uri": paths.first().map_or_else(|| "-".to_owned(), |path| file_uri(path))}})
        }
        (Source::Cluster { .. }, Some(object)) => {
            json!({"artifactLocation": {"uri": encoded(&qualified_name(object)), "uriBaseId": CLUSTER}})
        }
        (Source::Cluster { .. }, None) => json!({"artifactLocation": {"uri": "cluster", "uriBaseId": CLUSTER}}),
    }
}

/// `NAMESPACE/KIND/NAME`, with the container behind it where there is one.
fn qualified_name(object: &ObjectRef) -> String {
    let parts = [object.namespace.as_deref(), Some(&*object.kind), Some(&*object.name), object.container.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join("/")
}

/// A path as a URI: relative ones stay so, since a scan's results are matched with the files of a checkout.
fn file_uri(path: &str) -> String {
    if path == "-" {
        return "stdin".to_owned();
    }
    let forward = if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() };
    let encoded = encoded(forward.strip_prefix("./").unwrap_or(&forward));
    match (Path::new(path).is_absolute(), encoded.starts_with('/')) {
        (true, true) => format!("file://{encoded}"),
        (true, false) => format!("file:///{encoded}"),
        (false, _) => encoded,
    }
}

/// Percent-encodes what may not stand in the path of a URI; a colon too, since it would end a scheme.
fn encoded(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=@".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

/// The same for the same rule and object in every run, wherever it stands; equal ones are numbered.
fn fingerprint(finding: &Finding, seen: &mut BTreeMap<u64, usize>) -> String {
    let object = finding.object.as_ref().map(qualified_name);
    let file = || finding.source.as_ref().map(|place| place.file.clone());
    let subject = object.or_else(file).unwrap_or_else(|| finding.title.clone());
    let hash = fnv1a(format!("{}\n{subject}", finding.id).as_bytes());
    let number = seen.entry(hash).and_modify(|number| *number += 1).or_insert(1);
    format!("{hash:016x}:{number}")
}

/// FNV-1a with 64 bits: the standard library's hash may change from release to release.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    #[test]
    fn fnv1a_is_the_published_one() {
        // The test vectors of the FNV page.
        for (text, hash) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            assert_eq!(fnv1a(text.as_bytes()), hash, "{text}");
        }
    }

    #[test]
    fn paths_become_uris() {
        for (path, uri) in [
            ("deploy/shop.yaml", "deploy/shop.yaml"),
            ("./a b/ü.yaml", "a%20b/%C3%BC.yaml"),
            ("a:b#c?d%", "a%3Ab%23c%3Fd%25"),
            ("-", "stdin"),
            #[cfg(unix)]
            ("/srv/x.yaml", "file:///srv/x.yaml"),
        ] {
            assert_eq!(file_uri(path), uri);
        }
    }

    #[test]
    fn fingerprints_stay_when_lines_move_and_differ_otherwise() {
        let mut report = sample::report();
        let prints = |report: &Report| -> Vec<String> {
            let mut seen = BTreeMap::new();
            report.findings.iter().map(|finding| fingerprint(finding, &mut seen)).collect()
        };
        let before = prints(&report);
        for finding in &mut report.findings {
            finding.title.push_str(" since yesterday");
            finding.source.iter_mut().for_each(|source| source.line += 10);
        }
        assert_eq!(prints(&report), before);
        let again = report.findings[0].clone();
        report.findings.push(again);
        let all = prints(&report);
        let unique: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(unique.len(), all.len(), "{all:?}");
    }

    #[test]
    fn every_rule_index_points_at_its_rule() {
        let log = log(&sample::report()).expect("plain data");
        let run = &log["runs"][0];
        let results = run["results"].as_array().expect("results");
        assert_eq!(results.len(), 3);
        for result in results {
            let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("a small number");
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
            for required in ["message", "locations", "partialFingerprints", "level"] {
                assert!(!result[required].is_null(), "{required} is missing in {result}");
            }
        }
    }
}
