//! Pods that may connect out, but not to any server of names: what they may reach they reach by its address only.

use std::collections::BTreeMap;

use patchkit::report::{
    Severity,
    words::{count, summary},
};

use super::scene::{Found, Scene};
use crate::{
    coverage::dns_pods,
    engine::{Analysis, ClassId},
    names::PeerRef,
    policy::{Direction, Peers, PolicyId, PolicyKind, PortMatch, Scope, Term},
    ports::Protocol,
};

/// The port of name servers.
const DNS: u16 = 53;
/// The one on which OpenShift's pods listen behind their Service.
const DNS_OF_OPENSHIFT: u16 = 5353;

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    let analysis = scene.analysis;
    let servers: Vec<(ClassId, u16)> = dns_pods(analysis)
        .into_iter()
        .filter(|(_, protocol, _)| *protocol == Protocol::Udp)
        .map(|(pod, _, port)| (analysis.class_of(pod), port))
        .collect();
    let mut cut_off: BTreeMap<PolicyId, Vec<String>> = BTreeMap::new();
    for (place, pods) in analysis.classes.members.iter().enumerate() {
        let class = ClassId(u32::try_from(place).unwrap_or(u32::MAX));
        let stance = analysis.egress.of(class);
        let isolating: Vec<PolicyId> = analysis.egress.all[stance.0 as usize]
            .policies
            .iter()
            .copied()
            .filter(|id| scene.policy(*id).kind == PolicyKind::NetworkPolicy)
            .collect();
        // The first with a rule; pods that may connect to nobody at all are meant to be alone.
        let rules = |id: &&PolicyId| scene.policy(**id).egress.as_ref().is_some_and(|rules| !rules.is_empty());
        let Some(policy) = isolating.iter().find(rules) else { continue };
        if reaches_dns(analysis, class, &servers) || servers.is_empty() && may_mean_dns(scene, &isolating) {
            continue;
        }
        let names = cut_off.entry(*policy).or_default();
        for pod in pods {
            let owner = analysis.world.owner(analysis.world.pod(*pod).owner);
            let name = PeerRef::named(&owner.kind, &owner.namespace, &owner.name).display();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    for (policy, names) in cut_off {
        let title = format!(
            "egress: {} may connect out, but reach no server of names (UDP {DNS})",
            if names.len() == 1 {
                names[0].clone()
            } else {
                format!("{} ({})", count(names.len(), "workload"), summary(&names))
            }
        );
        found.add(
            scene
                .about_policy(policy, "egress-without-dns", Severity::Medium, title)
                .with_source(scene.policy(policy).source(analysis.snapshot, Some((Direction::Egress, 0))))
                .with_evidence("workloads", names)
                .with_hint(
                    "allow UDP and TCP 53 to the pods k8s-app=kube-dns of kube-system, unless they need addresses only",
                ),
        );
    }
}

/// Whether a class reaches the cluster's servers of names, or any address outside on their port: the one that a cache
/// on the node has, or a company's own server.
fn reaches_dns(analysis: &Analysis<'_>, class: ClassId, servers: &[(ClassId, u16)]) -> bool {
    analysis.families.iter().filter(|family| analysis.classes.has(class, **family)).any(|family| {
        let on = |peer: ClassId, port: u16| {
            analysis.ports_in(Direction::Egress, class, peer, *family).possible.contains(Protocol::Udp, port)
        };
        let first = analysis.classes.members.len();
        let outside = (first..analysis.classes.count()).filter_map(|place| u32::try_from(place).ok()).map(ClassId);
        servers.iter().any(|(server, port)| on(*server, *port)) || outside.into_iter().any(|peer| on(peer, DNS))
    })
}

/// Where the input holds no server of names: whether a rule lets UDP 53 through to pods of another namespace, or to
/// namespaces by their labels.
fn may_mean_dns(scene: &Scene<'_>, policies: &[PolicyId]) -> bool {
    let rules = policies.iter().filter_map(|id| scene.policy(*id).egress.as_ref()).flatten();
    rules.into_iter().any(|rule| {
        let on_port = rule.ports.as_ref().is_none_or(|ports| {
            ports.iter().any(|port| match port {
                PortMatch::Range { protocol, first, last } => {
                    let on = |port| (*first..=*last).contains(&port);
                    *protocol == Protocol::Udp && (on(DNS) || on(DNS_OF_OPENSHIFT))
                }
                // A name is resolved by pods that are not here.
                PortMatch::Named { protocol, .. } => protocol.is_none_or(|protocol| protocol == Protocol::Udp),
            })
        });
        let to = match &rule.peers {
            Peers::Everyone => true,
            Peers::Any(terms) => terms.iter().any(|term| {
                !matches!(scene.analysis.policies.terms.get(*term), Term::Pods { scope: Scope::One(_), .. })
            }),
        };
        on_port && to
    })
}
