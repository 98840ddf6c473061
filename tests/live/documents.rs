//! Every shell block of the README and of the guides, run as somebody who copies it would: in a fresh copy of the
//! repository, one after the other.
//!
//! Only cargo is another one: what it would build is built already. A line whose comment says that it `takes minutes` or
//! `needs` something is left out, and so is one with a program that is not on this machine; which ones is printed.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use patchkit_test_support::{Cluster, Output, Run, cluster_programs, plugin_folder, scratch, shell_blocks};

/// Where the documents put their cluster.
const THEIR_CLUSTER: &str = "/tmp/patchkit-cluster";

/// The guide that `drainsafe_pool` runs, beside the files of its example.
const RUN_ELSEWHERE: &str = "weekly-node-image-update.md";

/// What stands in for cargo. `$PLUGINS` is the folder with the programs.
const CARGO: &str = r#"#!/bin/bash
set -eu
command=$1
path='' package=''
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  case $1 in
    --path) path=$2 ;;
    -p) package=$2 ;;
  esac
  shift
done
case $command in
  run) shift; exec "$PLUGINS/$package" "$@" ;;
  build) mkdir -p target/debug; ln -sf "$PLUGINS"/* target/debug/ ;;
  install)
    program=kubectl-${path##*/}
    grep -qx "name = \"$program\"" "$path/Cargo.toml"
    mkdir -p "$HOME/.cargo/bin"; ln -sf "$PLUGINS/$program" "$HOME/.cargo/bin/" ;;
  *) echo "no stand-in for cargo $command" >&2; exit 101 ;;
esac
"#;

/// A fresh copy of the repository, with a home beside it.
struct Copy {
    folder: PathBuf,
    home: PathBuf,
    path: OsString,
    plugins: PathBuf,
    cluster: PathBuf,
}

impl Copy {
    fn new() -> Self {
        let folder = scratch::directory("copy");
        let home = scratch::directory("reader");
        let bin = scratch::directory("stand-in");
        fs::write(bin.join("cargo"), CARGO).expect("a script");
        let plugins = plugin_folder();
        let outside = std::env::var_os("PATH").unwrap_or_default();
        let all = [bin.clone(), home.join(".cargo/bin")].into_iter().chain(std::env::split_paths(&outside));
        let path = std::env::join_paths(all).expect("a path");
        let cluster = scratch::directory("their-cluster");
        let copy = Self { folder, home, path, plugins, cluster };
        let files = "git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from - | \
                     tar --extract --directory \"$0\" && chmod +x \"$1\" && cd \"$0\" && git init -q -b main && \
                     git add -A && git -c user.name=a -c user.email=a@b commit -qm all && mkdir -p target && \
                     ln -s \"$2\" target/cluster";
        let _ = Run::new("bash")
            .args(["-euo", "pipefail", "-c", files])
            .arg(&copy.folder)
            .arg(bin.join("cargo"))
            .arg(cluster_programs().expect("a cluster"))
            .folder(scratch::repository())
            .output()
            .exits(0);
        copy
    }

    fn bash(&self, script: &str) -> Run {
        let script = script.replace(THEIR_CLUSTER, self.cluster.to_str().expect("a path"));
        let go = |name: &str| Run::new("go").args(["env", name]).env("HOME", home_of_user()).output().stdout;
        Run::new("bash")
            .args(["-euo", "pipefail", "-c", &script])
            .env("PATH", &self.path)
            .env("HOME", &self.home)
            .env("PLUGINS", &self.plugins)
            // What Go has fetched and built is used again.
            .env("GOMODCACHE", go("GOMODCACHE").trim())
            .env("GOCACHE", go("GOCACHE").trim())
            .folder(&self.folder)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // Where a script ended before it had cleaned up.
        if let Ok(programs) = cluster_programs() {
            let _ = Run::new(programs.join("testcluster")).arg("down").arg(&self.cluster).arg("--delete").output();
        }
    }
}

fn home_of_user() -> OsString {
    std::env::var_os("HOME").unwrap_or_default()
}

/// Says on the terminal what was left out.
fn left_out(document: &str, line: &str, why: &str) {
    writeln!(std::io::stderr(), "left out of {document}: {line} ({why})").expect("standard error");
}

/// Why a line is not run.
fn why_not(line: &str) -> Option<String> {
    let (command, comment) = line.split_once(" # ").unwrap_or((line, ""));
    let marked = ["takes minutes", "needs "].iter().any(|mark| comment.trim_start().starts_with(mark));
    if marked {
        return Some(comment.trim().to_owned());
    }
    // Programs of others, which not every machine has.
    let others = command.split('|').filter_map(|part| part.split_whitespace().next());
    let is_missing = |program: &&str| {
        ["dot", "hubble"].contains(program)
            && Run::new("sh").args(["-c", "command -v \"$0\"", program]).output().code() != Some(0)
    };
    others.into_iter().find(is_missing).map(|program| format!("{program} is not on this machine"))
}

/// A document's blocks as one script, each with a line before it that tells where it is.
fn script(document: &str, blocks: &[(usize, String)]) -> String {
    let mut script = String::new();
    for (number, block) in blocks {
        script.push_str(&format!("echo '### line {number}'\n"));
        for line in block.lines() {
            match why_not(line) {
                Some(why) => left_out(document, line, &why),
                None => script.push_str(&format!("{line}\n")),
            }
        }
    }
    script
}

pub fn the_guides_work_as_they_are_written() {
    let copy = Copy::new();
    let mut guides: Vec<PathBuf> = fs::read_dir(scratch::repository().join("docs/guides"))
        .expect("the guides")
        .map(|it| it.expect("a guide").path())
        .filter(|guide| !guide.ends_with(RUN_ELSEWHERE))
        .collect();
    guides.push(scratch::repository().join("tests/cluster/README.md"));
    guides.sort();
    for guide in guides {
        let name = guide.file_name().expect("a name").to_string_lossy().into_owned();
        let blocks = shell_blocks(&fs::read_to_string(&guide).expect("a guide"));
        assert!(!blocks.is_empty(), "{name} has nothing to be copied");
        let output = copy.bash(&script(&name, &blocks)).output();
        assert!(output.code() == Some(0), "{name}: {:?}\n{}\n{}", output.code(), output.stdout, output.stderr);
        let clean = copy.bash("git status --porcelain").output().exits(0).stdout;
        assert_eq!(clean, "", "{name} leaves something behind");
    }
}

/// What the commands of the README name, beside what the repository holds.
fn prepare(cluster: &Cluster, copy: &Copy) {
    let manifest = fs::read_to_string(scratch::repository().join("tests/live/documents.yaml")).expect("a manifest");
    cluster.apply(&manifest);
    let _ = cluster.wait(&["deployment", "-A", "--all"], "condition=Available");
    let _ = cluster.wait(&["statefulset/web"], "jsonpath={.status.readyReplicas}=1");
    let text = |path: &str, text: &str| {
        let path = copy.folder.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    let all = cluster.kubectl(&["get", "all,nodes,networkpolicies,namespaces", "-A", "-o", "yaml"]).output().exits(0);
    text("dump/all.yaml", &all.stdout);
    let policies = cluster.kubectl(&["get", "networkpolicies,pods,namespaces", "-A", "-o", "yaml"]).output().exits(0);
    text("policies/all.yaml", &policies.stdout);
    let old = "apiVersion: batch/v1beta1\nkind: CronJob\nmetadata: {name: old}\nspec: {}\n";
    text("charts/old.yaml", old);
    text("manifests/all.yaml", &manifest);
    text("trivy.json", r#"{"SchemaVersion": 2, "ArtifactName": "registry.example/web:1", "Results": []}"#);
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: new}\nspec: {containers: [{name: a, image: a}]}\n";
    text("new-pod.yaml", pod);
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: new, namespace: shop}\n\
                  spec: {podSelector: {}}\n";
    text("new.yaml", policy);
    // A folder of the reader's own, in the place of this repository's.
    text("deploy/all.yaml", &format!("{manifest}---\n{policy}"));
    // The only YAML of the README is what lies in this file.
    let readme = fs::read_to_string(copy.folder.join("README.md")).expect("the README");
    let accepted = readme.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("exceptions");
    text("accepted.yaml", accepted);
    let _ = copy.bash("git add -A && git -c user.name=a -c user.email=a@b commit -qm reader").output().exits(0);
}

pub fn every_command_of_the_readme_works() {
    let cluster = Cluster::own(&patchkit_test_support::ClusterOptions::new());
    let copy = Copy::new();
    prepare(&cluster, &copy);
    let kubeconfig = copy.home.join("config");
    fs::copy(cluster.kubeconfig(), &kubeconfig).expect("a kubeconfig");
    for context in ["prod", "staging"] {
        let made = cluster.kubectl(&["config", "set-context", context, "--cluster=testcluster", "--user=admin"]);
        let _ = made.env("KUBECONFIG", &kubeconfig).output().exits(0);
    }
    let kubectl = cluster_programs().expect("kubectl").join("bin");
    let readme = fs::read_to_string(scratch::repository().join("README.md")).expect("the README");
    let mut commands = 0;
    for (number, block) in shell_blocks(&readme) {
        if block.contains("testcluster up") {
            // A session of its own: what it exports is for what follows in it.
            let output = copy.bash(&script("README.md", &[(number, block)])).output();
            assert_eq!(output.code(), Some(0), "{}\n{}", output.stdout, output.stderr);
            continue;
        }
        // Elsewhere each line is a command by itself.
        for line in block.lines() {
            if let Some(why) = why_not(line) {
                left_out("README.md", line, &why);
                continue;
            }
            let path = std::env::join_paths(
                [copy.plugins.clone(), kubectl.clone()].into_iter().chain(std::env::split_paths(&copy.path)),
            );
            let run = copy.bash(line).env("KUBECONFIG", &kubeconfig).env("PATH", path.expect("a path"));
            assert_works(line, &run.output());
            commands += 1;
        }
    }
    assert!(commands > 40, "{commands} commands: is the README read at all?");
}

/// A command that finds something exits with 1, and one that could not read all with 4. One that asks finds nobody here.
fn assert_works(line: &str, output: &Output) {
    let asks = output.code() == Some(2) && output.stderr.contains("--yes");
    let ends = matches!(output.code(), Some(0 | 1 | 4)) || asks;
    assert!(ends, "{line}: {:?}\n{}\n{}", output.code(), output.stdout, output.stderr);
}

/// Links of the documents lead somewhere.
pub fn links_lead_somewhere() {
    let root = scratch::repository();
    let mut documents: Vec<PathBuf> = vec![root.join("README.md"), root.join("tests/cluster/README.md")];
    documents.extend(fs::read_dir(root.join("docs/guides")).expect("the guides").map(|it| it.expect("a guide").path()));
    for document in documents {
        let text = fs::read_to_string(&document).expect("a document");
        let folder = document.parent().unwrap_or(Path::new("."));
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            if !path.contains("://") && !path.is_empty() {
                assert!(folder.join(path).exists(), "{}: {target}", document.display());
            }
        }
    }
}
