//! Asking the server who asks, and what that user may do. Every authenticated user may ask this (the ClusterRole
//! `system:basic-user`); nothing is kept.

use patchkit::{
    cluster::{Cluster, ClusterError, Writer},
    snapshot::objects::cluster_wide::PolicyRule,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::posture::own::{DANGERS, Danger, LIST_SECRETS, Me, Rights};

const WRITER: Writer<'static> = Writer { field_manager: "kubectl-secpatch", dry_run: false };

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireUser {
    username: String,
    groups: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireRights {
    resource_rules: Option<Vec<PolicyRule>>,
    incomplete: bool,
    evaluation_error: String,
}

/// Asks; the error says why it is not known.
pub(super) async fn ask(cluster: &Cluster, with_rights: bool) -> Result<Me, String> {
    let namespace = cluster.access().namespace.clone();
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let answer = post(cluster, "/apis/authentication.k8s.io/v1/selfsubjectreviews", &review).await;
    let answer = answer.map_err(|error| error.why())?;
    let user: WireUser = serde_json::from_value(answer["status"]["userInfo"].clone()).unwrap_or_default();
    let rights = if with_rights { rights(cluster, &namespace).await } else { Err("not asked for".to_owned()) };
    Ok(Me { username: user.username, groups: user.groups.unwrap_or_default(), rights, namespace })
}

async fn rights(cluster: &Cluster, namespace: &str) -> Result<Rights, String> {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace},
    });
    let answer = post(cluster, "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", &review).await;
    let answer = answer.map_err(|error| error.why())?;
    let found: WireRights = serde_json::from_value(answer["status"].clone())
        .map_err(|error| format!("the answer is no list of rules: {error}"))?;
    let is_incomplete = found.incomplete || !found.evaluation_error.is_empty();
    let incomplete = is_incomplete.then(|| {
        Some(found.evaluation_error).filter(|why| !why.is_empty()).unwrap_or_else(|| "it does not say why".to_owned())
    });
    let dangers = if incomplete.is_some() { dangers(cluster).await? } else { Vec::new() };
    Ok(Rights { rules: found.resource_rules.unwrap_or_default(), incomplete, dangers })
}

/// Those of the most dangerous rights that the user has in the whole cluster.
async fn dangers(cluster: &Cluster) -> Result<Vec<Danger>, String> {
    let mut found = Vec::new();
    for danger in DANGERS {
        if has(cluster, danger).await.map_err(|error| error.why())? {
            found.push(danger);
        }
    }
    Ok(found)
}

async fn has(cluster: &Cluster, right: Danger) -> Result<bool, ClusterError> {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": right.verb, "group": right.group, "resource": right.resource,
                                        "subresource": right.subresource}},
    });
    let answer = post(cluster, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &review).await?;
    Ok(answer["status"]["allowed"] == true)
}

/// Whether the server says for sure that the user may not list Secrets. Where it does not answer, the list itself tells.
pub(super) async fn may_not_list_secrets(cluster: &Cluster) -> bool {
    matches!(has(cluster, LIST_SECRETS).await, Ok(false))
}

async fn post(cluster: &Cluster, path: &str, review: &Value) -> Result<Value, ClusterError> {
    let answer = cluster.create(path, review, WRITER).await?;
    Ok(serde_json::from_slice(&answer).unwrap_or_default())
}
