//! Taking suggested policies back: what a run has made is deleted, and what it has replaced is restored.

use patchkit::{
    app::{App, Failure},
    cluster::{Cluster, ClusterError, ErrorKind, ListEvent, ListRequest},
    report::ObjectRef,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::object::{Applied, BEFORE, Outcome, RUN, WRITER, path_of};

#[derive(Default, Deserialize)]
struct WireList {
    #[serde(default)]
    items: Vec<Value>,
}

/// Takes back what a run, or all runs, have changed in a namespace, or in all. `confirm` is asked with the number of
/// policies, where there are any.
///
/// # Errors
/// Where the policies cannot be read, and where nobody is there to be asked.
pub fn undo(
    app: &App,
    cluster: &Cluster,
    namespace: Option<&str>,
    run: Option<&str>,
    confirm: impl FnOnce(usize) -> Result<bool, Failure>,
) -> Result<Option<Vec<Applied>>, Failure> {
    let label = run.map_or_else(|| RUN.to_owned(), |run| format!("{RUN}={run}"));
    let mut policies = app.block_on(list(cluster, namespace, &label))??;
    // First those that deny everything else: taken back in the other order, they would deny what the others allow.
    policies.sort_by_key(|policy| policy["spec"]["podSelector"].as_object().is_some_and(|it| !it.is_empty()));
    if policies.is_empty() {
        return Ok(Some(Vec::new()));
    }
    if !confirm(policies.len())? {
        return Ok(None);
    }
    let mut all = Vec::new();
    for policy in policies {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let object = ObjectRef {
            api_version: "networking.k8s.io/v1".to_owned(),
            kind: "NetworkPolicy".to_owned(),
            namespace: Some(text(&policy["metadata"]["namespace"])),
            name: text(&policy["metadata"]["name"]),
            container: None,
        };
        let (outcome, detail) = match app.block_on(one(cluster, &object, &policy))? {
            Ok(outcome) => (outcome, String::new()),
            Err(error) => (Outcome::Failed, error.to_string()),
        };
        all.push(Applied { object, outcome, detail });
    }
    Ok(Some(all))
}

async fn list(cluster: &Cluster, namespace: Option<&str>, label: &str) -> Result<Vec<Value>, ClusterError> {
    let request = ListRequest::of("networking.k8s.io", "v1", "networkpolicies", namespace).labels(label);
    let mut items = Vec::new();
    cluster
        .list(&request, |event| -> Result<(), ClusterError> {
            match event {
                ListEvent::Restart => items.clear(),
                ListEvent::Page(page) => {
                    items.extend(serde_json::from_slice::<WireList>(&page.bytes).unwrap_or_default().items);
                }
            }
            Ok(())
        })
        .await?;
    Ok(items)
}

async fn one(cluster: &Cluster, object: &ObjectRef, policy: &Value) -> Result<Outcome, ClusterError> {
    let path = path_of(object);
    let before = policy["metadata"]["annotations"][BEFORE].as_str();
    let Some(before) = before.and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
        // Not one of the same name that was made since.
        let options = serde_json::from_value(json!({"preconditions": {"uid": policy["metadata"]["uid"]}}));
        return match cluster.delete(&path, &options.unwrap_or_default()).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(Outcome::Deleted),
        };
    };
    let metadata = &policy["metadata"];
    let restored = json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"],
                     "resourceVersion": metadata["resourceVersion"], "uid": metadata["uid"],
                     "labels": before["labels"], "annotations": before["annotations"]},
        "spec": before["spec"],
    });
    cluster.replace(&path, &restored, WRITER).await?;
    Ok(Outcome::Restored)
}
