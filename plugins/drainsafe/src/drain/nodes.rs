//! The nodes themselves: control plane, nodes that do not answer, cordons of others, waves.

use patchkit::{
    report::{Finding, Severity},
    snapshot::objects::{node::Node, pod::Pod},
};

use super::{
    model::{BlockedFor, PlannedNode},
    scene::{Draft, Said, Scene},
};

/// The taint of a node whose kubelet the control plane no longer hears.
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// Whether the kubelet does not answer, so that what is deleted on the node does not end.
#[must_use]
pub fn is_unreachable(node: &Node) -> bool {
    node.ready() == Some("Unknown") || node.taints.iter().any(|taint| taint.key == UNREACHABLE)
}

/// Whether the node runs a member of etcd or belongs to the control plane.
#[must_use]
pub fn is_control_plane(scene: &Scene<'_>, node: &Node) -> bool {
    node.is_control_plane() || scene.snapshot.pods.iter().any(|pod| *pod.node == *node.meta.name && is_etcd(pod))
}

/// A static pod of etcd, as kubeadm labels it.
fn is_etcd(pod: &Pod) -> bool {
    pod.is_mirror() && pod.meta.labels.get("component") == Some("etcd")
}

/// The nodes with their waves: machines of the control plane are last, and each alone.
#[must_use]
pub fn planned(scene: &Scene<'_>) -> Vec<PlannedNode> {
    let plan = |node: &Node| PlannedNode {
        name: node.meta.name.to_string(),
        uid: node.meta.uid.to_string(),
        cordoned: node.unschedulable,
        control_plane: is_control_plane(scene, node),
        unreachable: is_unreachable(node),
        wave: 1,
    };
    let (control_plane, mut nodes): (Vec<_>, Vec<_>) =
        scene.nodes.iter().map(|node| plan(node)).partition(|node| node.control_plane);
    let at_once = match scene.options.max_parallel {
        0 => nodes.len().max(1),
        limit => limit,
    };
    for (index, node) in nodes.iter_mut().enumerate() {
        node.wave = index / at_once + 1;
    }
    let mut last = nodes.last().map_or(0, |node| node.wave);
    for mut node in control_plane {
        last += 1;
        node.wave = last;
        nodes.push(node);
    }
    nodes
}

/// Blocks what must not be touched because of its node, and tells what is to be known of the nodes.
pub fn guard(scene: &Scene<'_>, planned: &[PlannedNode], drafts: &mut [Draft<'_>], said: &mut Said) {
    for node in scene.nodes.iter().copied() {
        let Some(plan) = planned.iter().find(|plan| *plan.name == *node.meta.name) else { continue };
        let on_node = |draft: &&mut Draft<'_>| *draft.pod.node == *node.meta.name && draft.goes();
        if plan.control_plane {
            control_plane(scene, node, said);
            if !scene.options.include_control_plane {
                for draft in drafts.iter_mut().filter(on_node) {
                    draft.block(BlockedFor::Never, "its node is of the control plane: --include-control-plane");
                }
            }
        }
        if plan.unreachable {
            unreachable(scene, node, said);
            if scene.options.skip_wait_for_delete_timeout == 0 {
                for draft in drafts.iter_mut().filter(on_node).filter(|draft| !draft.planned.finished) {
                    draft.block(BlockedFor::Now, "its node does not answer: a deletion there does not end");
                }
            }
        } else if node.ready().is_some_and(|ready| ready != "True") {
            let finding = Finding::new("node-not-ready", Severity::Medium, "the node is not Ready")
                .with_hint("repair it first where that is possible: pods may be slow to end on it");
            said.find(scene.about(finding, "Node", &node.meta));
        }
        if node.unschedulable {
            let finding = Finding::new("foreign-cordon", Severity::Info, "the node is cordoned already")
                .with_hint("it stays so afterwards: only a cordon of the drain's own is ever lifted by it");
            said.find(scene.about(finding, "Node", &node.meta));
        }
        autoscaler(scene, node, said);
    }
}

fn control_plane(scene: &Scene<'_>, node: &Node, said: &mut Said) {
    let down: Vec<&str> = scene
        .snapshot
        .nodes
        .iter()
        .filter(|other| other.meta.name != node.meta.name && is_control_plane(scene, other))
        .filter(|other| other.ready().is_some_and(|ready| ready != "True"))
        .map(|other| other.meta.name.as_str())
        .collect();
    if !down.is_empty() {
        let finding = Finding::new(
            "control-plane-degraded",
            Severity::High,
            format!(
                "another machine of the control plane is not Ready ({}): etcd may lose its quorum",
                down.join(", ")
            ),
        )
        .with_hint("bring it back first");
        said.find(scene.about(finding, "Node", &node.meta));
    }
    let (severity, title) = if scene.options.include_control_plane {
        (Severity::Medium, "a machine of the control plane is drained; its static pods go on running")
    } else {
        (Severity::High, "the node is of the control plane")
    };
    let finding = Finding::new("control-plane-node", severity, title)
        .with_hint("--include-control-plane drains such nodes, one at a time; back etcd up first");
    said.find(scene.about(finding, "Node", &node.meta));
}

fn unreachable(scene: &Scene<'_>, node: &Node, said: &mut Said) {
    let bounded = scene.options.skip_wait_for_delete_timeout > 0;
    let finding = Finding::new(
        "node-unreachable",
        if bounded { Severity::Medium } else { Severity::High },
        "the node does not answer: what is deleted on it does not end until it does",
    )
    .with_hint(
        "--skip-wait-for-delete-timeout bounds the wait; if the machine is off for good, the taint \
         node.kubernetes.io/out-of-service lets its volumes go and its StatefulSets on",
    );
    said.find(scene.about(finding, "Node", &node.meta));
}

/// An autoscaler takes empty nodes away.
fn autoscaler(scene: &Scene<'_>, node: &Node, said: &mut Said) {
    let karpenter = node.meta.labels.contains_key("karpenter.sh/nodepool");
    let cluster_autoscaler = scene.snapshot.workloads.iter().any(|workload| {
        workload
            .template
            .containers
            .iter()
            .any(|container| container.image.as_deref().is_some_and(|image| image.contains("cluster-autoscaler")))
    });
    if karpenter || cluster_autoscaler {
        let finding =
            Finding::new("autoscaler", Severity::Info, "an autoscaler may take the node away once it is empty")
                .with_hint("a drain by this tool marks the node so that it is kept while the drain runs");
        said.find(scene.about(finding, "Node", &node.meta));
    }
}
