//! What watches and fences in programs while they run: security agents, and sandboxed runtimes.

use std::collections::{BTreeMap, BTreeSet};

use patchkit::{
    report::Severity,
    rules::ImageRef,
    snapshot::{
        Owners, Snapshot, kinds,
        objects::{pod::Pod, workload::Workload},
    },
};

use super::{
    super::outcome::{Found, Gap, Outcome, unread},
    Look,
};
use crate::{
    specs::{Item, Items},
    words::{count, summary},
};

/// Agents that see on each node what programs do, by the end of the repository of their image (their own installation
/// manifests and charts). Their operators and front ends are no agents.
const AGENTS: [(&str, &str); 26] = [
    ("falcosecurity/falco", "Falco"),
    ("falcosecurity/falco-no-driver", "Falco"),
    ("falcosecurity/falco-distroless", "Falco"),
    ("cilium/tetragon", "Tetragon"),
    ("tetragon", "Tetragon"),
    ("kubearmor/kubearmor", "KubeArmor"),
    ("kubearmor", "KubeArmor"),
    ("aquasec/tracee", "Tracee"),
    ("tracee", "Tracee"),
    ("sysdig/agent", "Sysdig"),
    ("sysdig/agent-slim", "Sysdig"),
    ("sysdig/host-shield", "Sysdig"),
    ("aquasec/enforcer", "Aqua Enforcer"),
    ("neuvector/enforcer", "NeuVector"),
    ("stackrox-io/collector", "StackRox"),
    ("stackrox/collector", "StackRox"),
    ("collector-rhel8", "StackRox"),
    ("rhacs-collector-rhel8", "StackRox"),
    ("falcon-sensor", "CrowdStrike Falcon"),
    ("falcon-node-sensor", "CrowdStrike Falcon"),
    ("twistlock/defender", "Prisma Cloud Defender"),
    ("kubescape/node-agent", "Kubescape node-agent"),
    ("aws-guardduty-agent", "GuardDuty"),
    ("azuredefender/stable/low-level-collector", "Microsoft Defender"),
    ("s1agent", "SentinelOne"),
    ("lacework/datacollector", "Lacework"),
];

/// The agent that an image is.
fn agent(image: &str) -> Option<&'static str> {
    let image: ImageRef = image.parse().ok()?;
    let ends_in = |known: &str| {
        let before = image.repository.strip_suffix(known);
        before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
    };
    AGENTS.iter().find(|(known, _)| ends_in(known)).map(|(_, name)| *name)
}

fn agents_of<'s>(images: impl Iterator<Item = Option<&'s str>>) -> BTreeSet<&'static str> {
    images.flatten().filter_map(agent).collect()
}

pub(in super::super) fn agents(look: &Look<'_>) -> Outcome {
    let snapshot = look.snapshot;
    let mut by_agent: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for workload in &snapshot.workloads {
        for name in agents_of(workload.template.containers.iter().map(|container| container.image.as_deref())) {
            by_agent.entry(name).or_default();
        }
    }
    for pod in snapshot.pods.iter().filter(|pod| !pod.is_finished()) {
        for name in agents_of(pod.spec.containers.iter().map(|container| container.image.as_deref())) {
            let nodes = by_agent.entry(name).or_default();
            if !pod.node.is_empty() {
                nodes.insert(&pod.node);
            }
        }
    }
    if by_agent.is_empty() {
        let gaps: Vec<Gap> =
            [kinds::PODS, kinds::DAEMON_SETS].iter().filter_map(|kind| unread(snapshot, kind)).collect();
        // An agent may run as a process of the node: nothing in the API shows it.
        let found = vec![Found::told("no agent is seen that watches what programs do")];
        return Outcome::told(if gaps.is_empty() { found } else { Vec::new() }, "").with_gaps(gaps);
    }
    let watched: BTreeSet<&str> = by_agent.values().flatten().copied().collect();
    let names: Vec<String> = by_agent.keys().map(|name| (*name).to_owned()).collect();
    // None of them is for Windows. A manifest tells no node.
    let linux = snapshot.nodes.iter().filter(|node| !node.is_windows());
    let found = linux
        .filter(|node| !watched.is_empty() && !watched.contains(node.meta.name.as_str()))
        .map(|node| Found::about(snapshot, "Node", &node.meta, format!("{} does not run on it", summary(&names))))
        .collect();
    let passed = match watched.len() {
        0 => format!("{} is installed", summary(&names)),
        nodes => format!("{} on {}", summary(&names), count(nodes, "node")),
    };
    Outcome::told(found, passed)
}

/// The sandbox that a handler stands for; `None` for runc, crun and all that shares the kernel with the node.
fn sandbox(handler: &str) -> Option<&'static str> {
    let handler = handler.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| handler.contains(word));
    if has(&["runsc", "gvisor"]) {
        Some("gVisor")
    } else if has(&["kata"]) {
        Some("Kata Containers")
    } else if has(&["firecracker"]) {
        Some("Firecracker")
    } else if has(&["hypervisor", "krun"]) {
        Some("a virtual machine")
    } else {
        None
    }
}

/// The RuntimeClasses that stand for a sandbox, with its name.
fn sandboxes(snapshot: &Snapshot) -> BTreeMap<&str, &'static str> {
    let classes = snapshot.runtime_classes.iter();
    classes.filter_map(|class| Some((class.meta.name.as_str(), sandbox(&class.handler)?))).collect()
}

pub(in super::super) fn sandboxed(look: &Look<'_>) -> Outcome {
    let snapshot = look.snapshot;
    let known = sandboxes(snapshot);
    let items = Items::of(snapshot);
    let users = items
        .iter()
        .filter(|item| item.spec.runtime_class_name.as_deref().is_some_and(|class| known.contains_key(class)))
        .count();
    let names: Vec<String> = known.iter().map(|(class, name)| format!("{name} (RuntimeClass {class})")).collect();
    if !names.is_empty() {
        let passed = format!("{}, used by {} of {}", summary(&names), users, count(items.len(), "workload"));
        return Outcome::told(Vec::new(), passed);
    }
    let gap = unread(snapshot, &kinds::RUNTIME_CLASSES);
    let found = if gap.is_none() { vec![Found::told("no RuntimeClass stands for a sandbox")] } else { Vec::new() };
    Outcome::told(found, "").with_gaps(gap)
}

/// How a pod asks for a sandbox, beside the field for it: annotations of the runtimes, and GKE's label and toleration.
fn asks(item: &Item<'_>) -> Option<String> {
    let by_annotation = item.annotations.iter().find(|(key, value)| match *key {
        "io.kubernetes.cri.untrusted-workload" => *value == "true",
        "io.kubernetes.cri-o.TrustedSandbox" => *value == "false",
        key => key.starts_with("io.katacontainers.") || key.starts_with("dev.gvisor."),
    });
    if let Some((key, _)) = by_annotation {
        return Some(format!("the annotation {key}"));
    }
    for key in ["sandbox.gke.io/runtime", "katacontainers.io/kata-runtime"] {
        if item.spec.node_selector.contains_key(key) {
            return Some(format!("the node selector {key}"));
        }
        if item.spec.tolerations.iter().any(|toleration| toleration.key == key) {
            return Some(format!("the toleration of {key}"));
        }
    }
    None
}

pub(in super::super) fn without_sandbox(look: &Look<'_>) -> Outcome {
    let snapshot = look.snapshot;
    let known = sandboxes(snapshot);
    let unread_classes = unread(snapshot, &kinds::RUNTIME_CLASSES);
    let items = Items::of(snapshot);
    let mut found = Vec::new();
    let mut unsure = 0;
    for item in items.iter() {
        let class = item.spec.runtime_class_name.as_deref().filter(|class| !class.is_empty());
        let detail = match class {
            None => asks(item).map(|how| format!("{how} asks for a sandbox, but no runtimeClassName does")),
            Some(class) if known.contains_key(class) => None,
            Some(class) => match snapshot.runtime_classes.iter().find(|it| it.meta.name == class) {
                Some(plain) => sandbox(class).map(|promised| {
                    format!(
                        "RuntimeClass {class} promises {promised}, and runs its pods by the handler {}",
                        plain.handler
                    )
                }),
                None if unread_classes.is_some() => {
                    unsure += 1;
                    None
                }
                None => Some(format!("there is no RuntimeClass {class}, so that none of its pods can be made")),
            },
        };
        found.extend(detail.map(|detail| Found::about(snapshot, item.kind, item.meta, detail)));
    }
    found.extend(left_behind(snapshot, &known));
    let gap = unread_classes.filter(|_| unsure > 0 || snapshot.runtime_classes.is_empty() && !snapshot.is_from_files());
    Outcome::counted(found, count(items.len(), "workload"), "ask for a sandbox and run without")
        .with_gaps(items.why_unknown(snapshot).map(Gap::new))
        .with_gaps(gap)
}

/// Running pods without the sandbox that their workload's template asks for: they are older than the template, or
/// something has taken it away.
fn left_behind<'s>(snapshot: &'s Snapshot, known: &BTreeMap<&str, &'static str>) -> Vec<Found> {
    if known.is_empty() {
        return Vec::new();
    }
    let owners = Owners::of(snapshot);
    let top_of = |pod: &'s Pod| -> Option<&'s Workload> {
        let direct = owners.controller(&pod.meta)?;
        Some(owners.controller(&direct.meta).unwrap_or(direct))
    };
    let pods = snapshot.pods.iter().filter(|pod| !pod.is_finished());
    pods.filter_map(|pod| {
        let top = top_of(pod)?;
        let wanted = top.template.runtime_class_name.as_deref().filter(|class| known.contains_key(class))?;
        let has = pod.spec.runtime_class_name.as_deref();
        (has != Some(wanted)).then(|| {
            let detail =
                format!("its {} {} asks for RuntimeClass {wanted}, and it runs without", top.kind, top.meta.name);
            Found::about(snapshot, "Pod", &pod.meta, detail).of_severity(Severity::High)
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_told_from_what_stands_beside_them() {
        for (image, name) in [
            ("docker.io/falcosecurity/falco:0.41.0", Some("Falco")),
            ("falcosecurity/falcosidekick:2", None),
            ("quay.io/cilium/tetragon:v1.4.0", Some("Tetragon")),
            ("quay.io/cilium/tetragon-operator:v1.4.0", None),
            ("kubearmor/kubearmor:stable", Some("KubeArmor")),
            ("kubearmor/kubearmor-controller:latest", None),
            ("registry.example.com/mirror/aquasec/tracee:1", Some("Tracee")),
            ("nginx", None),
        ] {
            assert_eq!(agent(image), name, "{image}");
        }
    }

    #[test]
    fn handlers_of_sandboxes_are_known() {
        for (handler, name) in [
            ("runsc", Some("gVisor")),
            ("kata-qemu", Some("Kata Containers")),
            ("runhcs-wcow-hypervisor", Some("a virtual machine")),
            ("runc", None),
            ("crun", None),
            ("nvidia", None),
        ] {
            assert_eq!(sandbox(handler), name, "{handler}");
        }
    }
}
