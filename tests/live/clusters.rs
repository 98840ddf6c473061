//! One command on several clusters: contexts of one test cluster, and one that leads nowhere.

use std::{fs, path::PathBuf};

use patchkit_test_support::{Cluster, Run, assert_valid, scratch};
use serde_json::Value;

/// The cluster's contexts, and `gone`, where nobody answers.
fn kubeconfig(cluster: &Cluster) -> PathBuf {
    let path = scratch::directory("contexts").join("config");
    fs::copy(cluster.kubeconfig(), &path).unwrap();
    for words in
        [&["set-cluster", "gone", "--server=http://127.0.0.1:1"][..], &["set-context", "gone", "--cluster=gone"]]
    {
        let _ = cluster.kubectl(&["config"]).args(words).env("KUBECONFIG", &path).output().exits(0);
    }
    path
}

fn contexts(reports: &Value) -> Vec<String> {
    let reports = reports.as_array().unwrap();
    reports.iter().map(|it| it["metadata"]["source"]["context"].as_str().unwrap().to_owned()).collect()
}

pub fn each_is_read_and_none_hides_another() {
    let cluster = Cluster::shared();
    let config = kubeconfig(&cluster);
    let namespace = cluster.namespace("clusters");
    namespace.apply("{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: a, image: a}]}}");
    let to = format!("{}/web", namespace.name());
    let run = |plugin: &str, words: &[&str]| -> Run { cluster.plugin(plugin).args(words).env("KUBECONFIG", &config) };
    for (plugin, words) in [
        ("secpatch", &["plan"][..]),
        ("secpatch", &["cves"]),
        ("secpatch", &["apis"]),
        ("secpatch", &["images"]),
        ("secpatch", &["pods"]),
        ("secpatch", &["posture"]),
        ("drainsafe", &["check"]),
        ("drainsafe", &["fit"]),
        ("netpolcheck", &["map"]),
        ("netpolcheck", &["coverage"]),
        ("netpolcheck", &["lint"]),
        ("netpolcheck", &["can", "internet", &to]),
    ] {
        let output = run(plugin, words).args(["--contexts=admin,gone,admin-cert", "-o", "json"]).output();
        let all = output.exits(4).report();
        assert_eq!(contexts(&all["reports"]), ["admin", "admin-cert"], "{plugin} {words:?}");
        all["reports"].as_array().unwrap().iter().for_each(assert_valid);
        assert_eq!(all["failed"][0]["context"], "gone");
        assert_eq!(all["failed"][0]["exitCode"], 3);
        assert!(all["failed"][0]["error"].as_str().unwrap().contains("was refused"), "{}", all["failed"][0]);
        assert_eq!(all["summary"]["verdict"], "2 of 3 clusters read");
    }
    // As the command ends on each of them alone.
    let alone = run("secpatch", &["posture"]).output().code();
    let both = run("secpatch", &["posture", "--contexts", "admin,admin-cert"]).output();
    assert_eq!(both.code(), alone, "{both:?}");
    let _ = run("secpatch", &["posture", "--contexts", "gone,nowhere"]).output().exits(3);
    // Every context of the file, also those of users who may do little.
    let all = run("drainsafe", &["check", "--all-contexts", "-o", "json"]).output().exits(4).report();
    let (read, failed) = (contexts(&all["reports"]), all["failed"].as_array().unwrap());
    assert_eq!(read.len() + failed.len(), 5, "{all}");
    assert!(read.contains(&"admin".to_owned()), "{read:?}");
}

pub fn every_form_shows_all_of_them() {
    let cluster = Cluster::shared();
    let config = kubeconfig(&cluster);
    let run = |form: &str| {
        let run = cluster.plugin("secpatch").env("KUBECONFIG", &config);
        run.args(["posture", "--contexts=admin,gone,admin-cert", "-o", form]).output().exits(4).stdout
    };
    for form in ["table", "wide"] {
        let text = run(form);
        for words in
            ["2 of 3 clusters read", "Context admin\n", "Context gone\n", "Context admin-cert\n", "was refused"]
        {
            assert!(text.contains(words), "{words:?} is missing:\n{text}");
        }
    }
    let page = run("markdown");
    for words in ["\n## Context admin\n", "\n### ", "\n## Context gone\n", "| admin-cert |"] {
        assert!(page.contains(words), "{words:?} is missing:\n{page}");
    }
    assert_eq!(page.lines().filter(|line| line.starts_with("# ")).count(), 1, "{page}");
    assert_eq!(run("jsonpath={.reports[*].metadata.source.context}"), "admin admin-cert");
    assert!(run("yaml").contains("kind: MultiClusterReport"));
    assert!(run("name").lines().all(|line| line.starts_with("admin\t") || line.starts_with("admin-cert\t")));
    let log: Value = serde_json::from_str(&run("sarif")).unwrap();
    let runs = log["runs"].as_array().unwrap();
    let succeeded: Vec<_> = runs.iter().map(|run| run["invocations"][0]["executionSuccessful"].clone()).collect();
    assert_eq!(succeeded, [true, true, false]);
    let ids: Vec<_> = runs.iter().map(|run| run["automationDetails"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids[1], "kubectl secpatch posture/admin-cert/");
    let tests = run("junit");
    for words in ["name=\"admin: checks\"", "name=\"admin-cert: checks\"", "name=\"gone\""] {
        assert!(tests.contains(words), "{words:?} is missing:\n{tests}");
    }
    assert_eq!(tests.matches("<?xml").count(), 1);
}

pub fn what_is_for_one_cluster_says_so() {
    let cluster = Cluster::shared();
    for (plugin, line, words) in [
        ("drainsafe", "node a --contexts admin,reader --yes", "this one is for one cluster"),
        ("secpatch", "fix --all-contexts", "this one is for one cluster"),
        ("secpatch", "images --fix out --all-contexts", "this one is for one cluster"),
        ("netpolcheck", "map --all-contexts -o csv", "-o csv shows one cluster"),
        ("netpolcheck", "lint --all-contexts -f .", "-f reads files"),
        ("netpolcheck", "lint --contexts=", "there is no context"),
        ("netpolcheck", "lint --contexts a --context b", "cannot be used with"),
    ] {
        let refused = cluster.plugin(plugin).args(line.split(' ')).output().exits(2);
        assert!(refused.stderr.contains(words), "{line}: {}", refused.stderr);
    }
}
