//! Patches as files: one an object, and a kustomize component around them.

use clap::ValueEnum;
use patchkit::report::ObjectRef;
use serde_json::{Value, json};

/// Where a kind holds the template of its pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    path: &'static [&'static str],
}

impl Template {
    /// Of this kind; `None` where it makes no pods.
    #[must_use]
    pub fn of(kind: &str) -> Option<Self> {
        let path: &[&str] = match kind {
            "Pod" => &[],
            "PodTemplate" => &["template"],
            "CronJob" => &["spec", "jobTemplate", "spec", "template"],
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" | "Job" => {
                &["spec", "template"]
            }
            _ => return None,
        };
        Some(Self { path })
    }

    /// Where it stands, as the beginning of a JSON pointer.
    #[must_use]
    pub fn pointer(self) -> String {
        self.path.iter().map(|field| format!("/{field}")).collect()
    }

    /// The strategic merge patch of the whole object, with its identity, from one of its template.
    #[must_use]
    pub fn wrap(self, object: &ObjectRef, patch: Value) -> Value {
        let mut whole = self.path.iter().rev().fold(patch, |inner, field| json!({*field: inner}));
        // A Deployment that is applied under an API version of old is patched under the same.
        whole["apiVersion"] = object.api_version.as_str().into();
        whole["kind"] = object.kind.as_str().into();
        whole["metadata"]["name"] = object.name.as_str().into();
        if let Some(namespace) = &object.namespace {
            whole["metadata"]["namespace"] = namespace.as_str().into();
        }
        whole
    }
}

/// How a patch is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PatchForm {
    /// A strategic merge patch, which names its object and the containers in it.
    #[default]
    Strategic,
    /// A JSON patch (RFC 6902), for `kubectl patch --type json --patch-file` and what knows nothing else.
    Json,
}

/// The first line of every file that is made here: a file without it is somebody else's.
pub const MARK: &str = "# Made by kubectl secpatch, and written anew by its next run unless this line is removed.\n";

/// A file to be written: its name and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchFile {
    /// The name, without a folder.
    pub name: String,
    /// The content: YAML that begins with [`MARK`].
    pub text: String,
    /// What it changes.
    pub object: ObjectRef,
}

impl PatchFile {
    /// The patch of an object, named after it, with these lines as comments before it.
    ///
    /// # Errors
    /// Where it cannot be written as YAML, which is a mistake in the code.
    pub fn new(
        object: &ObjectRef,
        patch: &Value,
        remarks: impl IntoIterator<Item = String>,
    ) -> Result<Self, serde_saphyr::ser::Error> {
        let parts = [Some(object.kind.as_str()), object.namespace.as_deref(), Some(&object.name)];
        let words: Vec<String> = parts.into_iter().flatten().map(str::to_lowercase).collect();
        let mut text = MARK.to_owned();
        for remark in remarks {
            text.push_str(&format!("# {}\n", remark.replace('\n', " ")));
        }
        text.push_str(&serde_saphyr::to_string(patch)?);
        Ok(Self { name: format!("{}.yaml", words.join("-")), text, object: object.clone() })
    }
}

/// A kustomize component of these patches. A JSON patch does not say what it changes, so that the component does.
///
/// # Errors
/// As [`PatchFile::new`].
pub fn kustomize_component(patches: &[PatchFile], form: PatchForm) -> Result<PatchFile, serde_saphyr::ser::Error> {
    let list: Vec<Value> = patches
        .iter()
        .map(|file| match form {
            PatchForm::Strategic => json!({"path": file.name}),
            PatchForm::Json => json!({"path": file.name, "target": target(&file.object)}),
        })
        .collect();
    let component = json!({
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "patches": list,
    });
    let made = PatchFile::new(&ObjectRef::default(), &component, [])?;
    Ok(PatchFile { name: "kustomization.yaml".to_owned(), ..made })
}

/// An object as kustomize selects it, where names are patterns.
fn target(object: &ObjectRef) -> Value {
    let (group, version) = object.api_version.split_once('/').unwrap_or(("", &object.api_version));
    let mut target = json!({"version": version, "kind": object.kind, "name": object.name.replace('.', "\\.")});
    if !group.is_empty() {
        target["group"] = group.into();
    }
    if let Some(namespace) = &object.namespace {
        target["namespace"] = namespace.as_str().into();
    }
    target
}
