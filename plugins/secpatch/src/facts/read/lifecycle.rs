//! The life of API kinds, as the markers in the source of `k8s.io/api` state it
//! (`zz_generated.prerelease-lifecycle.go`).

use patchkit::rules::Minor;
use serde::Deserialize;

use super::{ReadError, json};
use crate::facts::{ApiLife, Gvk};

#[derive(Deserialize)]
struct File {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(flatten)]
    gvk: Gvk,
    introduced: Minor,
    #[serde(default)]
    deprecated: Option<Minor>,
    #[serde(default)]
    removed: Option<Minor>,
    #[serde(default)]
    replacement: Option<Gvk>,
    last_seen: String,
}

/// Reads the table.
///
/// # Errors
/// Where it has another shape.
pub fn read(file: &str, text: &str) -> Result<Vec<ApiLife>, ReadError> {
    let parsed: File = json(file, text)?;
    parsed.rows.into_iter().map(|row| life(row, file, text)).collect()
}

fn life(row: Row, file: &str, text: &str) -> Result<ApiLife, ReadError> {
    // A type that left the source before its declared removal cannot be served by the next minor.
    let gone = match row.last_seen.as_str() {
        "HEAD" => None,
        tag => {
            let minor = tag.strip_prefix("v0.").and_then(|rest| rest.split('.').next()?.parse().ok());
            let minor: u32 = minor.ok_or_else(|| {
                let problem = format!("last_seen {tag:?} is no tag of k8s.io/api: expected v0.MINOR.PATCH or HEAD");
                ReadError::at(file, text, tag, problem)
            })?;
            Some(Minor::new(1, minor + 1))
        }
    };
    let gone = gone.filter(|gone| row.removed.is_some_and(|removed| *gone < removed));
    Ok(ApiLife {
        gvk: row.gvk,
        introduced: Some(row.introduced),
        deprecated: row.deprecated,
        removed: row.removed,
        gone,
        replacement: row.replacement,
        note: None,
    })
}

/// Names a replacement where the source names none and the same kind is there in the group's stable version.
pub fn infer_replacements(lives: &mut [ApiLife]) {
    let stable: Vec<Gvk> = lives
        .iter()
        .filter(|life| life.removed.is_none() && is_stable(&life.gvk.version))
        .map(|life| life.gvk.clone())
        .collect();
    for life in lives.iter_mut().filter(|life| life.removed.is_some() && life.replacement.is_none()) {
        let same = |other: &&Gvk| other.group == life.gvk.group && other.kind == life.gvk.kind;
        life.replacement = stable.iter().rfind(same).cloned();
    }
}

/// `v1` and `v2`, not `v1beta1`.
fn is_stable(version: &str) -> bool {
    version.strip_prefix('v').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
}
