//! Where the API has an object.

use patchkit::{report::ObjectRef, rules::names};

/// Who writes: the name in `metadata.managedFields`.
pub(super) const FIELD_MANAGER: &str = "kubectl-secpatch";

/// The path of an object of a built-in kind.
pub(super) fn path_of(object: &ObjectRef) -> String {
    let plural = names::plural(&object.kind);
    format!("{}/{}", collection(&object.api_version, &plural, object.namespace.as_deref()), object.name)
}

/// The path of a collection, of one namespace or of all.
pub(super) fn collection(api_version: &str, plural: &str, namespace: Option<&str>) -> String {
    let root = if api_version.contains('/') { "apis" } else { "api" };
    match namespace {
        Some(namespace) => format!("/{root}/{api_version}/namespaces/{namespace}/{plural}"),
        None => format!("/{root}/{api_version}/{plural}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_api() {
        let object = |api_version: &str, kind: &str| ObjectRef {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: Some("shop".to_owned()),
            name: "web".to_owned(),
            container: None,
        };
        assert_eq!(path_of(&object("apps/v1", "Deployment")), "/apis/apps/v1/namespaces/shop/deployments/web");
        assert_eq!(path_of(&object("v1", "PodTemplate")), "/api/v1/namespaces/shop/podtemplates/web");
        assert_eq!(collection("v1", "configmaps", None), "/api/v1/configmaps");
    }
}
