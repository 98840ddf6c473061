//! Room for what an update moves: capacity, addresses, quota.

use std::collections::{BTreeSet, HashMap};

use patchkit::{
    report::{CheckStatus, Severity},
    rules::{
        Quantity, Resources,
        requests::{ContainerResources, ResourceStatus, of_placed},
    },
    snapshot::{kinds, objects::pod::Pod, quotas},
};

use super::{Check, Known, Subject, count, unread};
use crate::{
    facts::Component,
    inventory::{Role, flags},
    plan::model::ChecklistLine,
};

/// What a placed pod takes of its node.
fn requests(pod: &Pod) -> Resources {
    let containers: Vec<ContainerResources<'_>> = pod
        .containers
        .iter()
        .map(|status| ContainerResources {
            name: &status.name,
            allocated: status.allocated.as_deref(),
            actual: status.requests.as_deref(),
        })
        .collect();
    of_placed(
        &pod.spec,
        &ResourceStatus {
            containers: &containers,
            actual: pod.resources.as_deref(),
            allocated: pod.allocated.as_deref(),
            resize_infeasible: pod.resize_infeasible,
        },
    )
}

fn add(sum: &mut Resources, more: &Resources) {
    for (name, amount) in more {
        let entry = sum.entry(name.clone()).or_default();
        *entry = *entry + *amount;
    }
}

pub(super) fn capacity(subject: Subject<'_>) -> ChecklistLine {
    let check = Check {
        id: "capacity",
        title: "Each pool has room for the pods of one of its nodes",
        severity: Severity::Medium,
        action: "update with surge nodes, or add nodes first; drainsafe plan NODE says where each pod would go",
    };
    let snapshot = subject.snapshot;
    if let Some(why) = unread(snapshot, &[kinds::NODES, kinds::PODS]) {
        return check.unknown(why);
    }
    let mut taken: HashMap<&str, Resources> = HashMap::new();
    for pod in snapshot.pods.iter().filter(|pod| !pod.node.is_empty() && !pod.is_finished()) {
        let sum = taken.entry(&pod.node).or_default();
        add(sum, &requests(pod));
        let pods = sum.entry("pods".into()).or_default();
        *pods = *pods + Quantity::from_units(1);
    }
    let nodes: HashMap<&str, _> = snapshot.nodes.iter().map(|node| (node.meta.name.as_str(), node)).collect();
    let mut lacking = Vec::new();
    let mut looked_at = 0;
    for pool in subject.inventory.pools.iter().filter(|pool| pool.role != Role::ControlPlane) {
        let usable: Vec<_> = pool
            .nodes
            .iter()
            .filter_map(|name| nodes.get(name.as_str()))
            .filter(|node| !node.unschedulable && node.ready() != Some("False") && node.ready() != Some("Unknown"))
            .collect();
        if usable.iter().any(|node| node.allocatable.is_empty()) {
            return check.unknown(format!("nodes of pool {} do not tell what they have", pool.name));
        }
        looked_at += 1;
        let short = ["cpu", "memory", "pods"].into_iter().find_map(|resource| {
            let of = |resources: Option<&Resources>| {
                resources.and_then(|found| found.get(resource)).copied().unwrap_or(Quantity::ZERO)
            };
            let free = |name: &str, allocatable: &Resources| of(Some(allocatable)).saturating_sub(of(taken.get(name)));
            let all: Quantity = usable.iter().map(|node| free(&node.meta.name, &node.allocatable)).sum();
            usable
                .iter()
                .map(|node| {
                    let wanted = of(taken.get(node.meta.name.as_str()));
                    let elsewhere = all.saturating_sub(free(&node.meta.name, &node.allocatable));
                    (wanted, elsewhere, &node.meta.name)
                })
                .find(|(wanted, elsewhere, _)| wanted > elsewhere)
                .map(|(wanted, elsewhere, name)| {
                    format!(
                        "pool {}: the pods of {name} request {wanted} of {resource}, the other nodes have {elsewhere} free",
                        pool.name
                    )
                })
        });
        lacking.extend(short);
    }
    if lacking.is_empty() {
        let evidence = format!(
            "{}, by the sums of cpu, memory and pods; drainsafe plan proves it pod by pod",
            count(looked_at, "pool")
        );
        check.line(CheckStatus::Pass, evidence, Vec::new())
    } else {
        check.line(CheckStatus::Warn, lacking.join("; "), Vec::new())
    }
}

pub(super) fn pod_addresses(subject: Subject<'_>, known: Known<'_>) -> ChecklistLine {
    let check = Check {
        id: "pod-addresses",
        title: "The network has address ranges for the surge nodes",
        severity: Severity::High,
        action: "use a smaller surge, or widen the range for pods",
    };
    let surge = known.steps.iter().map(|step| step.surge).max().unwrap_or(0);
    if surge == 0 {
        return check.line(CheckStatus::Pass, "no step adds nodes", Vec::new());
    }
    let Some(configured) = flags(subject.snapshot, &Component::KUBE_CONTROLLER_MANAGER) else {
        return check.unknown(
            "the range for pods is not visible: the controller-manager's flags are not, and a provider's subnets are not \
             in the API",
        );
    };
    let Some(flags) = configured.iter().map(|(_, flags)| flags).find(|flags| flags.contains_key("cluster-cidr")) else {
        return check
            .unknown("the controller-manager has no flag --cluster-cidr: the network plugin gives out addresses");
    };
    let free = flags
        .get("cluster-cidr")
        .and_then(|ranges| ranges.split(',').find(|range| !range.contains(':')))
        .and_then(|range| range.split_once('/'))
        .and_then(|(_, length)| length.parse::<u32>().ok())
        .and_then(|length| {
            let mask = ["node-cidr-mask-size-ipv4", "node-cidr-mask-size"]
                .iter()
                .find_map(|name| flags.get(*name)?.parse::<u32>().ok())
                .unwrap_or(24);
            // Of a /16 in parts of /24 there are 2^8.
            mask.checked_sub(length).filter(|bits| *bits < 32).map(|bits| 1_usize << bits)
        });
    let Some(total) = free else {
        return check.unknown("the range in --cluster-cidr cannot be read");
    };
    let used: BTreeSet<&str> = subject
        .snapshot
        .nodes
        .iter()
        .flat_map(|node| &node.pod_cidrs)
        .filter(|range| !range.contains(':'))
        .map(|range| range.as_str())
        .collect();
    let left = total.saturating_sub(used.len());
    let evidence = format!("{left} of {total} ranges are free, the largest surge is {}", count(surge, "node"));
    let status = if left >= surge { CheckStatus::Pass } else { CheckStatus::Fail };
    check.line(status, evidence, Vec::new())
}

pub(super) fn quotas(subject: Subject<'_>) -> ChecklistLine {
    let check = Check {
        id: "quotas",
        title: "No quota stands in the way of replacements",
        severity: Severity::Low,
        action: "leave room in it: a replacement is refused while the old pod still counts",
    };
    let snapshot = subject.snapshot;
    let unread = unread(snapshot, &[kinds::RESOURCE_QUOTAS]);
    let full: Vec<_> =
        quotas::full(snapshot).map(|(quota, what)| (quota.meta.object_ref("ResourceQuota"), what)).collect();
    let objects = full.iter().map(|(quota, _)| quota.clone()).collect();
    let details: Vec<String> = full.iter().map(|(quota, what)| format!("{}: {what}", quota.display())).collect();
    check.none_of(
        CheckStatus::Warn,
        objects,
        unread,
        &format!("{}, none used up", count(snapshot.quotas.len(), "quota")),
        |_| details.join("; "),
    )
}
