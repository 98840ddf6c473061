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
