//! The software bill of materials of one binary, in CycloneDX 1.6: `cargo run --example sbom -- kubectl-secpatch`.
//!
//! What `cargo metadata` and `Cargo.lock` say, and nothing that changes from run to run: the same sources give the same
//! bytes. What only builds or tests the binary is not in it, since it is not in the binary either.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal, and nothing else")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    process::{Command, ExitCode},
};

use serde_json::{Value, json};

fn main() -> ExitCode {
    let Some(name) = env::args().nth(1) else {
        eprintln!("usage: sbom PACKAGE");
        return ExitCode::from(2);
    };
    match read().and_then(|(metadata, lock)| sbom(&name, &metadata, &lock)) {
        Ok(document) => {
            println!("{document:#}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("sbom: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Runs cargo, and reads its lock file.
fn read() -> Result<(Value, String), String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--locked", "--format-version", "1"])
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    let path = format!("{}/Cargo.lock", text(&metadata["workspace_root"]));
    let lock = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    Ok((metadata, lock))
}

/// The document for a package of the workspace.
fn sbom(name: &str, metadata: &Value, lock: &str) -> Result<Value, String> {
    let packages: BTreeMap<&str, &Value> = list(&metadata["packages"]).map(|it| (text(&it["id"]), it)).collect();
    let nodes: BTreeMap<&str, &Value> = list(&metadata["resolve"]["nodes"]).map(|it| (text(&it["id"]), it)).collect();
    let members: BTreeSet<&str> = list(&metadata["workspace_members"]).map(text).collect();
    let root = members.iter().find(|id| packages.get(**id).is_some_and(|it| it["name"] == name));
    let root = *root.ok_or_else(|| format!("the workspace has no package {name}"))?;
    let mut reached = BTreeMap::new();
    let mut next = vec![root];
    while let Some(id) = next.pop() {
        if reached.contains_key(id) {
            continue;
        }
        let node = nodes.get(id).ok_or_else(|| format!("{id} is not resolved"))?;
        let used: BTreeSet<&str> =
            list(&node["deps"]).filter(|dependency| is_linked(dependency)).map(|it| text(&it["pkg"])).collect();
        next.extend(used.iter().copied());
        reached.insert(id, used);
    }
    let checksums = checksums(lock);
    let of = |id: &str| packages.get(id).copied().unwrap_or(&Value::Null);
    let mut components: Vec<Value> =
        reached.keys().filter(|id| **id != root).map(|id| component("library", of(id), &checksums)).collect();
    components.sort_by(|a, b| text(&a["bom-ref"]).cmp(text(&b["bom-ref"])));
    let mut dependencies: Vec<Value> = reached
        .iter()
        .map(|(id, used)| {
            let mut used: Vec<String> = used.iter().map(|id| purl(of(id))).collect();
            used.sort();
            json!({"ref": purl(of(id)), "dependsOn": used})
        })
        .collect();
    dependencies.sort_by(|a, b| text(&a["ref"]).cmp(text(&b["ref"])));
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": component("application", of(root), &checksums)},
        "components": components,
        "dependencies": dependencies,
    }))
}

/// Whether a dependency goes into the binary: not only into a build script or a test.
fn is_linked(dependency: &Value) -> bool {
    list(&dependency["dep_kinds"]).any(|kind| kind["kind"].is_null())
}

fn component(kind: &str, package: &Value, checksums: &BTreeMap<(String, String), String>) -> Value {
    let (name, version) = (text(&package["name"]), text(&package["version"]));
    let mut component =
        json!({"type": kind, "bom-ref": purl(package), "name": name, "version": version, "purl": purl(package)});
    if let Some(license) = package["license"].as_str() {
        // Crates of long ago write a slash for OR.
        component["licenses"] = json!([{"expression": license.replace('/', " OR ")}]);
    }
    if let Some(checksum) = checksums.get(&(name.to_owned(), version.to_owned())) {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    if let Some(repository) = package["repository"].as_str() {
        component["externalReferences"] = json!([{"type": "vcs", "url": repository}]);
    }
    component
}

fn purl(package: &Value) -> String {
    format!("pkg:cargo/{}@{}", text(&package["name"]), text(&package["version"]))
}

/// The checksums of the archives on the registry, by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let field = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""))?;
        line.strip_suffix('"').map(str::to_owned)
    };
    lock.split("[[package]]")
        .filter_map(|block| Some(((field(block, "name")?, field(block, "version")?), field(block, "checksum")?)))
        .collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
