//! Patches as files: one a workload, and a kustomize component around them.

use clap::ValueEnum;
use patchkit::report::ObjectRef;
use serde_json::{Value, json};

use super::model::Fix;

/// How a patch is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PatchForm {
    /// A strategic merge patch, which names its object and the containers in it.
    #[default]
    Strategic,
    /// A JSON patch (RFC 6902), for `kubectl patch --type json --patch-file` and what knows nothing else.
    Json,
}

/// A file to be written: its name and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchFile {
    /// The name, without a folder.
    pub name: String,
    /// The content, YAML.
    pub text: String,
    /// What it changes.
    pub object: ObjectRef,
}

/// One file for each fix that has a patch, named after its object.
///
/// # Errors
/// Where a patch cannot be written as YAML, which is a mistake in the code.
pub fn patches(fixes: &[Fix], form: PatchForm) -> Result<Vec<PatchFile>, serde_saphyr::ser::Error> {
    fixes
        .iter()
        .filter_map(|fix| {
            let object = &fix.object;
            let namespace = object.namespace.as_deref().unwrap_or("default");
            let name = format!("{namespace}-{}-{}.yaml", object.kind.to_ascii_lowercase(), object.name);
            let patch = match form {
                PatchForm::Strategic => fix.patch.clone()?,
                PatchForm::Json => fix.json_patch.clone()?.into(),
            };
            Some(serde_saphyr::to_string(&patch).map(|text| {
                let mut comments = String::new();
                for decision in &fix.decisions {
                    comments.push_str(&format!("# To decide: {}\n", decision.question.replace('\n', " ")));
                }
                for overwriter in &fix.overwritten_by {
                    comments.push_str(&format!("# {}\n", overwriter.display()));
                }
                PatchFile { name, text: format!("{comments}{text}"), object: object.clone() }
            }))
        })
        .collect()
}

/// A kustomize component of these patches. A JSON patch does not say what it changes, so that the component does.
///
/// # Errors
/// As [`patches`].
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
    let text = serde_saphyr::to_string(&component)?;
    Ok(PatchFile { name: "kustomization.yaml".to_owned(), text, object: ObjectRef::default() })
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
