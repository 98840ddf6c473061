//! The journal: one ConfigMap a change, in the namespace of what is changed.
//!
//! It is written before the change, and says how to take it back. So a run that is killed at any moment leaves either
//! nothing, or a journal of a change that was not made yet, or a journal of one that was: each can be told from the
//! object itself, and [`super::undo`] does.

use patchkit::{
    cluster::{Cluster, ClusterError, ErrorKind, ListEvent, ListRequest, Writer},
    report::ObjectRef,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::address::{FIELD_MANAGER, collection};

/// The label by which journals are found; its value is the run.
pub const RUN: &str = "secpatch.patchkit.dev/fix";

const WRITER: Writer<'static> = Writer { field_manager: FIELD_MANAGER, dry_run: false };

/// How far a change has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Stage {
    /// It is about to be made, or was just made.
    Begun,
    /// It was made, and its rollout has ended well.
    Done,
    /// It is being taken back, because its rollout failed.
    TakingBack,
}

/// One change.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    /// What is changed.
    pub(super) object: ObjectRef,
    /// Which object of that name.
    pub(super) uid: String,
    /// The strategic merge patch that is made.
    pub(super) patch: Value,
    /// The strategic merge patch that takes it back.
    pub(super) back: Value,
}

/// A journal in the cluster.
#[derive(Clone, Debug)]
pub(super) struct Journal {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) run: String,
    /// When it was written, as the server says.
    pub(super) written: String,
    pub(super) stage: Stage,
    pub(super) entry: Entry,
}

#[derive(Deserialize)]
struct WireList {
    #[serde(default)]
    items: Vec<Value>,
}

impl Journal {
    /// Writes the journal of a change that is about to be made.
    pub(super) async fn begin(cluster: &Cluster, run: &str, entry: Entry) -> Result<Self, ClusterError> {
        let namespace = entry.object.namespace.clone().unwrap_or_else(|| "default".to_owned());
        let object = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "generateName": "secpatch-fix-",
                "namespace": namespace,
                "labels": {RUN: run, "app.kubernetes.io/managed-by": FIELD_MANAGER},
                "annotations": {"secpatch.patchkit.dev/about": format!(
                    "what {} was before kubectl secpatch fix changed it; kubectl secpatch fix --undo restores it",
                    entry.object.display()
                )},
            },
            "data": {"stage": Stage::Begun, "entry": serde_json::to_string(&entry).unwrap_or_default()},
        });
        let path = collection("v1", "configmaps", Some(&namespace));
        let made = cluster.create(&path, &object, WRITER).await?;
        let made: Value = serde_json::from_slice(&made).unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(Self {
            name: text(&made["metadata"]["name"]),
            namespace,
            run: run.to_owned(),
            written: text(&made["metadata"]["creationTimestamp"]),
            stage: Stage::Begun,
            entry,
        })
    }

    /// Notes how far the change has come.
    pub(super) async fn reach(&mut self, cluster: &Cluster, stage: Stage) -> Result<(), ClusterError> {
        cluster.merge_patch(&self.path(), &json!({"data": {"stage": stage}}), WRITER).await?;
        self.stage = stage;
        Ok(())
    }

    /// Takes the journal away: there is nothing to be restored any more.
    pub(super) async fn end(&self, cluster: &Cluster) -> Result<(), ClusterError> {
        match cluster.delete(&self.path(), &Default::default()).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// `namespace/name`.
    pub(super) fn display(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    fn path(&self) -> String {
        format!("{}/{}", collection("v1", "configmaps", Some(&self.namespace)), self.name)
    }

    /// All journals of a namespace or of all, the newest first; and those that cannot be read, by name.
    pub(super) async fn all(
        cluster: &Cluster,
        namespace: Option<&str>,
    ) -> Result<(Vec<Self>, Vec<String>), ClusterError> {
        let (mut found, mut broken) = (Vec::new(), Vec::new());
        let request = ListRequest::of("", "v1", "configmaps", namespace).labels(RUN);
        let mut items: Vec<Value> = Vec::new();
        cluster
            .list(&request, |event| -> Result<(), ClusterError> {
                match event {
                    ListEvent::Restart => items.clear(),
                    ListEvent::Page(page) => {
                        let page: WireList =
                            serde_json::from_slice(&page.bytes).unwrap_or(WireList { items: Vec::new() });
                        items.extend(page.items);
                    }
                }
                Ok(())
            })
            .await?;
        for item in items {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let metadata = &item["metadata"];
            let (name, namespace) = (text(&metadata["name"]), text(&metadata["namespace"]));
            let entry = serde_json::from_str::<Entry>(item["data"]["entry"].as_str().unwrap_or_default());
            let stage = serde_json::from_value::<Stage>(item["data"]["stage"].clone());
            match (entry, stage) {
                (Ok(entry), Ok(stage)) => found.push(Self {
                    name,
                    namespace,
                    run: text(&metadata["labels"][RUN]),
                    written: text(&metadata["creationTimestamp"]),
                    stage,
                    entry,
                }),
                _ => broken.push(format!("{namespace}/{name}")),
            }
        }
        // Of two changes of one object the later one must be taken back first.
        found.sort_by(|one, other| (&other.written, &other.name).cmp(&(&one.written, &one.name)));
        Ok((found, broken))
    }
}
