//! Holding reports to the JSON Schemas of the repository.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use jsonschema::{Registry, Validator};
use serde_json::{Value, json};

use crate::scratch;

/// Where a schema without an `$id` of its own is taken to be.
const BASE: &str = "https://patchkit.invalid/schemas/v1/";

fn folder() -> PathBuf {
    scratch::repository().join("schemas").join("v1")
}

/// All schemas, by the kind of report that they describe: `PlanReport` for `plan-report.schema.json`, and so on.
fn schemas() -> &'static [(String, Value)] {
    static SCHEMAS: OnceLock<Vec<(String, Value)>> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let folder = folder();
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut all = Vec::new();
        for path in entries.map(|entry| entry.expect("an entry of a folder").path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !name.ends_with(".schema.json") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
            let schema: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            let id = schema["$id"].as_str().map_or_else(|| format!("{BASE}{name}"), str::to_owned);
            all.push((id, schema));
        }
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all
    })
}

/// Holds a line of a run's events to its schema.
///
/// # Panics
/// With each place where it is not what the schema says.
#[track_caller]
pub fn assert_event(event: &Value) {
    static EVENT: OnceLock<Validator> = OnceLock::new();
    let validator = EVENT.get_or_init(|| {
        let name = "run-event.schema.json";
        let (id, schema) =
            schemas().iter().find(|(id, _)| id.ends_with(name)).unwrap_or_else(|| panic!("{name} is missing"));
        jsonschema::validator_for(schema).unwrap_or_else(|error| panic!("{id}: {error}"))
    });
    let errors: Vec<_> =
        validator.iter_errors(event).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "an event is not what its schema says:\n{event}\n{}", errors.join("\n"));
}

/// The schema of a kind of report: the one that says `"kind": {"const": KIND}`, itself or in a part of its `allOf`.
fn validator(kind: &str) -> Validator {
    fn names(schema: &Value, kind: &str) -> bool {
        schema["properties"]["kind"]["const"] == kind
            || schema["allOf"].as_array().is_some_and(|parts| parts.iter().any(|part| names(part, kind)))
    }
    let Some((id, _)) = schemas().iter().find(|(_, schema)| names(schema, kind)) else {
        panic!("no schema in {} describes the kind {kind}", folder().display());
    };
    let mut registry = Registry::new();
    for (id, schema) in schemas() {
        registry = registry.add(id.as_str(), schema.clone()).unwrap_or_else(|error| panic!("{id}: {error}"));
    }
    let registry = registry.prepare().unwrap_or_else(|error| panic!("the schemas: {error}"));
    jsonschema::options()
        .with_registry(&registry)
        .build(&json!({"$ref": id}))
        .unwrap_or_else(|error| panic!("the schema of {kind}: {error}"))
}

/// Holds a report to the schema of its kind.
///
/// # Panics
/// With each place where it is not what the schema says, and where there is no schema for it.
#[track_caller]
pub fn assert_valid(report: &Value) {
    let kind = report["kind"].as_str().unwrap_or_else(|| panic!("a report without a kind: {report}"));
    let errors: Vec<_> =
        validator(kind).iter_errors(report).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "the {kind} is not what its schema says:\n{}", errors.join("\n"));
}
