//! An image and what is said of it. Field names are part of the contract with pipelines.

use std::collections::BTreeMap;

use patchkit::report::SourceRef;
use serde::Serialize;

/// What is wrong with an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// It is no image reference.
    InvalidReference,
    /// Its registry is none of those that are trusted.
    UntrustedRegistry,
    /// Its registry gets no new images.
    FrozenRegistry,
    /// Its tag is meant to be another image tomorrow.
    MutableTag,
    /// No digest says which image it is.
    NoDigest,
}

impl Problem {
    /// The identifier of its findings.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::InvalidReference => "image-invalid-reference",
            Self::UntrustedRegistry => "image-untrusted-registry",
            Self::FrozenRegistry => "image-frozen-registry",
            Self::MutableTag => "image-mutable-tag",
            Self::NoDigest => "image-no-digest",
        }
    }

    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidReference => "invalid-reference",
            Self::UntrustedRegistry => "untrusted-registry",
            Self::FrozenRegistry => "frozen-registry",
            Self::MutableTag => "mutable-tag",
            Self::NoDigest => "no-digest",
        }
    }
}

/// A container that runs an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageUser {
    /// The API version of the object.
    pub api_version: String,
    /// The object that people would change: a workload, or a pod of its own.
    pub kind: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The container.
    pub container: String,
    /// `containers`, `initContainers` or `ephemeralContainers`.
    pub field: &'static str,
    /// Where the object stands in the input files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceRef>,
}

impl ImageUser {
    /// `Deployment shop/web container app`.
    #[must_use]
    pub fn display(&self) -> String {
        let namespace = self.namespace.as_ref().map(|it| format!("{it}/")).unwrap_or_default();
        format!("{} {namespace}{} container {}", self.kind, self.name, self.container)
    }
}

/// An image, by the text of its reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageEntry {
    /// As it is written.
    pub image: String,
    /// Host and port; empty where it is no reference.
    pub registry: String,
    /// The path in the registry.
    pub repository: String,
    /// The tag, where one is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The digest, where one is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The digests that run, as nodes report them.
    pub running: Vec<String>,
    /// Who runs it.
    pub used_by: Vec<ImageUser>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
    /// The same image in the registry that lives, where its own is frozen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<String>,
    /// What it is built on, as far as its name, its tag or its labels tell: `distroless`, `scratch`, `slim`, `alpine`,
    /// or the name of a base image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// How many vulnerabilities there are of each severity; absent where no report speaks of it. Of several reports the
    /// highest number counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vulnerabilities: Option<BTreeMap<String, u64>>,
    /// Which reports speak of it.
    pub reports: Vec<String>,
}
