//! Network policies, by number only: how far they reach is what `kubectl netpolcheck coverage` works out.

use std::collections::HashMap;

use patchkit::snapshot::{
    Coverage, Kind, Snapshot, kinds,
    objects::{network::NetworkPolicy, pod::Pod},
};

use super::{
    super::outcome::{Found, Gap, Outcome},
    Look,
    namespaces::{about, own},
};
use crate::words::count;

/// Policies that also isolate pods, and are not counted here.
pub(in super::super) const OTHER_POLICIES: [Kind; 11] = [
    kinds::ADMIN_NETWORK_POLICIES,
    kinds::BASELINE_ADMIN_NETWORK_POLICIES,
    kinds::CLUSTER_NETWORK_POLICIES,
    kinds::CILIUM_POLICIES,
    kinds::CILIUM_CLUSTERWIDE_POLICIES,
    kinds::CALICO_POLICIES,
    kinds::CALICO_GLOBAL_POLICIES,
    kinds::CALICO_STORED_POLICIES,
    kinds::CALICO_STORED_GLOBAL_POLICIES,
    kinds::ANTREA_POLICIES,
    kinds::ANTREA_CLUSTER_POLICIES,
];

/// Policies that are not counted: they may isolate what no NetworkPolicy does.
fn others(snapshot: &Snapshot) -> Option<Gap> {
    let number = snapshot.cluster_policies.len() + snapshot.foreign_policies.len();
    if number > 0 {
        let policies = count(number, "policy");
        return Some(Gap::new(format!(
            "{policies} of other kinds are not counted here; kubectl netpolcheck coverage says what they isolate"
        )));
    }
    OTHER_POLICIES.iter().find_map(|kind| match snapshot.coverage(kind) {
        Coverage::Denied(why) => Some(Gap::new(format!("{}: {why}", kind.resource()))),
        _ => None,
    })
}

fn isolates_ingress(policy: &NetworkPolicy) -> bool {
    let types = &policy.spec.policy_types;
    types.is_empty() || types.iter().any(|kind| kind == "Ingress")
}

/// Whether a policy denies to every pod of its namespace what nothing else allows. A rule without peers and ports lets
/// everything in again.
fn denies_by_default(policy: &NetworkPolicy) -> bool {
    let lets_all_in = policy.spec.ingress.iter().any(|rule| rule.from.is_empty() && rule.ports.is_empty());
    policy.spec.pod_selector.is_empty() && isolates_ingress(policy) && !lets_all_in
}

pub(in super::super) fn isolation(look: &Look<'_>) -> Outcome {
    let snapshot = look.snapshot;
    let all = own(look);
    let other = others(snapshot);
    let found = all
        .iter()
        .filter(|namespace| {
            let mut policies = snapshot.network_policies.iter();
            !policies.any(|policy| *policy.meta.namespace == *namespace.meta.name && denies_by_default(policy))
        })
        // Something else may isolate it.
        .filter(|_| other.is_none())
        .map(|namespace| about(look, namespace, "no NetworkPolicy denies ingress to all of its pods"))
        .collect();
    Outcome::counted(found, count(all.len(), "namespace"), "let everything in")
        .needing(snapshot, &[kinds::NAMESPACES])
        .proven_by(snapshot, &[kinds::NETWORK_POLICIES])
        .with_gaps(other)
}

pub(in super::super) fn coverage(look: &Look<'_>) -> Outcome {
    let snapshot = look.snapshot;
    // No policy applies to pods in the network of their node.
    let pods: Vec<&Pod> = snapshot.pods.iter().filter(|pod| !pod.is_finished() && !pod.spec.host_network).collect();
    let mut policies: HashMap<&str, Vec<&NetworkPolicy>> = HashMap::new();
    for policy in &snapshot.network_policies {
        policies.entry(&policy.meta.namespace).or_default().push(policy);
    }
    let is_selected = |pod: &&&Pod| {
        let of_namespace = policies.get(&*pod.meta.namespace).into_iter().flatten();
        of_namespace.into_iter().any(|policy| policy.spec.pod_selector.matches(&pod.meta.labels))
    };
    let selected = pods.iter().filter(is_selected).count();
    let other = others(snapshot);
    let text = format!("{selected} of {} are selected by a NetworkPolicy", count(pods.len(), "pod"));
    let is_short = selected < pods.len() && other.is_none();
    let found = if is_short { vec![Found::told(text.as_str())] } else { Vec::new() };
    Outcome::told(found, text)
        .needing(snapshot, &[kinds::PODS])
        .proven_by(snapshot, &[kinds::NETWORK_POLICIES])
        .with_gaps(other.filter(|_| selected < pods.len()))
}
