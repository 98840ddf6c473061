//! What scanners keep in the cluster about images.

use compact_str::CompactString;
use serde::Deserialize;

use super::{Context, Meta, Resource, meta::WireMeta};
use crate::rules::null::or_default;

/// A VulnerabilityReport of the Trivy operator (`aquasecurity.github.io/v1alpha1`): the counts for the image of one
/// container. The findings themselves are not kept.
#[derive(Clone, Debug, Default)]
pub struct VulnerabilityReport {
    /// Identity.
    pub meta: Meta,
    /// The image's registry, such as `index.docker.io`; empty where it is not told.
    pub registry: CompactString,
    /// The image's repository, such as `library/nginx`.
    pub repository: CompactString,
    /// Its tag; empty where it has none.
    pub tag: CompactString,
    /// Its digest; empty where it is not told.
    pub digest: CompactString,
    /// How many vulnerabilities there are of each severity.
    pub counts: VulnerabilityCounts,
}

/// How many vulnerabilities there are of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VulnerabilityCounts {
    /// Of severity critical.
    #[serde(rename = "criticalCount", deserialize_with = "or_default")]
    pub critical: u64,
    /// Of severity high.
    #[serde(rename = "highCount", deserialize_with = "or_default")]
    pub high: u64,
    /// Of severity medium.
    #[serde(rename = "mediumCount", deserialize_with = "or_default")]
    pub medium: u64,
    /// Of severity low.
    #[serde(rename = "lowCount", deserialize_with = "or_default")]
    pub low: u64,
    /// Of unknown severity.
    #[serde(rename = "unknownCount", deserialize_with = "or_default")]
    pub unknown: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireVulnerabilityReport {
    #[serde(deserialize_with = "or_default")]
    metadata: WireMeta,
    #[serde(deserialize_with = "or_default")]
    report: WireReport,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireReport {
    #[serde(deserialize_with = "or_default")]
    registry: WireRegistry,
    #[serde(deserialize_with = "or_default")]
    artifact: WireArtifact,
    #[serde(deserialize_with = "or_default")]
    summary: VulnerabilityCounts,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireRegistry {
    #[serde(deserialize_with = "or_default")]
    server: CompactString,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireArtifact {
    #[serde(deserialize_with = "or_default")]
    repository: CompactString,
    #[serde(deserialize_with = "or_default")]
    tag: CompactString,
    #[serde(deserialize_with = "or_default")]
    digest: CompactString,
}

impl Resource for VulnerabilityReport {
    type Wire = WireVulnerabilityReport;

    fn keep(wire: WireVulnerabilityReport, context: &mut Context) -> Self {
        let WireReport { registry, artifact, summary } = wire.report;
        Self {
            meta: wire.metadata.keep(context),
            registry: registry.server,
            repository: artifact.repository,
            tag: artifact.tag,
            digest: artifact.digest,
            counts: summary,
        }
    }
}
