//! The components of a cluster with their versions.

use std::collections::BTreeMap;

use patchkit::{
    report::NotEvaluated,
    rules::{
        image::ImageRef,
        runtime_version::{LooseVersion, RuntimeVersion},
        version::{KubeVersion, Minor},
    },
    snapshot::{Snapshot, kinds, objects::pod::Pod},
};

use super::{Hints, Provider};
use crate::facts::Component;

/// One component in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Which component.
    pub component: Component,
    /// Its version as the component or its image tells it; `None` where the image's tag is no version.
    pub version: Option<String>,
    /// Where it was seen.
    pub place: Place,
    /// The node that it runs on, where it runs on one.
    pub node: Option<String>,
}

/// Where a component was seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The API server's own answer.
    Server,
    /// The facts of a node.
    Node {
        /// The node.
        name: String,
    },
    /// A container of a pod, by its image.
    Pod {
        /// The pod's namespace.
        namespace: String,
        /// The pod.
        name: String,
        /// The container.
        container: String,
    },
}

impl Place {
    /// Kind, and name as people write it.
    #[must_use]
    pub fn named(&self) -> (&'static str, String) {
        match self {
            Self::Server => ("Server", "kubernetes".to_owned()),
            Self::Node { name } => ("Node", name.clone()),
            Self::Pod { namespace, name, .. } => ("Pod", format!("{namespace}/{name}")),
        }
    }
}

/// Everything that has a version: the nodes' kubelets, proxies and runtimes, and every known image in a pod.
pub(super) fn find(snapshot: &Snapshot, provider: Provider, not_evaluated: &mut Vec<NotEvaluated>) -> Vec<Instance> {
    let mut found = Vec::new();
    for node in &snapshot.nodes {
        let name = node.meta.name.to_string();
        let place = || Place::Node { name: name.clone() };
        if !node.info.kubelet_version.is_empty() {
            found.push(Instance {
                component: Component::KUBELET,
                version: Some(node.info.kubelet_version.to_string()),
                place: place(),
                node: Some(name.clone()),
            });
        }
        if let Some(runtime) = RuntimeVersion::parse(&node.info.container_runtime_version) {
            found.push(Instance {
                component: Component::new(runtime.name.to_string()),
                version: Some(runtime.text.to_string()),
                place: place(),
                node: Some(name.clone()),
            });
        }
    }
    for pod in snapshot.pods.iter().filter(|pod| !pod.is_finished()) {
        for (_, container) in pod.all_containers() {
            let Some(image) = container.image.as_deref().and_then(|image| image.parse::<ImageRef>().ok()) else {
                continue;
            };
            let Some(component) = Component::of_image(&image.repository) else { continue };
            found.push(Instance {
                component,
                version: image.tag.filter(|tag| tag.parse::<LooseVersion>().is_ok()).map(|tag| tag.to_string()),
                place: Place::Pod {
                    namespace: pod.meta.namespace.to_string(),
                    name: pod.meta.name.to_string(),
                    container: container.name.to_string(),
                },
                node: (!pod.node.is_empty()).then(|| pod.node.to_string()),
            });
        }
    }
    let sees_proxy = found.iter().any(|instance| instance.component == Component::KUBE_PROXY);
    if !sees_proxy && snapshot.why_unknown(&kinds::PODS).is_none() && !snapshot.nodes.is_empty() {
        let why = "no pod runs it: the nodes may run it as a process, or another network plugin takes its place";
        not_evaluated.push(NotEvaluated::new("kube-proxy", why));
    }
    let sees_control_plane = found.iter().any(|instance| instance.component == Component::KUBE_CONTROLLER_MANAGER);
    if !sees_control_plane {
        let left_out = |component: Component| {
            let component = component.to_string();
            match provider {
                Provider::Eks | Provider::Aks | Provider::Gke => {
                    NotEvaluated::hidden(component, "the provider runs the control plane and does not show it")
                }
                Provider::K3s => NotEvaluated::hidden(component, "k3s runs it inside of its server process"),
                _ => NotEvaluated::new(component, "no pod of the control plane is visible"),
            }
        };
        not_evaluated
            .extend([Component::KUBE_CONTROLLER_MANAGER, Component::KUBE_SCHEDULER, Component::ETCD].map(left_out));
    }
    found
}

/// The version of the API server, and the minor that it emulates. Where the server did not answer (files), its pods
/// tell; where there are none, a hint; nothing else does, since kubelets may be older than their server.
pub(super) fn server(
    snapshot: &Snapshot,
    hints: &Hints,
    instances: &mut Vec<Instance>,
    not_evaluated: &mut Vec<NotEvaluated>,
) -> (Option<KubeVersion>, Option<Minor>) {
    // A server that answers, or that somebody names, runs whether or not its pods are seen.
    let mut seen_as = |version: &KubeVersion| {
        if !instances.iter().any(|instance| instance.component == Component::KUBE_APISERVER) {
            instances.push(Instance {
                component: Component::KUBE_APISERVER,
                version: Some(version.as_str().to_owned()),
                place: Place::Server,
                node: None,
            });
        }
    };
    if let Some(version) = &hints.server {
        seen_as(version);
        return (Some(version.clone()), None);
    }
    if let Some(server) = &snapshot.server {
        match server.git_version.parse::<KubeVersion>() {
            Ok(version) => {
                let emulated = Minor::from_fields(&server.emulation_major, &server.emulation_minor)
                    .filter(|emulated| *emulated != version.minor());
                seen_as(&version);
                return (Some(version), emulated);
            }
            Err(error) => not_evaluated.push(NotEvaluated::new("the API server's version", error.to_string())),
        }
    }
    // With several API servers the oldest is what the cluster can rely on.
    let oldest = instances
        .iter()
        .filter(|instance| instance.component == Component::KUBE_APISERVER)
        .filter_map(|instance| instance.version.as_deref()?.parse::<KubeVersion>().ok())
        .min_by_key(KubeVersion::upstream);
    if oldest.is_none() {
        let why = "neither /version nor a pod of the API server is in the input; --server-version gives it";
        not_evaluated.push(NotEvaluated::new("the API server's version", why));
    }
    (oldest, None)
}

/// The flags that a component's container is started with, by name without dashes; `None` where no pod of it is
/// visible. A flag without a value is `true`, as Go reads it.
#[must_use]
pub fn flags<'s>(snapshot: &'s Snapshot, component: &Component) -> Option<Vec<(&'s Pod, BTreeMap<String, String>)>> {
    let mut found = Vec::new();
    for pod in &snapshot.pods {
        for (_, container) in pod.all_containers() {
            let of_image = container
                .image
                .as_deref()
                .and_then(|image| image.parse::<ImageRef>().ok())
                .and_then(|image| Component::of_image(&image.repository));
            // RKE2 runs all of them from one image (rancher/hardened-kubernetes): there the command tells.
            let program = container.command.first().or(container.args.first());
            let program = program.map(|path| path.rsplit('/').next().unwrap_or(path));
            let by_command = &*pod.meta.namespace == "kube-system" && program == Some(component.as_str());
            if of_image.is_some_and(|of_image| of_image == *component) || by_command {
                found.push((
                    pod,
                    parse_flags(container.command.iter().chain(&container.args).map(|text| text.as_str())),
                ));
            }
        }
    }
    (!found.is_empty()).then_some(found)
}

fn parse_flags<'a>(words: impl Iterator<Item = &'a str>) -> BTreeMap<String, String> {
    let mut flags = BTreeMap::new();
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else { continue };
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => match words.peek() {
                Some(next) if !next.starts_with('-') => (flag, (*next).to_owned()),
                _ => (flag, "true".to_owned()),
            },
        };
        flags.insert(name.replace('_', "-"), value);
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_as_go_reads_them() {
        let flags = parse_flags(
            ["kube-apiserver", "--a=1", "--b", "--c", "x", "-v", "4", "--feature_gates=A=true"].into_iter(),
        );
        let flags: Vec<_> = flags.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(flags, [("a", "1"), ("b", "true"), ("c", "x"), ("feature-gates", "A=true"), ("v", "4")]);
    }
}
