//! The envelope around every report: `patchkit/v1`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer, ser};
use serde_json::Value;

use super::{Document, Exit, FailOn, Finding, NotEvaluated, Severity};

/// The version of the envelope. A field is never renamed or taken away without a new one.
pub const API_VERSION: &str = "patchkit/v1";

/// Where the facts of a report came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Source {
    /// A live cluster.
    Cluster {
        /// The kubeconfig's context, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        context: Option<String>,
        /// The address of the API server.
        server: String,
    },
    /// Files, directories or standard input.
    Files {
        /// As they were given with `-f`.
        paths: Vec<String>,
    },
}

/// Who made the report, when, and from what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The command as a user types it: `kubectl secpatch plan`.
    pub command: String,
    /// The version of the tool.
    pub version: String,
    /// When the report was made, RFC 3339 in UTC, whole seconds (`--as-of` sets it).
    pub generated_at: String,
    /// The date of the newest compiled-in or updated fact that the report rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_as_of: Option<String>,
    /// Where the facts of the cluster came from.
    pub source: Source,
}

/// How many findings there are of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Findings of severity critical.
    pub critical: usize,
    /// Findings of severity high.
    pub high: usize,
    /// Findings of severity medium.
    pub medium: usize,
    /// Findings of severity low.
    pub low: usize,
    /// Findings of severity info.
    pub info: usize,
}

impl Counts {
    /// Counts the findings by severity.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        let mut counts = Self::default();
        for finding in findings {
            *match finding.severity {
                Severity::Critical => &mut counts.critical,
                Severity::High => &mut counts.high,
                Severity::Medium => &mut counts.medium,
                Severity::Low => &mut counts.low,
                Severity::Info => &mut counts.info,
            } += 1;
        }
        counts
    }
}

/// The answer in one line, and the counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The answer in a few words; each report kind documents its own.
    pub verdict: String,
    /// How many findings there are of each severity.
    pub counts: Counts,
}

/// The outcome of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// Looked at, and fine.
    Pass,
    /// Looked at, and in the way.
    Fail,
    /// Looked at, and to be known.
    Warn,
    /// Could not be looked at, or not wholly: never counts as fine.
    Unknown,
}

impl CheckStatus {
    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Unknown => "unknown",
        }
    }
}

/// A check that was made, whatever came of it. JUnit shows each as a test case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// A stable identifier.
    pub id: String,
    /// What came of it.
    pub status: CheckStatus,
    /// The evidence in one line.
    pub evidence: String,
}

/// A field of a report's own section. It is kept as text: most runs lay the report out for people and never look at it,
/// and as a tree it takes many times the room (a plan of 5,000 nodes names each of them beside each CVE).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section(Box<str>);

impl Section {
    fn of(value: &impl Serialize) -> Self {
        Self(serde_json::to_string(value).expect("a report section is plain data").into())
    }
}

impl Serialize for Section {
    /// With its keys in order, as all of a report's are.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<Value>(&self.0).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

/// A report: the envelope, a section of its own per kind, and the layout for people.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Always [`API_VERSION`].
    pub api_version: &'static str,
    /// The report kind, such as `PlanReport`.
    pub kind: &'static str,
    /// Who made it, when, and from what.
    pub metadata: Metadata,
    /// The answer in one line, and the counts.
    pub summary: Summary,
    /// The fields of the section that belongs to this kind, as `contracts` names them (`plan`, `cves`, …).
    #[serde(flatten)]
    pub sections: BTreeMap<String, Section>,
    /// What was found, the most serious first.
    pub findings: Vec<Finding>,
    /// What could not be looked at.
    pub not_evaluated: Vec<NotEvaluated>,
    /// Checks with their outcome, for the formats that show passed ones too.
    #[serde(skip)]
    pub checks: Vec<Check>,
    /// The same content laid out for people.
    #[serde(skip)]
    pub document: Document,
}

impl Report {
    /// A report of this kind. Findings are sorted, the most serious first, and counted.
    #[must_use]
    pub fn new(
        kind: &'static str,
        metadata: Metadata,
        verdict: impl Into<String>,
        mut findings: Vec<Finding>,
        mut not_evaluated: Vec<NotEvaluated>,
    ) -> Self {
        findings
            .sort_by(|a, b| (b.severity, &a.id, &a.object, &a.title).cmp(&(a.severity, &b.id, &b.object, &b.title)));
        not_evaluated.sort();
        not_evaluated.dedup();
        let summary = Summary { verdict: verdict.into(), counts: Counts::of(&findings) };
        Self {
            api_version: API_VERSION,
            kind,
            metadata,
            summary,
            sections: BTreeMap::new(),
            findings,
            not_evaluated,
            checks: Vec::new(),
            document: Document::default(),
        }
    }

    /// Adds a field of the kind's own section.
    ///
    /// # Panics
    /// Where the value cannot be written as JSON (a map whose keys are no strings), which is a mistake in the code.
    #[must_use]
    pub fn with_section(mut self, name: &str, value: &impl Serialize) -> Self {
        self.sections.insert(name.to_owned(), Section::of(value));
        self
    }

    /// Adds the layout for people.
    #[must_use]
    pub fn with_document(mut self, document: Document) -> Self {
        self.document = document;
        self
    }

    /// Adds the checks with their outcome.
    #[must_use]
    pub fn with_checks(mut self, checks: Vec<Check>) -> Self {
        self.checks = checks;
        self
    }

    /// The exit code: findings that meet `fail_on` first, then what could not be read, then clean.
    #[must_use]
    pub fn exit(&self, fail_on: FailOn) -> Exit {
        Exit::of(&self.findings, &self.not_evaluated, fail_on)
    }
}
