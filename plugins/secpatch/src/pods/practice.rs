//! What the practice asks of a pod beyond the standards (the hardening guide of NSA and CISA, chapter "Kubernetes Pod
//! security"; the documentation's pages on resource management). Identifiers are of their own, so that nobody takes
//! them for checks of the API server.

use patchkit::rules::{Container, ImageRef, PodSpec, Resources, pod::ResourceRequirements};

/// What a habit is called, and why it is one.
#[derive(Debug)]
pub(super) struct HabitKind {
    /// The identifier of its findings.
    pub(super) id: &'static str,
    /// What is wrong, about containers that follow.
    pub(super) title: &'static str,
    /// What to do.
    pub(super) hint: &'static str,
}

/// A habit that containers of a pod lack.
#[derive(Clone, Debug)]
pub(super) struct Habit {
    pub(super) kind: &'static HabitKind,
    pub(super) containers: Vec<String>,
}

const READ_ONLY_ROOT: HabitKind = HabitKind {
    id: "read-only-root-filesystem",
    title: "the root file system can be written to",
    hint: "set securityContext.readOnlyRootFilesystem to true, and mount an emptyDir where the program writes",
};

const CAPABILITIES: HabitKind = HabitKind {
    id: "capabilities-not-dropped",
    title: "capabilities are not all dropped",
    hint: "set securityContext.capabilities.drop to [ALL], and add only what is needed",
};

const REQUESTS: HabitKind = HabitKind {
    id: "requests-missing",
    title: "cpu or memory is not asked for",
    hint: "set resources.requests: without them the pod is placed anywhere, and evicted first",
};

const LIMITS: HabitKind = HabitKind {
    id: "limits-missing",
    title: "memory is not limited",
    hint: "set resources.limits.memory: without it one container can take all memory of a node",
};

const DIGEST: HabitKind = HabitKind {
    id: "image-digest-missing",
    title: "the image is not pinned by its digest",
    hint: "name the image by digest (name@sha256:…), so that what runs is what was looked at",
};

/// The habits that a pod lacks; `drops_are_checked` says that the standards already ask for dropped capabilities.
pub(super) fn missing(spec: &PodSpec, drops_are_checked: bool) -> Vec<Habit> {
    let is_windows = spec.os.as_ref().is_some_and(|os| os.name == "windows");
    let mut found = Vec::new();
    let mut look = |kind: &'static HabitKind, lacks: &dyn Fn(&str, &Container) -> bool| {
        let containers: Vec<String> = spec
            .all_containers()
            .filter(|(field, container)| lacks(field, container))
            .map(|(_, container)| container.name.to_string())
            .collect();
        if !containers.is_empty() {
            found.push(Habit { kind, containers });
        }
    };
    if !is_windows {
        look(&READ_ONLY_ROOT, &|_, container| {
            container.security_context.as_ref().and_then(|context| context.read_only_root_filesystem) != Some(true)
        });
        if !drops_are_checked {
            look(&CAPABILITIES, &|_, container| !drops_all(container));
        }
    }
    let of_pod = spec.resources.as_ref();
    // Ephemeral containers cannot have any.
    look(&REQUESTS, &|field, container| {
        field != "ephemeralContainers"
            && ["cpu", "memory"].iter().any(|name| !is_requested(name, &container.resources, of_pod))
    });
    look(&LIMITS, &|field, container| {
        let has = |of: &Resources| of.contains_key("memory");
        field != "ephemeralContainers"
            && !has(&container.resources.limits)
            && !of_pod.is_some_and(|resources| has(&resources.limits))
    });
    look(&DIGEST, &|_, container| {
        container.image.as_deref().is_some_and(|image| image.parse::<ImageRef>().is_ok_and(|it| it.digest.is_none()))
    });
    found
}

fn drops_all(container: &Container) -> bool {
    let of = container.security_context.as_ref().and_then(|context| context.capabilities.as_ref());
    of.is_some_and(|of| of.drop.iter().any(|dropped| dropped == "ALL"))
}

/// Where a request is left out, the API server takes the limit for it.
pub(crate) fn is_requested(
    name: &str,
    resources: &ResourceRequirements,
    of_pod: Option<&ResourceRequirements>,
) -> bool {
    [Some(resources), of_pod]
        .into_iter()
        .flatten()
        .any(|resources| resources.requests.contains_key(name) || resources.limits.contains_key(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(spec: &str, drops_are_checked: bool) -> Vec<&'static str> {
        let spec: PodSpec = serde_json::from_str(spec).unwrap();
        missing(&spec, drops_are_checked).iter().map(|habit| habit.kind.id).collect()
    }

    #[test]
    fn what_is_missing_is_told() {
        let bare = r#"{"containers":[{"name":"a","image":"a:1"}]}"#;
        assert_eq!(
            ids(bare, false),
            [
                "read-only-root-filesystem",
                "capabilities-not-dropped",
                "requests-missing",
                "limits-missing",
                "image-digest-missing"
            ]
        );
        assert!(!ids(bare, true).contains(&"capabilities-not-dropped"));
        let good = r#"{"resources":{"limits":{"memory":"1Gi"},"requests":{"cpu":"1"}},"containers":[{"name":"a",
            "image":"a@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "securityContext":{"readOnlyRootFilesystem":true,"capabilities":{"drop":["ALL"]}}}]}"#;
        assert_eq!(ids(good, false), Vec::<&str>::new());
        let windows = r#"{"os":{"name":"windows"},"containers":[{"name":"a","image":"a:1"}]}"#;
        assert_eq!(ids(windows, false), ["requests-missing", "limits-missing", "image-digest-missing"]);
    }
}
