//! Ports of rules that no container has: numbers that none exposes, and names that none gives.
//!
//! Policies speak of the port of the pod, never of the Service's. A container need not say on which ports it listens,
//! so that a number is only held against pods of which every container says it.

use patchkit::{
    report::Severity,
    rules::{IntOrString, PodSpec},
};

use super::{
    population::Somebody,
    scene::{Found, RulePlace, Scene},
};
use crate::{
    policy::{Action, Direction, Peers, PortMatch, Rule, Term},
    ports::Protocol,
    world::{exposed, namespace_of},
};

pub(super) fn check(scene: &Scene<'_>, found: &mut Found) {
    for (place, rule) in scene.rules() {
        let Some(ports) = &rule.ports else { continue };
        if found.idle.contains(&place.policy) || found.dead.contains(&place) {
            continue;
        }
        let destination = destination(scene, place, rule);
        let mut unresolved = 0;
        for port in ports {
            match port {
                // What denies a port that nobody has yet is a guard rail.
                PortMatch::Range { .. } if rule.action != Action::Allow => {}
                PortMatch::Range { protocol, first, last } => {
                    if let Destination::Pods(pods) = &destination {
                        number(scene, place, pods, (*protocol, *first, *last), found);
                    }
                }
                PortMatch::Named { protocol, name } => {
                    unresolved += usize::from(named(scene, place, &destination, *protocol, name, found));
                }
            }
        }
        if unresolved == ports.len() {
            found.dead.insert(place);
        }
    }
}

/// Whose ports a rule speaks about.
enum Destination<'s, 'p> {
    /// Those of these pods, and of nobody else.
    Pods(Vec<&'p Somebody<'s>>),
    /// Those of addresses only.
    Addresses,
    /// It cannot be told.
    Unknown,
}

fn destination<'s, 'p>(scene: &'p Scene<'s>, place: RulePlace, rule: &Rule) -> Destination<'s, 'p> {
    let terms = &scene.analysis.policies.terms;
    let ids = match (place.direction, &rule.peers) {
        (Direction::Ingress, _) => vec![scene.policy(place.policy).subject],
        (Direction::Egress, Peers::Any(ids)) => ids.clone(),
        (Direction::Egress, Peers::Everyone) => return Destination::Unknown,
    };
    if !ids.is_empty() && ids.iter().all(|id| matches!(terms.get(*id), Term::Addresses { .. })) {
        return Destination::Addresses;
    }
    let mut pods = Vec::new();
    for id in ids {
        match scene.population.all_meant(terms.get(id)) {
            Some(meant) => pods.extend(meant),
            None => return Destination::Unknown,
        }
    }
    if pods.is_empty() { Destination::Unknown } else { Destination::Pods(pods) }
}

/// The ports of a pod's containers; `None` where one of them says nothing of its ports.
fn declared(spec: &PodSpec) -> Option<Vec<(Protocol, u16)>> {
    if spec.containers.is_empty() || spec.containers.iter().any(|container| container.ports.is_empty()) {
        return None;
    }
    let sidecars = spec.init_containers.iter().filter(|container| container.is_sidecar());
    let ports = spec.containers.iter().chain(sidecars).flat_map(|container| &container.ports);
    ports
        .map(|port| {
            let protocol = port.protocol.as_deref().filter(|name| !name.is_empty()).unwrap_or("TCP").parse().ok()?;
            Some((protocol, u16::try_from(port.container_port).ok()?))
        })
        .collect()
}

fn number(
    scene: &Scene<'_>,
    place: RulePlace,
    pods: &[&Somebody<'_>],
    (protocol, first, last): (Protocol, u16, u16),
    found: &mut Found,
) {
    if (first, last) == (1, u16::MAX) {
        return;
    }
    let mut there: Vec<(Protocol, u16)> = Vec::new();
    for pod in pods {
        let Some(ports) = declared(pod.spec) else { return };
        let in_range = |port: u16| (first..=last).contains(&port);
        // A server of names answers over both protocols, and most manifests name one.
        let fits = |(of, port): &(Protocol, u16)| in_range(*port) && (*of == protocol || *port == 53);
        if ports.iter().any(fits) {
            return;
        }
        there.extend(ports);
    }
    there.sort_unstable();
    there.dedup();
    let written = if first == last { format!("{protocol} {first}") } else { format!("{protocol} {first}-{last}") };
    let listed: Vec<String> = there.iter().map(|(protocol, port)| format!("{protocol} {port}")).collect();
    let (severity, more, hint) = match service_port(scene, pods, protocol, first).filter(|_| first == last) {
        Some((service, target)) => (
            Severity::Medium,
            format!("; it is the port of Service {service}, behind which the pods listen on {target}"),
            "name the port of the pods: policies are asked behind the Service",
        ),
        None => (Severity::Low, String::new(), "correct the port, or say in the container that it listens there"),
    };
    let title = format!("no container of the pods it lets traffic to exposes {written}{more}");
    found.add(
        scene
            .about_rule(place, "port-not-exposed", severity, &title)
            .with_evidence("port", written)
            .with_evidence("exposed", listed)
            .with_hint(hint),
    );
}

/// The Service of such pods that has this port and sends it to another.
fn service_port(
    scene: &Scene<'_>,
    pods: &[&Somebody<'_>],
    protocol: Protocol,
    number: u16,
) -> Option<(String, String)> {
    scene.analysis.snapshot.services.iter().find_map(|service| {
        let selects = |pod: &&&Somebody<'_>| {
            !service.selector.is_empty()
                && pod.namespace == namespace_of(&service.meta)
                && service.selector.iter().all(|(key, value)| pod.labels.get(key) == Some(value))
        };
        pods.iter().find(selects)?;
        let of_number = service.ports.iter().find(|port| {
            port.port == i32::from(number) && port.protocol.parse().unwrap_or(Protocol::Tcp) == protocol
        })?;
        let target = of_number.target_port.as_ref()?;
        let is_same = matches!(target, IntOrString::Int(target) if *target == i32::from(number) || *target == 0);
        (!is_same).then(|| (service.meta.path(), target.to_string()))
    })
}

/// Says where a name means no port; gives whether it does not.
fn named(
    scene: &Scene<'_>,
    place: RulePlace,
    destination: &Destination<'_, '_>,
    protocol: Option<Protocol>,
    name: &str,
    found: &mut Found,
) -> bool {
    let title = match destination {
        Destination::Unknown => return false,
        Destination::Addresses => {
            format!("a named port never matches addresses, and {name:?} is the name of a pod's port")
        }
        Destination::Pods(pods) => {
            let mut others = Vec::new();
            for (of, port) in pods.iter().flat_map(|pod| exposed(pod.spec)) {
                if of == name && protocol.is_none_or(|wanted| wanted == port.protocol) {
                    return false;
                }
                if of == name && !others.contains(&port.protocol) {
                    others.push(port.protocol);
                }
            }
            match others.first() {
                Some(other) => format!(
                    "the port {name:?} is one of {other} in the pods it lets traffic to, and not of {}",
                    protocol.map_or("any protocol", Protocol::as_str)
                ),
                None => format!("no container of the pods it lets traffic to has a port named {name:?}"),
            }
        }
    };
    found.add(
        scene
            .about_rule(place, "named-port-unresolved", Severity::Medium, &title)
            .with_evidence("port", name)
            .with_hint("give the container's port this name and protocol, or name the number"),
    );
    true
}
