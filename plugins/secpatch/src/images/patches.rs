//! Patches that move images out of a frozen registry.

use std::collections::{BTreeMap, BTreeSet};

use patchkit::report::ObjectRef;
use serde_json::{Value, json};

use super::ImageEntry;
use crate::patch_files::{PatchFile, Template};

/// The patches, and why some images are left as they are.
///
/// # Errors
/// As [`PatchFile::new`].
pub fn patches(images: &[ImageEntry]) -> Result<(Vec<PatchFile>, Vec<String>), serde_saphyr::ser::Error> {
    // By object: the template and, by field, the containers.
    type Changes = (Template, BTreeMap<&'static str, Vec<Value>>);
    let mut objects: BTreeMap<ObjectRef, Changes> = BTreeMap::new();
    let mut left = BTreeSet::new();
    for image in images {
        let Some(rewrite) = &image.rewrite else { continue };
        for user in &image.used_by {
            let template = Template::of(&user.kind);
            let why = match (user.kind.as_str(), user.field) {
                (_, "ephemeralContainers") => "an ephemeral container cannot be changed: it ends with its pod",
                ("Job", _) => "the template of a Job cannot be changed: make the Job anew",
                _ => "it is not known where its template stands",
            };
            let is_fixed = user.field == "ephemeralContainers" || user.kind == "Job";
            let Some(template) = template.filter(|_| !is_fixed) else {
                left.insert(format!("{}: {why}", user.display()));
                continue;
            };
            let object = ObjectRef {
                api_version: user.api_version.clone(),
                kind: user.kind.clone(),
                namespace: user.namespace.clone(),
                name: user.name.clone(),
                container: None,
            };
            let (_, fields) = objects.entry(object).or_insert_with(|| (template, BTreeMap::new()));
            fields.entry(user.field).or_default().push(json!({"name": user.container, "image": rewrite}));
        }
    }
    let patches = objects
        .iter()
        .map(|(object, (template, fields))| PatchFile::new(object, &template.wrap(object, json!({"spec": fields})), []))
        .collect::<Result<_, _>>()?;
    Ok((patches, left.into_iter().collect()))
}
