//! NodeDeclaredFeatures: what a pod needs of the kubelet must be among the features that the kubelet declares
//! (KEP-5328; `k8s.io/component-helpers/nodedeclaredfeatures`, as of 1.37).

use patchkit::{rules::PodSpec, snapshot::objects::node::Node};

use super::filter::Reason;

/// The features that a pod needs of its kubelet.
pub(super) fn required(spec: &PodSpec) -> Vec<&'static str> {
    let mut required = Vec::new();
    let starting = || spec.containers.iter().chain(&spec.init_containers);
    if starting().any(|it| it.restart_policy_rules.iter().any(|rule| rule.action == "RestartAllContainers")) {
        required.push("RestartAllContainersOnContainerExits");
    }
    if spec.host_network && spec.host_users == Some(false) {
        required.push("UserNamespacesHostNetworkSupport");
    }
    let mounts = starting().chain(&spec.ephemeral_containers).flat_map(|container| &container.volume_mounts);
    if mounts.into_iter().any(|mount| !mount.bind_mount_options.is_empty()) {
        required.push("VolumeBindMountOptions");
    }
    required
}

/// Whether the node declares them.
pub(super) fn filter(required: &[&str], node: &Node) -> Result<(), Reason> {
    let declares = |feature: &&str| node.declared_features.iter().any(|declared| declared == feature);
    if required.iter().all(declares) {
        Ok(())
    } else {
        Err(Reason::from("node(s) didn't match Pod's required features"))
    }
}
