//! The release schedule of the Kubernetes web site: `schedule.yaml` (supported branches) and `eol.yaml` (ended ones).

use jiff::civil::Date;
use patchkit::rules::{Minor, Triple};
use serde::Deserialize;

use super::{ReadError, yaml};

/// A branch that is supported.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Branch {
    /// Which minor.
    pub release: Minor,
    /// The day of its first version.
    pub release_date: Date,
    /// When maintenance mode begins.
    pub maintenance_mode_start_date: Date,
    /// The last day.
    pub end_of_life_date: Date,
    /// The next patch release, planned.
    #[serde(default)]
    pub next: Option<BranchPatch>,
    /// Those that were made.
    #[serde(default)]
    pub previous_patches: Vec<BranchPatch>,
}

/// A patch release in the schedule.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct BranchPatch {
    /// The version.
    pub release: Triple,
    /// The day it was made or is planned for; empty where it is not planned yet.
    #[serde(default, deserialize_with = "maybe_date")]
    pub target_date: Option<Date>,
}

/// A branch whose support has ended.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct EndedBranch {
    /// Which minor.
    pub release: Minor,
    /// The last patch release, as the web site has it.
    pub final_patch_release: Triple,
    /// The last day.
    pub end_of_life_date: Date,
}

#[derive(Deserialize)]
struct Schedule {
    schedules: Vec<Branch>,
}

#[derive(Deserialize)]
struct Ended {
    branches: Vec<EndedBranch>,
}

fn maybe_date<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.and_then(|text| text.parse().ok()))
}

/// Reads `schedule.yaml`.
///
/// # Errors
/// Where it has another shape.
pub fn read_schedule(file: &str, text: &str) -> Result<Vec<Branch>, ReadError> {
    yaml::<Schedule>(file, text).map(|schedule| schedule.schedules)
}

/// Reads `eol.yaml`.
///
/// # Errors
/// Where it has another shape.
pub fn read_ended(file: &str, text: &str) -> Result<Vec<EndedBranch>, ReadError> {
    yaml::<Ended>(file, text).map(|ended| ended.branches)
}
