//! Finding the images in pods and templates.

use std::collections::{BTreeMap, BTreeSet};

use patchkit::{
    report::ObjectRef,
    rules::{PodSpec, image::ImageRef},
    snapshot::{Snapshot, objects::Meta},
};

use super::{ImageEntry, ImageUser};
use crate::specs::Specs;

/// Every image of the pods and templates, by its text, with who runs it. Templates that make no pods any more and pods
/// that have ended are left out.
#[must_use]
pub fn images(snapshot: &Snapshot) -> Vec<ImageEntry> {
    let specs = Specs::new(snapshot);
    let mut found: BTreeMap<String, (BTreeSet<ImageUser>, BTreeSet<String>)> = BTreeMap::new();
    let mut add = |spec: &PodSpec, top: &ObjectRef, meta: &Meta| {
        for (field, container) in spec.all_containers() {
            let Some(image) = container.image.as_deref().filter(|image| !image.is_empty()) else { continue };
            let user = ImageUser {
                api_version: top.api_version.clone(),
                kind: top.kind.clone(),
                namespace: top.namespace.clone(),
                name: top.name.clone(),
                container: container.name.to_string(),
                field,
                source: snapshot.source_of(meta),
            };
            let users = &mut found.entry(image.to_owned()).or_default().0;
            // A workload and its pods are one user; the place is that of the workload, which comes first.
            let same = |other: &ImageUser| {
                ImageUser { source: None, ..other.clone() } == ImageUser { source: None, ..user.clone() }
            };
            if !users.iter().any(same) {
                users.insert(user);
            }
        }
    };
    for workload in specs.templates() {
        add(&workload.template, &specs.top(workload), &workload.meta);
    }
    for pod in snapshot.pods.iter().filter(|pod| !pod.is_finished()) {
        add(&pod.spec, &specs.top_of_pod(pod), &pod.meta);
    }
    // Which digest a tag has become is told by the runtime alone.
    for pod in snapshot.pods.iter().filter(|pod| !pod.is_finished()) {
        for (_, container) in pod.all_containers() {
            let status = pod.containers.iter().find(|status| status.name == container.name);
            let digest =
                status.and_then(|status| status.image_id.rsplit_once('@')).map(|(_, digest)| digest.to_owned());
            if let (Some(image), Some(digest)) = (container.image.as_deref(), digest)
                && let Some((_, running)) = found.get_mut(image)
            {
                running.insert(digest);
            }
        }
    }
    found.into_iter().map(|(image, (users, running))| entry(image, users, running)).collect()
}

fn entry(image: String, users: BTreeSet<ImageUser>, running: BTreeSet<String>) -> ImageEntry {
    let parsed = image.parse::<ImageRef>().ok();
    let text = |part: Option<&str>| part.map(str::to_owned);
    ImageEntry {
        registry: parsed.as_ref().map(|it| it.registry.to_string()).unwrap_or_default(),
        repository: parsed.as_ref().map(|it| it.repository.to_string()).unwrap_or_default(),
        tag: text(parsed.as_ref().and_then(|it| it.tag.as_deref())),
        digest: text(parsed.as_ref().and_then(|it| it.digest.as_deref())),
        rewrite: parsed.as_ref().and_then(ImageRef::thawed).map(|it| it.raw.to_string()),
        image,
        running: running.into_iter().collect(),
        used_by: users.into_iter().collect(),
        problems: Vec::new(),
        base: None,
        vulnerabilities: None,
        reports: Vec::new(),
    }
}
