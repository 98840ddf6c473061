//! Patches as files: one a workload, and a kustomize component around them.

use serde_json::{Value, json};

use super::model::Fix;

/// A file to be written: its name and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchFile {
    /// The name, without a folder.
    pub name: String,
    /// The content, YAML.
    pub text: String,
}

/// One file for each fix that has a patch, named after its object.
///
/// # Errors
/// Where a patch cannot be written as YAML, which is a mistake in the code.
pub fn patches(fixes: &[Fix]) -> Result<Vec<PatchFile>, serde_saphyr::ser::Error> {
    fixes
        .iter()
        .filter_map(|fix| {
            let object = &fix.object;
            let namespace = object.namespace.as_deref().unwrap_or("default");
            let name = format!("{namespace}-{}-{}.yaml", object.kind.to_ascii_lowercase(), object.name);
            let patch = fix.patch.as_ref()?;
            Some(serde_saphyr::to_string(patch).map(|text| {
                let mut comments = String::new();
                for decision in &fix.decisions {
                    comments.push_str(&format!("# To decide: {}\n", decision.question.replace('\n', " ")));
                }
                PatchFile { name, text: format!("{comments}{text}") }
            }))
        })
        .collect()
}

/// A kustomize component of these patches.
///
/// # Errors
/// As [`patches`].
pub fn kustomize_component(patches: &[PatchFile]) -> Result<PatchFile, serde_saphyr::ser::Error> {
    let list: Vec<Value> = patches.iter().map(|file| json!({"path": file.name})).collect();
    let component = json!({
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "patches": list,
    });
    Ok(PatchFile { name: "kustomization.yaml".to_owned(), text: serde_saphyr::to_string(&component)? })
}
