//! A release made of the binaries that are at hand: the archives, the Krew manifests, and what Krew makes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use patchkit_test_support::{Output, Run, program, scratch};
use regex::Regex;
use serde_json::Value;

const PLUGINS: [&str; 3] = ["secpatch", "drainsafe", "netpolcheck"];
const SYSTEMS: [&str; 3] = ["linux", "darwin", "windows"];
const MACHINES: [&str; 2] = ["amd64", "arm64"];

/// This machine, as Go names it.
fn here() -> (&'static str, &'static str) {
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    ("linux", machine)
}

/// The plugins of this machine, and for the others files that take their place: no archive looks into a binary.
fn binaries() -> PathBuf {
    let folder = scratch::directory("binaries");
    for system in SYSTEMS {
        for machine in MACHINES {
            let of_platform = folder.join(format!("{system}_{machine}"));
            fs::create_dir(&of_platform).expect("a folder");
            for plugin in PLUGINS {
                let name = format!("kubectl-{plugin}");
                if (system, machine) == here() {
                    std::os::unix::fs::symlink(program(&name), of_platform.join(&name)).expect("a link");
                } else {
                    let exe = if system == "windows" { ".exe" } else { "" };
                    fs::write(of_platform.join(format!("{name}{exe}")), format!("{name} of {system}")).expect("a file");
                }
            }
        }
    }
    folder
}

fn package(binaries: &Path, out: &Path, more: &[&str]) -> Output {
    let home = std::env::var_os("HOME").unwrap_or_default();
    Run::new(scratch::repository().join("krew/package.sh"))
        .arg("--binaries")
        .arg(binaries)
        .arg("--out")
        .arg(out)
        .args(["--version", concat!("v", env!("CARGO_PKG_VERSION"))])
        .args(more)
        // The script runs cargo for the bill of materials, with a program that is built already.
        .env("HOME", home)
        .env("PATCHKIT_SBOM", program("sbom"))
        .env("GZIP_LEVEL", "1")
        .env("SOURCE_DATE_EPOCH", "1795000000")
        .folder(scratch::repository())
        .output()
}

pub fn archives_and_manifests_are_what_krew_takes() {
    let binaries = binaries();
    let out = scratch::directory("release");
    let _ = package(&binaries, &out, &[]).exits(0);
    let _ = Run::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).folder(&out).output().exits(0);
    let sums = fs::read_to_string(out.join("SHA256SUMS")).expect("the checksums");
    assert_eq!(sums.lines().count(), PLUGINS.len() * (SYSTEMS.len() * MACHINES.len() + 1), "{sums}");

    for plugin in PLUGINS {
        let file = out.join(format!("krew/{plugin}.yaml"));
        let manifest = fs::read_to_string(&file).expect("a manifest");
        let problems = problems(&file, &manifest, &out);
        assert!(problems.is_empty(), "{problems:#?}\n{manifest}");
        assert_bill_of_materials(plugin, &out);
        install(&file, &manifest, &out);
    }

    // Once more, later and from elsewhere: the same bytes.
    let again = scratch::directory("release-again");
    let _ = package(&binaries, &again, &[]).exits(0);
    assert_eq!(fs::read_to_string(again.join("SHA256SUMS")).expect("the checksums"), sums);

    // A platform that is missing is no silent gap.
    fs::remove_dir_all(binaries.join("darwin_arm64")).expect("a folder");
    let part = scratch::directory("release-part");
    let refused = package(&binaries, &part, &[]).exits(1).stderr;
    assert!(refused.contains("darwin_arm64"), "{refused}");
    let told = package(&binaries, &part, &["--partial"]).exits(0).stderr;
    assert!(told.contains("left out: darwin_arm64"), "{told}");
    let manifest = fs::read_to_string(part.join("krew/secpatch.yaml")).expect("a manifest");
    let manifest: Value = serde_saphyr::from_str(&manifest).expect("YAML");
    assert_eq!(manifest["spec"]["platforms"].as_array().map(Vec::len), Some(5));
    let wrong = Run::new(scratch::repository().join("krew/package.sh"));
    let wrong = wrong.args(["--binaries", "x", "--out", "y", "--version", "v9.9.9"]).output().exits(1).stderr;
    assert!(wrong.contains("Cargo.toml says"), "{wrong}");
}

// --- the rules of Krew's validator ---------------------------------------------------------------------------------

/// What is wrong with a manifest by the rules of `validate-krew-manifest` and `internal/index/validation` of Krew, and
/// by those that its index asks of every plugin.
fn problems(file: &Path, text: &str, out: &Path) -> Vec<String> {
    let mut problems = Vec::new();
    let mut rule = |holds: bool, why: &str| {
        if !holds {
            problems.push(why.to_owned());
        }
    };
    let is = |pattern: &str, text: &str| Regex::new(pattern).expect("a pattern").is_match(text);
    let manifest: Value = serde_saphyr::from_str(text).expect("YAML");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = text(&manifest["metadata"]["name"]);
    rule(manifest["apiVersion"] == "krew.googlecontainertools.github.com/v1alpha2", "apiVersion");
    rule(manifest["kind"] == "Plugin", "kind");
    rule(
        file.file_name().is_some_and(|it| it.to_string_lossy() == format!("{name}.yaml")),
        "the file has the plugin's name",
    );
    rule(is(r"^[\w-]+$", &name), "metadata.name");
    rule(!is(r"^(?i)(con|prn|aux|nul|com\d|lpt\d)$", &name), "metadata.name is reserved on Windows");
    let keys =
        |value: &Value| value.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect::<BTreeSet<_>>();
    let known = ["version", "shortDescription", "description", "caveats", "homepage", "platforms"];
    rule(keys(&manifest["spec"]).iter().all(|key| known.contains(&key.as_str())), "spec has unknown fields");
    let spec = &manifest["spec"];
    let short = text(&spec["shortDescription"]);
    rule(!short.is_empty() && !short.contains(['\n', '\r']), "shortDescription is one line");
    rule(short.chars().count() <= 50, "shortDescription has at most 50 characters");
    rule(!short.to_lowercase().contains("kubectl") && !short.ends_with('.'), "shortDescription by the naming guide");
    rule(!text(&spec["description"]).is_empty(), "description");
    rule(text(&spec["description"]).lines().all(|line| line.len() <= 80), "lines of the description fit a terminal");
    rule(text(&spec["homepage"]).starts_with("https://"), "homepage");
    let semver = r"^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$";
    let version = text(&spec["version"]);
    rule(is(semver, &version), "version is semantic, with a leading v");
    let platforms = spec["platforms"].as_array().cloned().unwrap_or_default();
    rule(!platforms.is_empty(), "platforms");
    for system in SYSTEMS {
        for machine in MACHINES {
            let those = platforms.iter().filter(|it| selects(it, system, machine)).count();
            rule(
                those == 1,
                &format!("{those} platforms for {system}/{machine}: selectors neither overlap nor leave one out"),
            );
        }
    }
    for platform in &platforms {
        let fields = ["selector", "uri", "sha256", "bin"];
        rule(
            keys(platform).iter().all(|key| fields.contains(&key.as_str())),
            "a platform has other fields; files is left out",
        );
        let labels = keys(&platform["selector"]["matchLabels"]);
        rule(keys(&platform["selector"]) == BTreeSet::from(["matchLabels".to_owned()]), "only matchLabels are used");
        rule(labels == BTreeSet::from(["arch".to_owned(), "os".to_owned()]), "a selector uses only os and arch");
        let (uri, sha256, bin) = (text(&platform["uri"]), text(&platform["sha256"]), text(&platform["bin"]));
        rule(uri.starts_with("https://") && (uri.ends_with(".tar.gz") || uri.ends_with(".zip")), "uri");
        rule(uri.contains(&version), "the uri is that of this version");
        rule(is("^[0-9a-f]{64}$", &sha256), "sha256 in lower case");
        let is_windows = platform["selector"]["matchLabels"]["os"] == "windows";
        rule(bin.ends_with(".exe") == is_windows, "bin ends in .exe on Windows, and only there");
        rule(!bin.is_empty() && !Path::new(&bin).is_absolute() && !bin.contains(".."), "bin lies in the archive");
        let archive = out.join(uri.rsplit('/').next().unwrap_or_default());
        rule(sum(&archive) == sha256, "sha256 is that of the archive");
        for (path, is_regular) in entries(&archive) {
            rule(is_regular, &format!("{path} is neither a file nor a directory"));
            rule(!path.contains("..") && !path.starts_with('/'), &format!("{path} leads out of the archive"));
        }
        let names: BTreeSet<String> = entries(&archive).into_keys().collect();
        rule(names.contains(&bin), "bin is in the archive");
        rule(
            ["LICENSE", "LICENSE.txt", "LICENSE.md"].iter().any(|it| names.contains(*it)),
            "the archive holds a licence",
        );
    }
    problems
}

fn selects(platform: &Value, system: &str, machine: &str) -> bool {
    let labels = platform["selector"]["matchLabels"].as_object();
    labels.into_iter().flatten().all(|(key, value)| match key.as_str() {
        "os" => value == system,
        "arch" => value == machine,
        _ => false,
    })
}

fn sum(file: &Path) -> String {
    let output = Run::new("sha256sum").arg(file).output().exits(0).stdout;
    output.split(' ').next().unwrap_or_default().to_owned()
}

/// What an archive holds, and whether it is a file or a directory.
fn entries(archive: &Path) -> BTreeMap<String, bool> {
    let mut archive = tar::Archive::new(GzDecoder::new(fs::File::open(archive).expect("an archive")));
    let entries = archive.entries().expect("entries");
    let of = |entry: tar::Entry<'_, _>| {
        let kind = entry.header().entry_type();
        (entry.path().expect("a path").to_string_lossy().into_owned(), kind.is_file() || kind.is_dir())
    };
    entries.map(|entry| of(entry.expect("an entry"))).collect()
}

// --- installing ----------------------------------------------------------------------------------------------------

/// Installs a plugin into an empty Krew root, by krew where that is at hand, and else by the manifest's own words; then
/// runs it through kubectl.
fn install(file: &Path, manifest: &str, out: &Path) {
    let manifest: Value = serde_saphyr::from_str(manifest).expect("YAML");
    let name = manifest["metadata"]["name"].as_str().expect("a name");
    let (system, machine) = here();
    let platforms = manifest["spec"]["platforms"].as_array().expect("a list");
    let platform = platforms.iter().find(|it| selects(it, system, machine)).expect("this machine");
    let text = |field: &str| platform[field].as_str().expect("text");
    let archive = out.join(text("uri").rsplit('/').next().expect("a name"));
    let root = scratch::directory("krew");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let krew = std::env::split_paths(&path).map(|folder| folder.join("kubectl-krew")).find(|it| it.is_file());
    if let Some(krew) = krew {
        let _ = Run::new(krew)
            .with_kubectl()
            .env("KREW_ROOT", &root)
            .arg("install")
            .arg(format!("--manifest={}", file.display()))
            .arg(format!("--archive={}", archive.display()))
            .output()
            .exits(0);
    } else {
        let told = writeln!(std::io::stderr(), "there is no krew here: {name} is unpacked as its manifest says");
        told.expect("standard error");
        assert_eq!(sum(&archive), text("sha256"));
        let store = root.join("store").join(name).join(manifest["spec"]["version"].as_str().expect("a version"));
        fs::create_dir_all(&store).expect("a folder");
        tar::Archive::new(GzDecoder::new(fs::File::open(&archive).expect("an archive"))).unpack(&store).expect("files");
        // A dash in a plugin's name would be another word to kubectl.
        let link = root.join("bin").join(format!("kubectl-{}", name.replace('-', "_")));
        fs::create_dir(root.join("bin")).expect("a folder");
        std::os::unix::fs::symlink(store.join(text("bin")), link).expect("a link");
    }
    // Only this one is found: nothing else of this workspace is on the path.
    let kubectl = patchkit_test_support::cluster_programs().expect("kubectl").join("bin");
    let path = std::env::join_paths([root.join("bin"), kubectl]).expect("a path");
    let kubectl =
        |args: &[&str]| Run::new("kubectl").args(args).env("PATH", &path).folder(scratch::repository()).output();
    let version = kubectl(&[name, "--version"]).exits(0).stdout;
    assert_eq!(version.trim(), format!("kubectl {name} {}", env!("CARGO_PKG_VERSION")));
    let listed = kubectl(&["plugin", "list", "--name-only"]).exits(0).stdout;
    assert_eq!(listed.lines().last(), Some(format!("kubectl-{name}").as_str()), "{listed}");
    let command: &[&str] = match name {
        "secpatch" => &["secpatch", "plan", "-f", "examples/old-minor", "--fail-on", "none"],
        "drainsafe" => &["drainsafe", "check", "-f", "examples/drain", "--complete", "--fail-on", "none"],
        _ => &["netpolcheck", "map", "-f", "examples/policies"],
    };
    assert!(!kubectl(command).exits(0).stdout.is_empty());
}

// --- what a release is made of -------------------------------------------------------------------------------------

fn assert_bill_of_materials(plugin: &str, out: &Path) {
    let file = out.join(format!("kubectl-{plugin}_v{}.cdx.json", env!("CARGO_PKG_VERSION")));
    let bill: Value = serde_json::from_slice(&fs::read(file).expect("a bill of materials")).expect("JSON");
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&"CycloneDX".into(), &"1.6".into()));
    assert_eq!(bill["metadata"]["component"]["name"], format!("kubectl-{plugin}"));
    let components = bill["components"].as_array().expect("a list");
    let names: BTreeSet<&str> = components.iter().filter_map(|it| it["name"].as_str()).collect();
    assert!(["patchkit", "kube-client", "rustls", "serde_json"].iter().all(|it| names.contains(it)), "{names:?}");
    // What tests are made of is not in the binary.
    assert!(["patchkit-test-support", "proptest", "insta"].iter().all(|it| !names.contains(it)), "{names:?}");
    let mut references: BTreeSet<&str> = components.iter().filter_map(|it| it["bom-ref"].as_str()).collect();
    assert_eq!(references.len(), components.len(), "each once");
    references.extend(bill["metadata"]["component"]["bom-ref"].as_str());
    // What stands in this repository has no archive on the registry.
    let ours =
        |it: &Value| it["name"] == "patchkit" || it["version"].as_str().is_some_and(|it| it.ends_with("+patchkit"));
    for component in components.iter().filter(|it| !ours(it)) {
        assert!(component["licenses"][0]["expression"].is_string(), "{component}");
        let hash = component["hashes"][0]["content"].as_str().unwrap_or_default();
        assert_eq!(hash.len(), 64, "{component}");
    }
    for dependency in bill["dependencies"].as_array().expect("a list") {
        let used = dependency["dependsOn"].as_array().into_iter().flatten().chain([&dependency["ref"]]);
        assert!(used.filter_map(Value::as_str).all(|it| references.contains(it)), "{dependency}");
    }
}
