//! The programs that end-to-end tests run: built once for all test programs, and put on a `PATH`.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use std::{env, thread};

use serde_json::Value;

use crate::scratch;

/// Why no test cluster can be started on this machine; nothing where one can.
#[must_use]
pub fn why_no_cluster() -> Option<&'static str> {
    if !cfg!(target_os = "linux") {
        return Some("the test cluster runs on Linux only");
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).any(|folder| folder.join("go").is_file());
    (!found).then_some("needs Go, which is not on the PATH")
}

/// The folder of `testcluster`, `controlplane`, `kwok` and `bin/kubectl`. Builds them where they are not up to date.
///
/// # Errors
/// What the build said, where it failed.
pub fn cluster_programs() -> Result<&'static Path, String> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        if let Some(why) = why_no_cluster() {
            return Err(why.to_owned());
        }
        let folder = scratch::target().join("cluster");
        let mut build = Command::new(scratch::repository().join("tests/cluster/build.sh"));
        build.arg(&folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let built = announced(
            "building the test cluster's Go programs: minutes the first time, seconds after a change",
            &mut build,
        )?;
        built.map(|_| folder)
    });
    folder.as_deref().map_err(Clone::clone)
}

/// The plugins, by name.
fn plugins() -> Result<impl Iterator<Item = &'static (String, PathBuf)>, String> {
    Ok(programs()?.iter().filter(|(name, _)| name.starts_with("kubectl-")))
}

/// A program of the workspace: a plugin, or one that makes a release.
///
/// # Panics
/// Where it cannot be built.
#[must_use]
pub fn program(name: &str) -> &'static Path {
    let all = programs().unwrap_or_else(|error| panic!("{error}"));
    let found = all.iter().find(|(known, _)| known == name);
    let Some((_, path)) = found else {
        let names: Vec<_> = all.iter().map(|(name, _)| name.as_str()).collect();
        panic!("{name} is not one of the workspace's programs: {names:?}")
    };
    path
}

fn programs() -> Result<&'static [(String, PathBuf)], String> {
    static PROGRAMS: OnceLock<Result<Vec<(String, PathBuf)>, String>> = OnceLock::new();
    PROGRAMS.get_or_init(build_programs).as_deref().map_err(Clone::clone)
}

fn build_programs() -> Result<Vec<(String, PathBuf)>, String> {
    let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.current_dir(scratch::repository()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // With a test among the targets, the features of all dependencies are those of `cargo test --workspace`, and
    // nothing is built twice. This test is the cheapest.
    build.args(["build", "--workspace", "--bins", "--example", "sbom", "--test", "files"]);
    build.args(["--message-format", "json-render-diagnostics", "--target-dir"]).arg(scratch::target());
    match profile().as_str() {
        "debug" => {}
        "release" => drop(build.arg("--release")),
        other => drop(build.args(["--profile", other])),
    }
    // What cargo sets for the program that it runs would look like a changed environment to build scripts.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let of_one_package = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
        if of_one_package.iter().any(|prefix| text.starts_with(prefix)) || text == "LD_LIBRARY_PATH" {
            build.env_remove(&name);
        }
    }
    let messages = announced("building the plugins", &mut build)??;
    let mut programs = Vec::new();
    for message in messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let kind = &message["target"]["kind"];
        let is_program = (*kind == serde_json::json!(["bin"]) || *kind == serde_json::json!(["example"]))
            && message["profile"]["test"] == false;
        if let (true, Some(name), Some(path)) =
            (is_program, message["target"]["name"].as_str(), message["executable"].as_str())
        {
            programs.push((name.to_owned(), PathBuf::from(path)));
        }
    }
    if programs.is_empty() { Err("cargo has built no program of this workspace".to_owned()) } else { Ok(programs) }
}

/// The profile that this test program was built with, by the name of its folder.
fn profile() -> String {
    let program = env::current_exe().expect("the path of this test program");
    let folder = program.parent().filter(|folder| folder.ends_with("deps")).and_then(Path::parent);
    folder.and_then(Path::file_name).map_or_else(|| "debug".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Runs a build, and says so on the terminal where it takes longer than a moment: nobody should have to guess why a
/// test run stands still. Gives what it printed, or what it complained about.
fn announced(what: &str, command: &mut Command) -> Result<Result<String, String>, String> {
    let began = Instant::now();
    let build = command.spawn().map_err(|error| format!("cannot start {:?}: {error}", command.get_program()))?;
    let (done, ended) = channel();
    thread::spawn(move || done.send(build.wait_with_output()));
    let mut told = false;
    let output = loop {
        let patience = Duration::from_secs(if told { 60 } else { 2 });
        match ended.recv_timeout(patience) {
            Ok(output) => break output.map_err(|error| format!("{what}: {error}"))?,
            Err(RecvTimeoutError::Timeout) => {
                say(&if told { format!("… {} s", began.elapsed().as_secs()) } else { format!("{what} …") });
                told = true;
            }
            Err(RecvTimeoutError::Disconnected) => return Err(format!("{what}: the build was lost")),
        }
    };
    if told {
        say(&format!("… done after {:.0} s", began.elapsed().as_secs_f64()));
    }
    if output.status.success() {
        return Ok(Ok(String::from_utf8_lossy(&output.stdout).into_owned()));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Ok(Err(format!("{what} failed ({}):\n{said}", output.status)))
}

/// Past the capturing of a test's output, which would keep it until the end.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A `PATH` that begins with the plugins, and with a cluster's kubectl where that is wanted.
///
/// # Panics
/// Where the programs cannot be built.
#[must_use]
pub fn path(with_kubectl: bool) -> &'static OsString {
    static PLUGINS: OnceLock<OsString> = OnceLock::new();
    static ALL: OnceLock<OsString> = OnceLock::new();
    if with_kubectl {
        ALL.get_or_init(|| {
            let folder = cluster_programs().unwrap_or_else(|error| panic!("{error}"));
            prepend(folder.join("bin"), path(false))
        })
    } else {
        PLUGINS.get_or_init(|| {
            // Beside the programs in target/ lies much that should not be on a PATH.
            prepend(plugin_folder(), &env::var_os("PATH").unwrap_or_default())
        })
    }
}

/// A new folder of links to the plugins, as a plugin manager makes it.
///
/// # Panics
/// Where the programs cannot be built.
#[must_use]
pub fn plugin_folder() -> PathBuf {
    let links = scratch::directory("bin");
    for (name, program) in plugins().unwrap_or_else(|error| panic!("{error}")) {
        std::os::unix::fs::symlink(program, links.join(name))
            .unwrap_or_else(|error| panic!("cannot link {}: {error}", program.display()));
    }
    links
}

pub(crate) fn prepend(folder: PathBuf, path: &OsString) -> OsString {
    env::join_paths(std::iter::once(folder).chain(env::split_paths(path)))
        .expect("a folder without a colon in its name")
}
