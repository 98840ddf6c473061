//! Two peers where one with both selectors was meant: `- namespaceSelector: …` and `- podSelector: …` are two peers, and
//! either is enough; without the second dash both must hold.

use patchkit::{
    report::Severity,
    rules::LabelSelector,
    snapshot::objects::network::{NetworkPolicy, NetworkPolicyPeer},
};

use super::scene::{Found, RulePlace, Scene};
use crate::{
    policy::{Direction, PolicyKind, Scope},
    world::namespace_of,
};

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    let policies = scene.policies().filter(|(_, policy)| policy.kind == PolicyKind::NetworkPolicy);
    // They are read in their order, and before all others.
    for ((id, policy), object) in policies.zip(&scene.analysis.snapshot.network_policies) {
        for direction in Direction::ALL.into_iter().filter(|direction| policy.rules(*direction).is_some()) {
            let peers: Vec<&[NetworkPolicyPeer]> = match direction {
                Direction::Ingress => object.spec.ingress.iter().map(|rule| rule.from.as_slice()).collect(),
                Direction::Egress => object.spec.egress.iter().map(|rule| rule.to.as_slice()).collect(),
            };
            for (rule, peers) in peers.into_iter().enumerate() {
                let place = RulePlace { policy: id, direction, rule };
                for pair in peers.windows(2) {
                    if let Some((namespaces, pods)) = two_halves(&pair[0], &pair[1]) {
                        judge(scene, place, object, namespaces, pods, found);
                    }
                }
            }
        }
    }
}

/// A peer of namespaces alone beside one of pods alone.
fn two_halves<'p>(
    a: &'p NetworkPolicyPeer,
    b: &'p NetworkPolicyPeer,
) -> Option<(&'p LabelSelector, &'p LabelSelector)> {
    let namespaces = |peer: &'p NetworkPolicyPeer| {
        peer.namespace_selector.as_ref().filter(|_| peer.pod_selector.is_none() && peer.ip_block.is_none())
    };
    let pods = |peer: &'p NetworkPolicyPeer| {
        peer.pod_selector.as_ref().filter(|_| peer.namespace_selector.is_none() && peer.ip_block.is_none())
    };
    let found = namespaces(a).zip(pods(b)).or_else(|| namespaces(b).zip(pods(a)))?;
    // All pods of the own namespace, beside whole others: nobody means one by the other.
    (!found.1.is_empty()).then_some(found)
}

/// Where the pods are found in the own namespace and not in the others, two peers are what is wanted.
fn judge(
    scene: &Scene<'_>,
    place: RulePlace,
    object: &NetworkPolicy,
    namespaces: &LabelSelector,
    pods: &LabelSelector,
    found: &mut Found,
) {
    let population = &scene.population;
    let home = namespace_of(&object.meta);
    let others: Vec<&str> =
        population.namespaces(&Scope::Labelled(namespaces.clone())).into_iter().filter(|name| *name != home).collect();
    let at_home = !population.selected(&[home], pods).is_empty();
    let there = !population.selected(&others, pods).is_empty();
    let severity = match (at_home, there) {
        (true, false) => return,
        (false, true) => Severity::Medium,
        // Pods of that name on both sides, or on neither as far as is known.
        (true, true) | (false, false) => Severity::Low,
    };
    let direction = if place.direction == Direction::Ingress { "from" } else { "to" };
    let title = format!(
        "{direction} lists namespaceSelector {namespaces} and podSelector {pods} as two peers: either is enough, so that all \
         pods of those namespaces are meant, and pods {pods} of {home} only",
        namespaces = shown(namespaces),
    );
    found.add(
        scene
            .about_rule(place, "and-or-pair", severity, &title)
            .with_hint("if both must hold, write them as one peer: no dash before the second selector"),
    );
}

fn shown(selector: &LabelSelector) -> String {
    if selector.is_empty() { "{}".to_owned() } else { selector.to_string() }
}
