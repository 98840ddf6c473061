//! Policies that nobody enforces: the API server takes them, and it is the network plugin that has to hold them.
//!
//! Sources: the website's "Network Plugins" and "Declare Network Policy" pages; Flannel's README ("Flannel is focused on
//! networking. For network policy, other projects such as Calico can be used"); Amazon's EKS user guide ("Limit Pod
//! traffic with Kubernetes network policies": the agent runs beside the plugin on Linux nodes of EC2, not on Fargate and
//! Windows); Virtual Kubelet's nodes carry the label `type: virtual-kubelet`.

use std::collections::{BTreeMap, BTreeSet};

use patchkit::{
    report::{
        Finding, NotEvaluated, ObjectRef, Severity,
        words::{count, summary},
    },
    snapshot::{
        Snapshot,
        objects::{
            node::Node,
            workload::{Workload, WorkloadKind},
        },
    },
};

use super::scene::{Found, Scene, some_of};
use crate::{
    policy::{PolicyId, PolicyKind},
    world::namespace_of,
};

/// DaemonSets by which a plugin or agent that holds NetworkPolicies is known.
const ENFORCING: &[&str] = &[
    "anetd",
    "antrea-agent",
    "azure-npm",
    "calico-node",
    "canal",
    "cilium",
    "kube-network-policies",
    "kube-ovn-cni",
    "kube-router",
    "kindnet",
    "ovnkube-node",
    "weave-net",
];
/// DaemonSets of plugins that leave NetworkPolicies to others.
const LEAVING: &[&str] = &["kube-flannel", "kube-flannel-ds"];
/// Amazon's plugin, which holds them where its agent runs beside it and is switched on.
const AMAZON: &str = "aws-node";

/// What is known of the plugin of a cluster.
enum Plugin {
    Enforces,
    /// The DaemonSet that shows it, and why it does not.
    Leaves(String, &'static str),
    Unknown,
}

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    let mut of_namespace: BTreeMap<&str, Vec<PolicyId>> = BTreeMap::new();
    for (id, policy) in scene.policies().filter(|(_, policy)| policy.kind == PolicyKind::NetworkPolicy) {
        of_namespace.entry(namespace_of(policy.meta)).or_default().push(id);
    }
    if scene.analysis.policies.all.is_empty() {
        return;
    }
    match plugin(scene.analysis.snapshot) {
        Plugin::Leaves(shown_by, why) => {
            for (namespace, policies) in &of_namespace {
                let title = format!("{} of it are not enforced: {why}", count(policies.len(), "NetworkPolicy"));
                let hint = "install a plugin or an agent that enforces policies, or switch it on";
                found.add(
                    about_namespace(scene, namespace, policies, title, hint).with_evidence("shownBy", shown_by.clone()),
                );
            }
            return;
        }
        // Of a part of a cluster nobody expects it.
        Plugin::Unknown if !scene.population.is_whole() => {}
        Plugin::Unknown => found.not_evaluated(NotEvaluated::hidden(
            "not-enforced",
            "no network plugin that is known here is in the input: whether it enforces policies is not known",
        )),
        Plugin::Enforces => {}
    }
    let apart: BTreeMap<&str, &'static str> =
        scene.analysis.snapshot.nodes.iter().filter_map(|node| Some((node.meta.name.as_str(), apart(node)?))).collect();
    for (namespace, policies) in &of_namespace {
        let subjects: BTreeSet<_> = policies
            .iter()
            .flat_map(|id| scene.analysis.classes_of(scene.policy(*id).subject))
            .flat_map(|class| scene.analysis.classes.pods(class))
            .copied()
            .collect();
        let out: Vec<(String, &str)> = subjects
            .into_iter()
            .map(|pod| scene.analysis.world.pod(pod))
            .filter_map(|pod| Some((pod.meta.path(), *apart.get(pod.node)?)))
            .collect();
        let Some((_, why)) = out.first() else { continue };
        let names: Vec<String> = out.iter().map(|(name, _)| name.clone()).collect();
        let title =
            format!("policies of it are not enforced for {} ({}): {why}", count(names.len(), "pod"), summary(&names));
        let hint = "run these pods on nodes where the network plugin's agent runs";
        found.add(
            about_namespace(scene, namespace, policies, title, hint)
                .with_evidence("count", names.len())
                .with_evidence("pods", some_of(&names)),
        );
    }
}

fn about_namespace(scene: &Scene<'_>, namespace: &str, policies: &[PolicyId], title: String, hint: &str) -> Finding {
    let names: Vec<String> = policies.iter().map(|id| scene.policy(*id).display()).collect();
    let object =
        ObjectRef { api_version: "v1".into(), kind: "Namespace".into(), name: namespace.into(), ..Default::default() };
    let source = policies.first().and_then(|id| scene.policy(*id).source(scene.analysis.snapshot, None));
    Finding::new("not-enforced", Severity::High, title)
        .with_object(object)
        .with_source(source)
        .with_evidence("policies", names)
        .with_hint(hint)
}

fn plugin(snapshot: &Snapshot) -> Plugin {
    let sets = || snapshot.workloads.iter().filter(|workload| workload.kind == WorkloadKind::DaemonSet);
    let named = |names: &'static [&str]| sets().find(move |set| names.contains(&set.meta.name.as_str()));
    if named(ENFORCING).is_some() {
        return Plugin::Enforces;
    }
    let display = |set: &Workload| set.meta.object_ref("DaemonSet").display();
    if let Some(amazon) = sets().find(|set| set.meta.name == AMAZON) {
        let agent = amazon.template.containers.iter().find(|container| container.name.ends_with("eks-nodeagent"));
        return match agent {
            None => Plugin::Leaves(display(amazon), "the agent that enforces them does not run beside aws-node"),
            Some(agent) if agent.args.iter().any(|arg| arg == "--enable-network-policy=false") => Plugin::Leaves(
                display(amazon),
                "the agent beside aws-node is started with --enable-network-policy=false",
            ),
            Some(_) => Plugin::Enforces,
        };
    }
    match named(LEAVING) {
        Some(set) => Plugin::Leaves(display(set), "Flannel does not enforce policies, and nothing that does is seen"),
        None => Plugin::Unknown,
    }
}

/// Why no agent runs on a node.
fn apart(node: &Node) -> Option<&'static str> {
    let label = |key: &str| node.meta.labels.get(key);
    if label("eks.amazonaws.com/compute-type") == Some("fargate") {
        return Some("they run on Fargate");
    }
    (label("type") == Some("virtual-kubelet")).then_some("they run on a virtual node")
}
