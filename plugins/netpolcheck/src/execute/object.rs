//! A NetworkPolicy in the cluster, and what a run notes on it.

use patchkit::{cluster::Writer, report::ObjectRef};
use serde::Serialize;
use serde_json::Value;

use crate::suggest::MANAGED_BY;

/// The label with the run that wrote the object last.
pub const RUN: &str = "netpolcheck.patchkit.dev/run";
/// The annotation with what stood there before, as JSON; absent where nothing did.
pub(super) const BEFORE: &str = "netpolcheck.patchkit.dev/before";

pub(super) const WRITER: Writer<'static> = Writer { field_manager: "kubectl-netpolcheck", dry_run: false };
pub(super) const TRIAL: Writer<'static> = Writer { dry_run: true, ..WRITER };

/// What came of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was not there, and is now.
    Created,
    /// It was another one of an earlier run, and is as suggested now.
    Replaced,
    /// It was as suggested already.
    Unchanged,
    /// It was there, and is gone.
    Deleted,
    /// It is as it was before the run.
    Restored,
    /// The cluster refused.
    Failed,
}

/// One object with its outcome.
#[derive(Clone, Debug, Serialize)]
pub struct Applied {
    /// The policy.
    pub object: ObjectRef,
    /// What came of it.
    pub outcome: Outcome,
    /// Why, where it failed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// The path of the policies of a namespace, or of all.
pub(super) fn collection(namespace: Option<&str>) -> String {
    match namespace {
        Some(namespace) => format!("/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"),
        None => "/apis/networking.k8s.io/v1/networkpolicies".to_owned(),
    }
}

pub(super) fn path_of(object: &ObjectRef) -> String {
    format!("{}/{}", collection(object.namespace.as_deref()), object.name)
}

/// Whether it is one of these policies.
pub(super) fn is_managed(object: &Value) -> bool {
    object["metadata"]["labels"][MANAGED_BY.0] == MANAGED_BY.1
}
