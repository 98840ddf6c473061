//! The reports of one command on several clusters.

use serde::Serialize;

use super::{API_VERSION, Counts, Report, Source};

/// What one command says of several clusters, each by itself.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MultiClusterReport {
    /// Always [`API_VERSION`].
    pub api_version: &'static str,
    /// Always `MultiClusterReport`.
    pub kind: &'static str,
    /// Who made it, and when.
    pub metadata: MultiClusterMetadata,
    /// The answer in one line, and the counts over all clusters.
    pub summary: MultiClusterSummary,
    /// A whole report, in its own envelope, for each cluster that could be read, in the order of the contexts.
    pub reports: Vec<Report>,
    /// The clusters that could not.
    pub failed: Vec<FailedContext>,
}

/// Who made it, and when.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MultiClusterMetadata {
    /// The command as a user types it.
    pub command: String,
    /// The version of the tool.
    pub version: String,
    /// RFC 3339 in UTC, whole seconds.
    pub generated_at: String,
}

/// The counts over all clusters.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MultiClusterSummary {
    /// How many clusters were read.
    pub verdict: String,
    /// How many findings there are of each severity.
    pub counts: Counts,
    /// How many clusters were read.
    pub read: usize,
    /// How many were not.
    pub failed: usize,
}

/// A cluster of which nothing can be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedContext {
    /// Its context.
    pub context: String,
    /// Why, as the command says it of one cluster.
    pub error: String,
    /// How the command ends on this cluster alone.
    pub exit_code: u8,
}

impl MultiClusterReport {
    /// Puts the reports together.
    #[must_use]
    pub fn new(metadata: MultiClusterMetadata, reports: Vec<Report>, failed: Vec<FailedContext>) -> Self {
        let mut counts = Counts::default();
        for report in &reports {
            let more = report.summary.counts;
            counts.critical += more.critical;
            counts.high += more.high;
            counts.medium += more.medium;
            counts.low += more.low;
            counts.info += more.info;
        }
        let (read, all) = (reports.len(), reports.len() + failed.len());
        let verdict = if read == all {
            format!("{} read", super::words::count(all, "cluster"))
        } else {
            format!("{read} of {} read", super::words::count(all, "cluster"))
        };
        let summary = MultiClusterSummary { verdict, counts, read, failed: failed.len() };
        Self { api_version: API_VERSION, kind: "MultiClusterReport", metadata, summary, reports, failed }
    }
}

impl Report {
    /// The context of the cluster that it is about, else the server; the files where it is about none.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.metadata.source {
            Source::Cluster { context: Some(context), .. } => context.clone(),
            Source::Cluster { context: None, server } => server.clone(),
            Source::Files { paths } => paths.join(", "),
        }
    }
}
