//! What is known of releases beside the official schedule: the newest patches, and minors that the schedule does not
//! speak of yet.

use std::collections::BTreeMap;

use jiff::civil::Date;
use patchkit::rules::{Minor, Triple};
use serde::Deserialize;

use super::{ReadError, json, osv::date};
use crate::facts::Patch;

#[derive(Deserialize)]
struct Newest {
    newest: BTreeMap<Minor, Vec<Tagged>>,
}

#[derive(Deserialize)]
struct Tagged {
    version: Triple,
    #[serde(default)]
    tagged: Option<Date>,
}

/// Reads the newest patch releases by minor.
///
/// # Errors
/// Where it has another shape.
pub fn read_newest_patches(file: &str, text: &str) -> Result<BTreeMap<Minor, Vec<Patch>>, ReadError> {
    let parsed: Newest = json(file, text)?;
    let patch = |tagged: Tagged| Patch { version: tagged.version, date: tagged.tagged };
    Ok(parsed.newest.into_iter().map(|(minor, tags)| (minor, tags.into_iter().map(patch).collect())).collect())
}

/// A minor of which the official schedule does not speak yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unofficial {
    /// Which.
    pub minor: Minor,
    /// The planned day of its first version.
    pub released: Option<Date>,
    /// By the rules of the project.
    pub maintenance: Option<Date>,
    /// By the rules of the project.
    pub end_of_life: Option<Date>,
}

#[derive(Deserialize)]
struct Merged {
    rows: BTreeMap<Minor, MergedRow>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MergedRow {
    #[serde(default)]
    release_date: Option<String>,
    #[serde(default)]
    maintenance_mode_start_date: Option<String>,
    #[serde(default)]
    end_of_life_date: Option<String>,
    #[serde(default = "yes")]
    official: bool,
}

const fn yes() -> bool {
    true
}

/// Reads the minors that are marked as not official. A remark may follow each date.
///
/// # Errors
/// Where it has another shape.
pub fn read_unofficial(file: &str, text: &str) -> Result<Vec<Unofficial>, ReadError> {
    let parsed: Merged = json(file, text)?;
    let day = |text: &Option<String>| text.as_deref().and_then(date);
    Ok(parsed
        .rows
        .iter()
        .filter(|(_, row)| !row.official)
        .map(|(minor, row)| Unofficial {
            minor: *minor,
            released: day(&row.release_date),
            maintenance: day(&row.maintenance_mode_start_date),
            end_of_life: day(&row.end_of_life_date),
        })
        .collect())
}
