//! Policies of equal priority in one tier: which of them is asked first is not defined (`priority` of
//! `apis/v1alpha2/clusternetworkpolicy_types.go`). Where the order matters is worked out by asking both ways.

use std::collections::{BTreeMap, BTreeSet};

use patchkit::report::Severity;

use super::{
    cover::share_a_port,
    scene::{Found, Scene},
};
use crate::{
    engine::{Rows, StanceId, WhatIf},
    names::PeerRef,
    policy::{Direction, PolicyId, Rule, Tier},
    ports::PortSet,
    world::PodId,
};

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    let mut groups: BTreeMap<(Tier, i64), Vec<PolicyId>> = BTreeMap::new();
    for (id, policy) in scene.policies().filter(|(_, policy)| policy.tier != Tier::NetworkPolicy) {
        groups.entry((policy.tier, policy.priority)).or_default().push(id);
    }
    let mut what_if = WhatIf::of(scene.analysis);
    for ((_, priority), ids) in groups {
        for (place, a) in ids.iter().enumerate() {
            for b in &ids[place + 1..] {
                judge(scene, &mut what_if, (*a, *b), priority, found);
            }
        }
    }
}

fn judge(
    scene: &Scene<'_>,
    what_if: &mut WhatIf<'_, '_>,
    (a, b): (PolicyId, PolicyId),
    priority: i64,
    found: &mut Found,
) {
    let mut shared = false;
    for direction in Direction::ALL {
        let of_b: BTreeSet<StanceId> = scene.analysis.stances_of(direction, b).into_iter().collect();
        let mut both = scene.analysis.stances_of(direction, a);
        both.retain(|stance| of_b.contains(stance));
        shared |= !both.is_empty();
        // Where no rule of the one meets a rule of the other, no order makes a difference.
        let rules = |id: PolicyId| scene.policy(id).rules(direction).unwrap_or_default();
        let meets = |one: &Rule| {
            let mut others = rules(b).iter().filter(|other| share_a_port(one, other));
            others.any(|other| what_if.share_a_peer(one, other))
        };
        if !rules(a).iter().any(meets) {
            continue;
        }
        for stance in both {
            let mut first = |id: PolicyId| {
                what_if.set_priority(id, priority.saturating_sub(1));
                let rows = what_if.rows(direction, stance);
                what_if.set_priority(id, priority);
                rows
            };
            let (a_first, b_first) = (first(a), first(b));
            if !WhatIf::same(&a_first, &b_first) {
                let example = example(scene, direction, stance, &a_first, &b_first);
                let other = scene.policy(b);
                let title = format!("it and {} have priority {priority}, and disagree{example}", other.display());
                let mut finding = scene
                    .about_policy(a, "equal-priority-conflict", Severity::High, title)
                    .with_evidence("other", other.display())
                    .with_evidence("direction", direction.as_str())
                    .with_hint("give them different priorities: the lower number is asked first");
                if let Some(source) = other.source(scene.analysis.snapshot, None) {
                    finding = finding.with_evidence("otherSource", serde_json::json!(source));
                }
                found.add(finding);
                return;
            }
        }
    }
    if shared {
        let title = format!("it and {} have priority {priority}, and select the same pods", scene.policy(b).display());
        found.add(
            scene
                .about_policy(a, "equal-priority", Severity::Info, title)
                .with_evidence("other", scene.policy(b).display())
                .with_hint("they agree today; with different priorities they will whatever is added to them"),
        );
    }
}

/// A peer and ports about which two orders disagree.
fn example(scene: &Scene<'_>, direction: Direction, stance: StanceId, a: &[Rows], b: &[Rows]) -> String {
    let analysis = scene.analysis;
    let ports = |rows: &Rows, class: usize| {
        let of = rows.iter().filter(|row| row.possible.contains(class));
        of.fold(PortSet::default(), |all, row| all.union(&row.ports))
    };
    let pod_of = |class: usize| analysis.classes.members.get(class).and_then(|pods| pods.first());
    let named = |pod: &PodId| PeerRef::of_pod(analysis, *pod).display();
    let own = (0..analysis.classes.members.len())
        .find(|class| analysis.stances(direction).of_class[*class] == stance)
        .and_then(pod_of)
        .map(named);
    let Some(own) = own else { return String::new() };
    for (rows_a, rows_b) in a.iter().zip(b) {
        for class in 0..analysis.classes.count() {
            let (one, other) = (ports(rows_a, class), ports(rows_b, class));
            let differs = one.difference(&other).union(&other.difference(&one));
            if differs.is_empty() {
                continue;
            }
            let peer = match pod_of(class) {
                Some(pod) => named(pod),
                None => {
                    let external = &analysis.classes.external[class - analysis.classes.members.len()];
                    PeerRef::outside(external.family, &external.addresses).display()
                }
            };
            let (from, to) = if direction == Direction::Ingress { (peer, own) } else { (own, peer) };
            return format!(" about {from} to {to} on {differs}");
        }
    }
    String::new()
}
