//! An API and what still uses it. Field names are part of the contract with pipelines.

use patchkit::report::{ObjectRef, SourceRef};
use serde::Serialize;

/// An API that a hop removes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovedApi {
    /// Group and version, such as `policy/v1beta1`.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The minor that no longer serves it.
    pub removed_in: String,
    /// The date is not settled: the minor is not released.
    pub provisional: bool,
    /// What to use instead, such as `policy/v1 PodDisruptionBudget`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
    /// What still uses it.
    pub users: Vec<ApiUser>,
    /// The API server counted calls on it since its start; absent where the metric could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub called: Option<bool>,
}

/// What shows that an API is still used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeenIn {
    /// A file holds it.
    Manifest,
    /// The annotation of `kubectl apply`.
    LastApplied,
    /// The field managers.
    ManagedFields,
    /// The API server's count of calls.
    Metric,
    /// A Helm release.
    Helm,
}

/// An object that is still written with a removed API.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiUser {
    /// The object.
    pub object: ObjectRef,
    /// Where it stands in the input files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceRef>,
    /// What shows it.
    pub seen_in: SeenIn,
    /// Who wrote it, where the field managers tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    /// When that one wrote last: what is years old may come from a client that is long gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
}

/// Whether an API is still served at the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ApiStatus {
    /// It is not.
    Removed,
    /// It is, and is deprecated.
    Deprecated,
}

/// Whether it is enough to rewrite the API version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Alone {
    /// It is: the rest means the same.
    Yes,
    /// It is not: see the changes.
    No,
    /// It cannot be told: the versions were not compared, or the rest of the object was not to be seen.
    Unknown,
}

/// The object that uses an API, by the API version that its client sends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiObject {
    /// The API version that is sent, which may be another than the one the server answers with.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name; absent where only calls were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl ApiObject {
    /// `Ingress web/shop`, or the kind alone.
    #[must_use]
    pub fn display(&self) -> String {
        match (&self.namespace, &self.name) {
            (Some(namespace), Some(name)) => format!("{} {namespace}/{name}", self.kind),
            (None, Some(name)) => format!("{} {name}", self.kind),
            _ => self.kind.clone(),
        }
    }

    /// As findings name it; none where only calls were counted.
    #[must_use]
    pub fn object_ref(&self) -> Option<ObjectRef> {
        Some(ObjectRef {
            api_version: self.api_version.clone(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone()?,
            container: None,
        })
    }
}

/// One fact: a deprecated or removed API is used. An object of which several things show it has several of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiUse {
    /// What uses it.
    pub object: ApiObject,
    /// Where it stands in the input files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceRef>,
    /// Whether the target still serves it.
    pub status: ApiStatus,
    /// The minor that deprecated it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecated_in: Option<String>,
    /// The first minor that does not serve it; absent where none is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_in: Option<String>,
    /// The removal is planned for a minor that is not released: it may still move.
    pub provisional: bool,
    /// What to write instead, such as `policy/v1 PodDisruptionBudget`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
    /// The first minor that serves the replacement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replacement_since: Option<String>,
    /// What shows it.
    pub seen_in: SeenIn,
    /// Who wrote it, where the field managers tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    /// When that one wrote last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    /// The Helm release that it is part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Whether the API version is all that must be rewritten; absent where nothing takes its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version_alone: Option<Alone>,
    /// What changes in the specification: of a manifest those that concern it, of others all that there can be.
    pub changes: Vec<String>,
    /// The file was rewritten.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rewritten: bool,
    /// Why the file was not rewritten, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_rewritten: Option<String>,
}
