//! The answer of `posture`.

use patchkit::report::{CheckStatus, Finding, NotEvaluated, ObjectRef, Severity};
use serde::Serialize;

/// A row of the table.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckLine {
    /// A stable identifier.
    pub id: &'static str,
    /// What the row is about, for people.
    pub title: &'static str,
    /// What came of it.
    pub status: CheckStatus,
    /// How much it matters where it is not passed: of the most serious thing that was found, or in general.
    pub severity: Severity,
    /// What it rests on, in one line.
    pub evidence: String,
    /// The objects that were found, without the excepted ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ObjectRef>,
    /// What was found and is excepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excepted: Vec<Excepted>,
    /// Its numbers in the CIS Kubernetes Benchmark 1.12.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub cis: &'static [&'static str],
    /// Its numbers in the Kubernetes Hardening Guidance of NSA and CISA, as the k8s-nsa list of Trivy counts its
    /// demands; the chapter where that list has none.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub nsa: &'static [&'static str],
    /// What to do about it.
    pub hint: &'static str,
    /// Pages to read.
    pub links: [&'static str; 1],
}

/// Something that was found and is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Excepted {
    /// What it is about; absent for what concerns the cluster as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectRef>,
    /// What was found.
    pub detail: String,
    /// Why it is accepted.
    pub reason: String,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// An exception, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExceptionLine {
    /// The check.
    pub check: &'static str,
    /// The objects that it speaks of, as it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Why.
    pub reason: String,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// `used`, `unused`, `expired`, or `not-judged` where the check was left out or could not see everything.
    pub status: &'static str,
    /// How much it has accepted.
    pub accepted: usize,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Posture {
    /// The table.
    pub checks: Vec<CheckLine>,
    /// One for each thing that was found.
    pub findings: Vec<Finding>,
    /// What could not be looked at.
    pub not_evaluated: Vec<NotEvaluated>,
    /// The checks that were left out.
    pub skipped: Vec<&'static str>,
    /// The exceptions.
    pub exceptions: Vec<ExceptionLine>,
}
