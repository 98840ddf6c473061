//! The workflow of a release, which only a public pipeline can run: that it is what it should be, as far as its text
//! tells.

use std::collections::BTreeSet;
use std::fs;

use patchkit_test_support::scratch;
use regex::Regex;
use serde_json::Value;

/// Taken by its tag, as its manual says: it gets no secret, and may only read.
const BY_TAG: &str = "rajatjindal/krew-release-bot@v";

fn words(pattern: &str, text: &str) -> BTreeSet<String> {
    Regex::new(pattern).expect("a pattern").find_iter(text).map(|found| found.as_str().to_owned()).collect()
}

fn steps(workflow: &Value) -> Vec<&Value> {
    let jobs = workflow["jobs"].as_object().expect("jobs");
    jobs.values().flat_map(|job| job["steps"].as_array().into_iter().flatten()).collect()
}

#[test]
fn a_release_is_made_for_all_platforms_by_scripts_that_are_there() {
    let root = scratch::repository();
    let text = fs::read_to_string(root.join(".github/workflows/release.yml")).expect("the workflow");
    let workflow: Value = serde_saphyr::from_str(&text).expect("YAML");
    let matrix = workflow["jobs"]["build"]["strategy"]["matrix"]["include"].as_array().expect("a matrix");
    let platforms: BTreeSet<&str> = matrix.iter().filter_map(|it| it["platform"].as_str()).collect();
    let script = fs::read_to_string(root.join("krew/build.sh")).expect("a script");
    assert_eq!(platforms.len(), 6);
    for it in matrix {
        let field = |name: &str| it[name].as_str().expect("text");
        // The script and the workflow mean the same target.
        let line = format!("{}) echo {} ;;", field("platform"), field("target"));
        assert!(script.contains(&line), "{line}");
    }
    // Whatever a manifest names is built.
    for plugin in ["secpatch", "drainsafe", "netpolcheck"] {
        let template = fs::read_to_string(root.join(format!("krew/templates/{plugin}.yaml"))).expect("a template");
        let named = words(r"(linux|darwin|windows)_(amd64|arm64)", &template);
        assert!(named.iter().map(String::as_str).eq(platforms.iter().copied()), "{plugin}: {named:?}");
    }

    for step in steps(&workflow) {
        let is_action = step["uses"].is_string();
        assert!(is_action != step["run"].is_string(), "a step either uses an action or runs something: {step}");
        if let Some(action) = step["uses"].as_str() {
            let commit = action.split_once('@').map_or("", |(_, version)| version);
            let pinned = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(pinned || action.starts_with(BY_TAG), "{action} is not pinned");
        }
        let run = step["run"].as_str().unwrap_or_default();
        // Nothing that somebody outside may choose goes into a script.
        assert!(!run.contains("github.event") && !run.contains("github.head_ref"), "{run}");
        for script in words(r"(krew|\.ci|tests)/[\w.-]+(\.sh|/run|/ci)?", run) {
            assert!(root.join(&script).is_file(), "{script} is not there");
        }
    }
    let all: String = steps(&workflow).iter().filter_map(|step| step["run"].as_str()).collect();
    for part in
        [".ci/run", "krew/build.sh", "krew/package.sh", "cargo install", "cosign sign-blob", "gh release create"]
    {
        assert!(all.contains(part), "{part}");
    }
    for asset in ["dist/*.tar.gz", "dist/*.cdx.json", "dist/SHA256SUMS", "sigstore.json"] {
        assert!(all.contains(asset), "{asset} is not attached");
    }

    // Nothing is published before everything is built and tested, nor without a tag; and rights are given one by one.
    let jobs = &workflow["jobs"];
    assert_eq!(jobs["package"]["needs"], serde_json::json!(["build", "test"]));
    for (job, rights) in [("publish", 3), ("image", 3)] {
        assert!(jobs[job]["if"].as_str().is_some_and(|it| it.contains("refs/tags/v")), "{job}");
        assert_eq!(jobs[job]["permissions"].as_object().map(serde_json::Map::len), Some(rights), "{job}");
    }
    assert_eq!(workflow["permissions"], serde_json::json!({"contents": "read"}));
    assert_eq!(jobs["krew"]["needs"], "publish");
    let plugins = jobs["krew"]["strategy"]["matrix"]["plugin"].as_array().expect("plugins");
    assert_eq!(plugins.len(), 3);
}

#[test]
fn cargo_installs_programs_that_kubectl_finds() {
    for plugin in ["secpatch", "drainsafe", "netpolcheck"] {
        let folder = scratch::repository().join("plugins").join(plugin);
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
        // The only program of a package is src/main.rs, and has its name.
        assert!(manifest.contains(&format!("name = \"kubectl-{plugin}\"\n")) && !manifest.contains("[[bin]]"));
        assert!(folder.join("src/main.rs").is_file() && !folder.join("src/bin").exists());
    }
}
