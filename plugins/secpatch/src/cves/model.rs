//! A vulnerability and what it means in this cluster. Field names are part of the contract with pipelines.

use patchkit::report::Severity;
use serde::Serialize;

/// Whether the precondition of a CVE holds in this cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Holds {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It cannot be told.
    Unknown,
}

/// The precondition of a CVE, evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PreconditionAnswer {
    /// The condition, in one sentence.
    pub text: String,
    /// Whether it holds here.
    pub holds: Holds,
    /// What shows it, or why it cannot be told.
    pub why: String,
}

/// A CVE that touches what runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CveHere {
    /// Such as `CVE-2025-1974`.
    pub id: String,
    /// By its CVSS score; info where it has none.
    pub severity: Severity,
    /// The CVSS base score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// What it is about, in a few words.
    pub title: String,
    /// The component that it is in.
    pub component: String,
    /// Where that component runs in an affected version.
    pub affected: Vec<AffectedPlace>,
    /// The versions that fix it, oldest first; empty where nothing does.
    pub fixed_in: Vec<String>,
    /// `fixed`, `open`, `unfixed` or `unknown`.
    pub status: String,
    /// What must hold for it to matter; absent where the advisory states nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precondition: Option<PreconditionAnswer>,
    /// Whether a version that runs has it; unknown where no source says, or the version does not show.
    pub touches: Holds,
    /// Why it cannot be told whether the version is affected; absent where it can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncertain: Option<String>,
    /// The version is a vendor's: the fix may have been back-ported.
    pub may_be_backported: bool,
    /// What to do where there is no fix, or until it is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mitigation: Option<String>,
    /// Pages.
    pub links: Vec<String>,
}

/// One place in which an affected component runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct AffectedPlace {
    /// `Node`, `Pod`, `Server`, or `Client` for the kubectl that wrote the input.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The version there.
    pub version: String,
    /// The node that it runs on, where it runs on one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}
