//! Changes that the machines themselves decide: their control groups and their container runtime.

use patchkit::{
    report::ObjectRef,
    rules::{
        runtime_version::RuntimeVersion,
        version::{KubeVersion, Minor},
    },
    snapshot::{kinds, objects::node::Node},
};

use super::evaluate::{Look, Verdict};
use crate::{
    settings,
    words::{count, named},
};

/// The minor of a node's kubelet.
fn kubelet_minor(node: &Node) -> Option<Minor> {
    node.info.kubelet_version.parse::<KubeVersion>().ok().map(|version| version.minor())
}

fn refs<'n>(nodes: impl IntoIterator<Item = &'n &'n Node>) -> Vec<ObjectRef> {
    nodes.into_iter().map(|node| node.meta.object_ref("Node")).collect()
}

/// What an OS image and a kernel say of the control groups. Hints: a machine may be started with either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cgroup {
    /// It cannot run version 2: its kernel is older than 4.5, or its systemd knows none.
    OnlyV1,
    /// The image starts with version 1 unless it is told otherwise.
    DefaultsToV1,
    /// The image starts with version 2 unless it is told otherwise.
    DefaultsToV2,
    /// An image that is not known here.
    Unknown,
}

/// By the documentation of Kubernetes ("About cgroup v2", list of distributions) and of the distributions. Amazon
/// Linux 2, RHEL 7 and CentOS 7 come with systemd 219, which knows no unified hierarchy.
fn cgroup_of(node: &Node) -> Cgroup {
    let kernel = numbers(&node.info.kernel_version);
    if matches!(kernel.as_slice(), [major, minor, ..] if (*major, *minor) < (4, 5)) {
        return Cgroup::OnlyV1;
    }
    let image = node.info.os_image.to_lowercase();
    let version = numbers(image.trim_start_matches(|c: char| !c.is_ascii_digit()));
    let at_least = |wanted: &[u32]| version.as_slice() >= wanted;
    let by_version = |wanted: &[u32]| {
        if version.is_empty() {
            Cgroup::Unknown
        } else if at_least(wanted) {
            Cgroup::DefaultsToV2
        } else {
            Cgroup::DefaultsToV1
        }
    };
    let is = |name: &str| image.contains(name);
    if is("amazon linux") {
        return if at_least(&[2022]) { Cgroup::DefaultsToV2 } else { Cgroup::OnlyV1 };
    }
    if is("coreos") || is("talos") || is("azure linux") {
        return Cgroup::DefaultsToV2;
    }
    if is("red hat enterprise linux") || is("centos") || is("rocky") || is("almalinux") || is("oracle linux") {
        return if version.first() == Some(&7) { Cgroup::OnlyV1 } else { by_version(&[9]) };
    }
    for (name, wanted) in [
        ("ubuntu", &[21, 10][..]),
        ("debian", &[11]),
        ("fedora", &[31]),
        ("flatcar", &[2969]),
        ("container-optimized os", &[97]),
        ("bottlerocket", &[1, 13]),
    ] {
        if is(name) {
            return by_version(wanted);
        }
    }
    Cgroup::Unknown
}

/// The numbers at the beginning of a text: `22.04.4 LTS` gives 22, 4, 4.
fn numbers(text: &str) -> Vec<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text[..end].split('.').map_while(|part| part.parse().ok()).collect()
}

/// What the kubelet needs of its machine: only those that are older than the change have still to prove it.
pub(super) fn cgroup_v1(look: &Look<'_>) -> Verdict {
    if let Some(why) = look.snapshot.why_unknown(&kinds::NODES) {
        return Verdict::cannot_tell(why);
    }
    let older: Vec<&Node> = look
        .snapshot
        .nodes
        .iter()
        .filter(|node| !node.is_windows() && kubelet_minor(node).is_none_or(|minor| minor < look.minor))
        .collect();
    let all = look.snapshot.nodes.len();
    if older.is_empty() {
        return Verdict::no(format!(
            "all of {} run Windows or a kubelet of {} or newer",
            count(all, "node"),
            look.minor
        ));
    }
    let configs = settings::kubelet(look.snapshot);
    let allowed = configs
        .as_ref()
        .is_ok_and(|configs| configs.iter().all(|(_, config)| config["failCgroupV1"].as_bool() == Some(false)));
    if allowed {
        return Verdict::no("failCgroupV1 is false in the kubelets' configuration, which holds for now only");
    }
    let of =
        |wanted: Cgroup| -> Vec<&Node> { older.iter().copied().filter(|node| cgroup_of(node) == wanted).collect() };
    let only_v1 = of(Cgroup::OnlyV1);
    if !only_v1.is_empty() {
        let objects = refs(&only_v1);
        let evidence = format!(
            "{} of {} cannot run cgroup v2, by kernel or OS image: {}",
            only_v1.len(),
            count(older.len(), "Linux node"),
            named(&objects)
        );
        return Verdict::yes(objects, evidence);
    }
    let hints = [
        (of(Cgroup::DefaultsToV2).len(), "an OS image that starts with v2"),
        (of(Cgroup::DefaultsToV1).len(), "one that starts with v1"),
        (of(Cgroup::Unknown).len(), "one that is not known"),
    ];
    let hints: Vec<String> =
        hints.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} have {what}")).collect();
    Verdict::cannot_tell(format!(
        "the API does not show it; of {} with an older kubelet {}",
        count(older.len(), "Linux node"),
        hints.join(", ")
    ))
}

pub(super) fn containerd_1(look: &Look<'_>) -> Verdict {
    if let Some(why) = look.snapshot.why_unknown(&kinds::NODES) {
        return Verdict::cannot_tell(why);
    }
    let all = count(look.snapshot.nodes.len(), "node");
    let runtime = |node: &Node| RuntimeVersion::parse(&node.info.container_runtime_version);
    let old: Vec<&Node> = look
        .snapshot
        .nodes
        .iter()
        .filter(|node| {
            runtime(node).is_some_and(|found| {
                found.name == "containerd" && found.version.is_some_and(|version| version.triple().major == 1)
            })
        })
        .collect();
    if !old.is_empty() {
        let objects = refs(&old);
        let evidence = format!("{} of {all} run containerd 1.x: {}", old.len(), named(&objects));
        return Verdict::yes(objects, evidence);
    }
    let silent =
        look.snapshot.nodes.iter().filter(|node| runtime(node).is_none_or(|found| found.version.is_none())).count();
    if silent > 0 {
        return Verdict::cannot_tell(format!("{silent} of {all} do not say which runtime they run"));
    }
    Verdict::no(format!("none of {all} runs containerd 1.x"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_and_kernels_hint_at_control_groups() {
        for (image, kernel, expected) in [
            ("Amazon Linux 2", "5.10.226-214.880.amzn2.x86_64", Cgroup::OnlyV1),
            ("Amazon Linux 2023.6.20250218", "6.1.128", Cgroup::DefaultsToV2),
            ("CentOS Linux 7 (Core)", "3.10.0-1160.el7.x86_64", Cgroup::OnlyV1),
            ("CentOS Linux 7 (Core)", "5.4.200", Cgroup::OnlyV1),
            ("Red Hat Enterprise Linux 8.10 (Ootpa)", "4.18.0-553", Cgroup::DefaultsToV1),
            ("Red Hat Enterprise Linux 9.4 (Plow)", "5.14.0", Cgroup::DefaultsToV2),
            ("Red Hat Enterprise Linux CoreOS 418.94", "5.14.0", Cgroup::DefaultsToV2),
            ("Ubuntu 20.04.6 LTS", "5.15.0-1071-azure", Cgroup::DefaultsToV1),
            ("Ubuntu 22.04.4 LTS", "6.8.0", Cgroup::DefaultsToV2),
            ("Debian GNU/Linux 12 (bookworm)", "6.1.0", Cgroup::DefaultsToV2),
            ("Container-Optimized OS from Google", "6.6.56+", Cgroup::Unknown),
            ("Bottlerocket OS 1.26.1 (aws-k8s-1.31)", "6.1.115", Cgroup::DefaultsToV2),
            ("Flatcar Container Linux by Kinvolk 4081.2.0 (Oklo)", "6.6.60", Cgroup::DefaultsToV2),
            ("My own Linux", "6.1.0", Cgroup::Unknown),
            ("", "", Cgroup::Unknown),
        ] {
            let mut node = Node::default();
            node.info.os_image = image.into();
            node.info.kernel_version = kernel.into();
            assert_eq!(cgroup_of(&node), expected, "{image} {kernel}");
        }
    }
}
