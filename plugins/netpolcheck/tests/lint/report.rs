//! Old kinds written anew, places, formats, identifiers.

use std::collections::BTreeSet;

use kubectl_netpolcheck::lint::IDS;
use serde_json::Value;

use super::scene::{CLUSTER, finds, finds_nothing, lint, np, report_of, run, short, with};

#[test]
fn old_kinds_are_written_anew() {
    let anp = "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: {name: old, labels: {x: y}}\nspec:\n  priority: 7\n  subject: {pods: {namespaceSelector: {matchLabels: {team: shop}}, podSelector: {matchLabels: {app: web}}}}\n  ingress:\n  - name: scrape\n    action: Allow\n    from: [{namespaces: {}}]\n    ports: [{portNumber: {protocol: TCP, port: 8080}}, {portRange: {protocol: TCP, start: 8000, end: 8100}}, {namedPort: http}]\n";
    let found = finds(&[anp.to_owned()], "low deprecated-kind old");
    let text = found["evidence"]["translation"].as_str().expect("a manifest");
    let manifest: Value = serde_saphyr::from_str(text).expect("YAML");
    assert_eq!(
        manifest,
        serde_json::json!({
            "apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy",
            "metadata": {"name": "old", "labels": {"x": "y"}},
            "spec": {"tier": "Admin", "priority": 7,
                "subject": {"pods": {"namespaceSelector": {"matchLabels": {"team": "shop"}}, "podSelector": {"matchLabels": {"app": "web"}}}},
                "ingress": [{"name": "scrape", "action": "Accept", "from": [{"namespaces": {}}], "protocols": [
                    {"tcp": {"destinationPort": {"number": 8080}}}, {"tcp": {"destinationPort": {"range": {"start": 8000, "end": 8100}}}},
                    {"destinationNamedPort": "http"}]}]}})
    );
    finds_nothing(&[text.to_owned()]);
    let page = String::from_utf8(run(&with(&[anp.to_owned()]), &[]).stdout).expect("text");
    assert!(page.contains("As a ClusterNetworkPolicy:") && page.contains("    kind: ClusterNetworkPolicy"), "{page}");
    // Longer lists than a ClusterNetworkPolicy may have become several rules, or are too much for one policy.
    let many = vec!["{namespaces: {}}"; 30].join(", ");
    let found = lint(&[anp.replace("[{namespaces: {}}]", &format!("[{many}]"))]);
    let manifest: Value =
        serde_saphyr::from_str(found[0]["evidence"]["translation"].as_str().expect("a manifest")).expect("YAML");
    let peers = |rule: usize| manifest["spec"]["ingress"][rule]["from"].as_array().map(Vec::len);
    assert_eq!((peers(0), peers(1), peers(2)), (Some(25), Some(5), None), "{manifest:#}");
    let rule = "  - {action: Deny, from: [{namespaces: {matchLabels: {team: data}}}]}\n";
    let found = lint(&[format!("{anp}{}", rule.repeat(25))]);
    let refused = found.iter().find(|it| it["id"] == "deprecated-kind").expect("a finding");
    assert!(
        refused["evidence"]["notTranslated"].as_str().unwrap().starts_with("spec.ingress comes to 26 rules"),
        "{refused:#}"
    );
    // What is not known cannot be written anew.
    let strange = anp.replace("[{namespaces: {}}]", "[{galaxies: {}}]");
    let (report, code) = report_of(&with(&[strange]));
    assert_eq!(
        (&report["findings"][0]["evidence"]["notTranslated"], code),
        (&"spec.ingress[0] has a peer of a form that is not known".into(), Some(4)),
        "{report:#}"
    );
}

#[test]
fn findings_name_the_line_of_the_rule() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("policy.yaml");
    let block = "# A comment\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: a\n  namespace: shop\nspec:\n  podSelector: {}\n  ingress:\n  - from:\n    - podSelector: {}\n  - ports:\n    - port: nobody\n";
    let line = |text: &str| {
        std::fs::write(&path, text).expect("a file");
        let output = run(CLUSTER, &["-f", &path.display().to_string(), "-o", "json"]);
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        let source = report["findings"][0]["source"].clone();
        assert_eq!(source["file"], path.display().to_string(), "{report:#}");
        source["line"].as_u64().expect("a line")
    };
    assert_eq!(line(block), 12);
    assert_eq!(line(&format!("---\nkind: Nothing\napiVersion: v1\n---\n{block}")), 16);
    let item = block.lines().skip(1).map(|line| format!("  {line}\n")).collect::<String>().replacen(
        "  apiVersion",
        "- apiVersion",
        1,
    );
    assert_eq!(line(&format!("apiVersion: v1\nkind: List\nitems:\n{item}")), 14);
    let value: Value = serde_saphyr::from_str(block).expect("YAML");
    let json = serde_json::to_string_pretty(&value).expect("JSON");
    let at = json.lines().position(|line| line.contains("\"ports\"")).expect("a line");
    assert_eq!(line(&json), at as u64, "the line of the bracket before it");
    // Of a list in flow style the line of the list is known.
    assert_eq!(
        line(&block.replace(
            "  ingress:\n  - from:\n    - podSelector: {}\n  - ports:\n    - port: nobody\n",
            "  ingress: [{ports: [{port: nobody}]}]\n"
        )),
        9
    );
    // A whole policy is where it begins.
    assert_eq!(line(&block.replace("podSelector: {}\n  ingress", "podSelector: {matchLabels: {a: b}}\n  ingress")), 2);
}

#[test]
fn every_format_says_what_was_found() {
    let input = with(&[
        np("a", "{podSelector: {}, ingress: [{ports: [{port: nobody}]}]}"),
        np("b", "{podSelector: {matchLabels: {app: wbe}}}"),
    ]);
    for (format, expected) in [
        ("wide", "named-port-unresolved"),
        ("markdown", "## NetworkPolicy shop/a in -\n"),
        ("markdown", "| medium | named-port-unresolved | "),
        ("sarif", "\"ruleId\": \"named-port-unresolved\""),
        ("junit", "classname=\"named-port-unresolved\" name=\"NetworkPolicy shop/a\""),
        ("name", "networkpolicy.networking.k8s.io/a"),
    ] {
        let output = run(&input, &["-o", format]);
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(text.contains(expected), "{format}: {text}");
        assert_eq!(output.status.code(), Some(0), "{format}");
    }
    for (threshold, code) in [("medium", 1), ("low", 1), ("high", 0), ("none", 0)] {
        assert_eq!(run(&input, &["--fail-on", threshold]).status.code(), Some(code), "{threshold}");
    }
    let other = run(&input, &["-n", "data"]);
    assert!(String::from_utf8_lossy(&other.stdout).contains("Nothing found."));
    assert_eq!(run(&input, &["-n", "shop", "--fail-on", "medium"]).status.code(), Some(1));
    let clean = run(&with(&[np("a", "{podSelector: {}}")]), &[]);
    assert!(String::from_utf8_lossy(&clean.stdout).contains("Nothing found."));
    assert_eq!(run("{not yaml", &[]).status.code(), Some(3));
}

#[test]
fn every_identifier_is_in_the_schema() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/v1/lint-report.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("the schema")).expect("JSON");
    let listed = schema["properties"]["findings"]["items"]["properties"]["id"]["enum"].as_array().expect("a list");
    let listed: BTreeSet<&str> = listed.iter().filter_map(Value::as_str).collect();
    assert_eq!(listed, IDS.iter().copied().collect());
}

#[test]
fn the_sample_is_sound() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/policies");
    let output = run("", &["-f", sample, "-o", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let found = short(report["findings"].as_array().expect("findings"));
    assert_eq!(found, ["medium egress-without-dns api"], "{report:#}");
}
