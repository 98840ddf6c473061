//! How the cluster's own components are configured, as far as the API shows it: the arguments of their pods, what
//! kubeadm keeps in ConfigMaps, and the arguments that k3s and RKE2 write on their nodes.

use std::collections::BTreeMap;

use patchkit::{
    report::ObjectRef,
    snapshot::{
        Snapshot, kinds,
        objects::{cluster_wide::ConfigMap, node::Node},
    },
};
use serde_json::Value;

use crate::{
    facts::Component,
    inventory::{self, Place},
    subject::Subject,
};

/// The flags of a component in one place, by name without dashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagsAt {
    /// The pod, the node or the ConfigMap that shows them.
    pub object: ObjectRef,
    /// Flags with their values; one without a value is `true`.
    pub flags: BTreeMap<String, String>,
}

/// What is visible of a component's flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Where flags are visible.
    pub places: Vec<FlagsAt>,
    /// Why those of some, or all, of its instances are not; `None` where all are.
    pub hidden: Option<String>,
}

impl Flags {
    /// Each place that gives this flag, with its value.
    pub fn get<'f>(&'f self, name: &str) -> impl Iterator<Item = (&'f ObjectRef, &'f str)> + use<'f> {
        let name = name.to_owned();
        self.places.iter().filter_map(move |place| Some((&place.object, place.flags.get(&name)?.as_str())))
    }
}

/// What is visible of the flags of a component.
#[must_use]
pub fn flags(subject: Subject<'_>, component: &Component) -> Flags {
    let snapshot = subject.snapshot;
    let mut places: Vec<FlagsAt> = inventory::flags(snapshot, component)
        .unwrap_or_default()
        .into_iter()
        .map(|(pod, flags)| FlagsAt { object: pod.meta.object_ref("Pod"), flags })
        .collect();
    let pods = places.len();
    let by_node = flags_on_nodes(snapshot, component);
    let nodes = by_node.len();
    places.extend(by_node);
    let by_kubeadm = kubeadm_flags(snapshot, component);
    let kubeadm = by_kubeadm.is_some();
    places.extend(by_kubeadm);
    let hidden = if *component == Component::KUBELET {
        // A kubelet is a process: only some installers write its arguments where the API shows them.
        let kubelets = subject.inventory.instances.iter().filter(|found| found.component == *component).count();
        match (pods + nodes, kubelets) {
            (_, 0) => Some(snapshot.why_unknown(&kinds::NODES).unwrap_or_else(|| "no node is known".to_owned())),
            (seen, all) if seen >= all => None,
            (seen, all) => Some(format!("the flags of {} of {all} kubelets do not show in the API", all - seen)),
        }
    } else if pods > 0 || nodes > 0 || kubeadm {
        None
    } else if let Some(why) = snapshot.why_unknown(&kinds::PODS) {
        Some(why)
    } else if subject.inventory.provider.hides_control_plane() {
        Some(format!("{} does not show the {component}", subject.inventory.provider))
    } else {
        Some(format!("no pod of the {component} is visible"))
    };
    Flags { places, hidden }
}

/// The annotations in which k3s and RKE2 write the arguments that a node was started with.
const NODE_ARGUMENTS: [&str; 2] = ["k3s.io/node-args", "rke2.io/node-args"];

/// The flags of a component in those arguments: `--kubelet-arg=max-pods=200`.
fn flags_on_nodes(snapshot: &Snapshot, component: &Component) -> Vec<FlagsAt> {
    let options: &[&str] = match component.as_str() {
        "kubelet" => &["--kubelet-arg"],
        "kube-proxy" => &["--kube-proxy-arg"],
        "kube-apiserver" => &["--kube-apiserver-arg"],
        "kube-controller-manager" => &["--kube-controller-manager-arg", "--kube-controller-arg"],
        "kube-scheduler" => &["--kube-scheduler-arg"],
        "etcd" => &["--etcd-arg"],
        _ => return Vec::new(),
    };
    let on_servers_only = !matches!(component.as_str(), "kubelet" | "kube-proxy");
    let read = |node: &Node| -> Option<FlagsAt> {
        let text = NODE_ARGUMENTS.iter().find_map(|key| node.meta.annotations.get(key))?;
        let words: Vec<String> = serde_json::from_str(text).ok()?;
        if on_servers_only && words.first().is_none_or(|role| role != "server") {
            return None;
        }
        let mut flags = BTreeMap::new();
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            let argument = match word.split_once('=') {
                Some((option, argument)) if options.contains(&option) => argument,
                None if options.contains(&word.as_str()) => match words.next() {
                    Some(argument) => argument,
                    None => break,
                },
                _ => continue,
            };
            let (name, value) = argument.split_once('=').unwrap_or((argument, "true"));
            flags.insert(name.trim_start_matches('-').to_owned(), value.to_owned());
        }
        Some(FlagsAt { object: node.meta.object_ref("Node"), flags })
    };
    snapshot.nodes.iter().filter_map(read).collect()
}

/// The flags that kubeadm gives a component of the control plane (`extraArgs`: a map up to kubeadm.k8s.io/v1beta3, a
/// list since v1beta4). What it writes at the next upgrade comes from there, whatever stands in the manifests today.
fn kubeadm_flags(snapshot: &Snapshot, component: &Component) -> Option<FlagsAt> {
    let field = match component.as_str() {
        "kube-apiserver" => "apiServer",
        "kube-controller-manager" => "controllerManager",
        "kube-scheduler" => "scheduler",
        "kubelet" => return kubeadm_kubelet_flags(snapshot),
        _ => return None,
    };
    let (object, cluster) = kubeadm(snapshot).ok()?.into_iter().next()?;
    Some(FlagsAt { object, flags: extra_args(&cluster[field]["extraArgs"]) })
}

/// kubeadm keeps the kubelet's flags on the nodes. Somebody may have left a whole InitConfiguration in the ConfigMap.
fn kubeadm_kubelet_flags(snapshot: &Snapshot) -> Option<FlagsAt> {
    let (object, config) = documents(snapshot, "kubeadm-config", &["InitConfiguration", "JoinConfiguration"])
        .ok()?
        .into_iter()
        .find(|(_, config)| {
            config["nodeRegistration"]["kubeletExtraArgs"].is_array()
                || config["nodeRegistration"]["kubeletExtraArgs"].is_object()
        })?;
    Some(FlagsAt { object, flags: extra_args(&config["nodeRegistration"]["kubeletExtraArgs"]) })
}

fn extra_args(value: &Value) -> BTreeMap<String, String> {
    match value {
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        Value::Array(list) => {
            list.iter().filter_map(|item| Some((item["name"].as_str()?.to_owned(), text(&item["value"])))).collect()
        }
        _ => BTreeMap::new(),
    }
}

/// A scalar as its text; YAML writes numbers and booleans without quotes.
#[must_use]
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Documents of a configuration with the ConfigMap that each stands in, or why there is none.
pub type Documents = Result<Vec<(ObjectRef, Value)>, String>;

/// kubeadm's ClusterConfiguration.
///
/// # Errors
/// Why it is not known.
pub fn kubeadm(snapshot: &Snapshot) -> Documents {
    documents(snapshot, "kubeadm-config", &["ClusterConfiguration"])
}

/// The kubelets' configuration that kubeadm keeps for all nodes (`kubelet-config`; up to 1.23 with the minor behind
/// it).
///
/// # Errors
/// Why it is not known.
pub fn kubelet(snapshot: &Snapshot) -> Documents {
    documents(snapshot, "kubelet-config", &["KubeletConfiguration"])
}

/// The configuration of kube-proxy (`kube-proxy` of kubeadm, `kube-proxy-config` of EKS).
///
/// # Errors
/// Why it is not known.
pub fn kube_proxy(snapshot: &Snapshot) -> Documents {
    documents(snapshot, "kube-proxy", &["KubeProxyConfiguration"])
}

/// ConfigMaps of kube-system whose name contains this text.
#[must_use]
pub fn config_maps<'s>(snapshot: &'s Snapshot, name: &str) -> Vec<&'s ConfigMap> {
    snapshot
        .config_maps
        .iter()
        .filter(|map| &*map.meta.namespace == "kube-system" && map.meta.name.contains(name))
        .collect()
}

fn documents(snapshot: &Snapshot, name: &str, wanted: &[&str]) -> Documents {
    let maps = config_maps(snapshot, name);
    if maps.is_empty() {
        return Err(snapshot.why_unknown(&kinds::CONFIG_MAPS).unwrap_or_else(|| {
            format!("there is no ConfigMap kube-system/{name}, in which kubeadm keeps the configuration")
        }));
    }
    let mut found = Vec::new();
    for map in maps {
        for (key, value) in &map.data {
            for document in value.split("\n---") {
                if !wanted.iter().any(|kind| document.contains(kind)) {
                    continue;
                }
                let parsed: Value = serde_saphyr::from_str(document)
                    .map_err(|error| format!("{key} of the ConfigMap {} is no YAML: {error}", map.meta.path()))?;
                if parsed["kind"].as_str().is_some_and(|kind| wanted.contains(&kind)) {
                    found.push((map.meta.object_ref("ConfigMap"), parsed));
                }
            }
        }
    }
    if found.is_empty() {
        Err(format!("no ConfigMap kube-system/{name} holds a {}", wanted.join(" or ")))
    } else {
        Ok(found)
    }
}

/// Feature gates of a flag: `A=true,B=false`.
#[must_use]
pub fn gates_of_flag(text: &str) -> Vec<(String, bool)> {
    text.split(',')
        .filter_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            Some((name.trim().to_owned(), boolean(value)?))
        })
        .collect()
}

/// Feature gates of a configuration: a map of names to booleans.
#[must_use]
pub fn gates_of_config(value: &Value) -> Vec<(String, bool)> {
    let Some(map) = value.as_object() else { return Vec::new() };
    map.iter().filter_map(|(name, value)| Some((name.clone(), boolean(&text(value))?))).collect()
}

/// What Go's `strconv.ParseBool` reads.
#[must_use]
pub fn boolean(text: &str) -> Option<bool> {
    match text.trim() {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// The node, pod or server of an instance as an object.
#[must_use]
pub fn object_of(place: &Place) -> Option<ObjectRef> {
    let reference = |kind: &str, namespace: Option<&String>, name: &str| ObjectRef {
        api_version: "v1".to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.cloned(),
        name: name.to_owned(),
        container: None,
    };
    match place {
        Place::Server => None,
        Place::Node { name } => Some(reference("Node", None, name)),
        Place::Pod { namespace, name, .. } => Some(reference("Pod", Some(namespace), name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Cluster;

    const KUBEADM: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: kubeadm-config, namespace: kube-system}
data:
  ClusterConfiguration: |
    apiVersion: kubeadm.k8s.io/v1beta4
    kind: ClusterConfiguration
    apiServer:
      extraArgs:
      - {name: feature-gates, value: \"A=true,B=false\"}
      - {name: v, value: \"4\"}
    controllerManager:
      extraArgs: {concurrent-service-syncs: \"5\"}
";

    #[test]
    fn kubeadm_writes_flags_as_a_list_or_a_map() {
        let cluster = Cluster::of(KUBEADM);
        let flags = flags(cluster.subject(), &Component::KUBE_APISERVER);
        assert_eq!(flags.hidden, None);
        assert_eq!(flags.get("v").map(|(_, value)| value).collect::<Vec<_>>(), ["4"]);
        assert_eq!(
            gates_of_flag(flags.get("feature-gates").next().expect("a flag").1),
            [("A".to_owned(), true), ("B".to_owned(), false)]
        );
        let flags = super::flags(cluster.subject(), &Component::KUBE_CONTROLLER_MANAGER);
        assert_eq!(flags.get("concurrent-service-syncs").count(), 1);
    }

    #[test]
    fn k3s_writes_the_kubelet_flags_on_its_nodes() {
        let cluster = Cluster::of(
            "
apiVersion: v1
kind: Node
metadata:
  name: a
  annotations: {k3s.io/node-args: '[\"server\",\"--kubelet-arg\",\"max-pods=200\",\"--kubelet-arg=v=4\"]'}
status: {nodeInfo: {kubeletVersion: v1.33.1+k3s1}}
---
apiVersion: v1
kind: Node
metadata: {name: b}
status: {nodeInfo: {kubeletVersion: v1.33.1+k3s1}}
",
        );
        let flags = flags(cluster.subject(), &Component::KUBELET);
        assert_eq!(
            flags.get("max-pods").map(|(object, value)| (object.name.as_str(), value)).collect::<Vec<_>>(),
            [("a", "200")]
        );
        assert_eq!(flags.get("v").count(), 1);
        assert_eq!(flags.hidden.as_deref(), Some("the flags of 1 of 2 kubelets do not show in the API"));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let nothing = Cluster::of("");
        assert_eq!(kubelet(&nothing.snapshot).expect_err("nothing is there"), "the input holds no configmaps");
        let broken = Cluster::of(
            r#"{apiVersion: v1, kind: ConfigMap, metadata: {name: kubelet-config, namespace: kube-system}, data: {kubelet: "kind: KubeletConfiguration\na: ["}}"#,
        );
        assert!(kubelet(&broken.snapshot).expect_err("it is broken").contains("is no YAML"));
    }
}
