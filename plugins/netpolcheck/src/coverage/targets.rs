//! Who can reach what matters in every cluster: its DNS, the metadata address of its nodes, its API server.

use patchkit::rules::IntOrString;
use serde::Serialize;

use crate::{
    address::{Address, Family},
    engine::{Analysis, ClassId},
    entrance::Answer,
    foreign::Foreign,
    names::PeerRef,
    policy::Direction,
    ports::{PortSet, Protocol},
    service::{Backends, Target as Behind},
    world::{OwnerId, PodId, namespace_of},
};

/// The addresses at which clouds give credentials to whatever runs on a node.
const METADATA: &[(&str, &str)] = &[("metadata", "169.254.169.254"), ("metadata-ipv6", "fd00:ec2::254")];

/// Something that matters, and the workloads that reach it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// `kube-dns`, `metadata`, `metadata-ipv6` or `api-server`.
    pub id: &'static str,
    /// Where it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<String>,
    /// Workloads that reach it.
    pub reached_by: Vec<TargetPeer>,
    /// Workloads of which it depends on something that is not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub perhaps: Vec<TargetPeer>,
    /// Workloads that do not.
    pub kept_from: Vec<TargetPeer>,
    /// Why nothing can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// Policies that speak about its own pods and are not evaluated: they may keep anybody out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_evaluated: Vec<String>,
}

/// A workload that reaches a target, or does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetPeer {
    /// The workload.
    #[serde(flatten)]
    pub peer: PeerRef,
    /// Policies that speak about its pods and are not evaluated: they may change the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_evaluated: Vec<String>,
}

/// Where something listens.
struct Place {
    class: ClassId,
    family: Family,
    ports: PortSet,
    /// The source's policies alone decide.
    outside: bool,
}

/// Who reaches what.
#[must_use]
pub fn targets(analysis: &Analysis<'_>, foreign: &Foreign) -> Vec<Target> {
    let servers: Vec<PodId> = dns_pods(analysis).into_iter().map(|(pod, ..)| pod).collect();
    let not_evaluated = names(foreign, &servers);
    let mut all = vec![Target { not_evaluated, ..of_places("kube-dns", analysis, foreign, dns(analysis)) }];
    for (id, address) in METADATA {
        let Some(address) = Address::parse(address) else { continue };
        if analysis.families.contains(&address.family) {
            let place = outside(analysis, address, PortSet::one(Protocol::Tcp, 80));
            let places = place.map(|place| (vec![address.to_string()], vec![place])).ok_or_else(String::new);
            all.push(of_places(id, analysis, foreign, places));
        }
    }
    all.push(of_places("api-server", analysis, foreign, api_server(analysis)));
    all
}

type Places = Result<(Vec<String>, Vec<Place>), String>;

/// The pods of the cluster's DNS: those behind its Service, or with the label that all installers give them.
pub(crate) fn dns_pods(analysis: &Analysis<'_>) -> Vec<(PodId, Protocol, u16)> {
    let backends = Backends::of(analysis);
    let mut found = Vec::new();
    for name in ["kube-dns", "coredns", "dns-default", "rke2-coredns-rke2-coredns"] {
        for namespace in ["kube-system", "openshift-dns"] {
            let Some(service) = backends.service(namespace, name) else { continue };
            for port in service.ports.iter().filter(|port| port.port == 53) {
                for backend in backends.behind(service, port).unwrap_or_default() {
                    if let Behind::Pod(pod) = backend.target {
                        found.push((pod, backend.protocol, backend.port));
                    }
                }
            }
        }
    }
    if found.is_empty() {
        let pods = analysis.world.pods.iter().enumerate();
        for (place, _) in pods.filter(|(_, pod)| pod.labels.get("k8s-app") == Some("kube-dns")) {
            let pod = PodId(u32::try_from(place).unwrap_or(u32::MAX));
            found.extend([Protocol::Udp, Protocol::Tcp].map(|protocol| (pod, protocol, 53)));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn dns(analysis: &Analysis<'_>) -> Places {
    let pods: Vec<(PodId, Protocol, u16)> =
        dns_pods(analysis).into_iter().filter(|(_, protocol, _)| *protocol == Protocol::Udp).collect();
    if pods.is_empty() {
        return Err("the input holds no pods of the cluster's DNS".to_owned());
    }
    let mut at: Vec<String> = pods.iter().map(|(pod, ..)| analysis.world.pod(*pod).meta.path()).collect();
    at.dedup();
    let mut places = Vec::new();
    for (pod, protocol, port) in pods {
        let class = analysis.class_of(pod);
        let families = analysis.families.iter().filter(|family| analysis.classes.has(class, **family));
        places.extend(families.map(|family| Place {
            class,
            family: *family,
            ports: PortSet::one(protocol, port),
            outside: false,
        }));
    }
    Ok((at, places))
}

/// The API server behind its Service. What a policy says about the Service's own address is left open by the standard,
/// so that only the addresses behind it are asked about.
fn api_server(analysis: &Analysis<'_>) -> Places {
    let backends = Backends::of(analysis);
    let service = backends.service("default", "kubernetes").ok_or("the input holds no Service default/kubernetes")?;
    let (mut at, mut places) = (Vec::new(), Vec::new());
    for slice in &analysis.snapshot.endpoint_slices {
        if namespace_of(&slice.meta) != "default" || slice.service != service.meta.name {
            continue;
        }
        let ports = slice.ports.iter().filter_map(|port| u16::try_from(port.port?).ok());
        let ports = ports.fold(PortSet::default(), |all, port| all.union(&PortSet::one(Protocol::Tcp, port)));
        for address in slice.endpoints.iter().flat_map(|it| &it.addresses).filter_map(|it| Address::parse(it)) {
            at.push(address.to_string());
            places.extend(outside(analysis, address, ports.clone()));
        }
    }
    if places.is_empty() {
        let port = service.ports.first().map_or(IntOrString::Int(443), |port| IntOrString::Int(port.port));
        return Err(format!("the input holds no EndpointSlice of Service default/kubernetes (port {port})"));
    }
    Ok((at, places))
}

/// An address, which may be that of a node and so of a pod in its network.
fn outside(analysis: &Analysis<'_>, address: Address, ports: PortSet) -> Option<Place> {
    let host = analysis
        .world
        .pods
        .iter()
        .position(|pod| pod.in_host_network && pod.addresses.iter().flatten().any(|known| *known == address));
    let class = match host.and_then(|place| u32::try_from(place).ok()) {
        Some(pod) => analysis.class_of(PodId(pod)),
        None => analysis.classes.of_address(address.family, address.number)?,
    };
    Some(Place { class, family: address.family, ports, outside: true })
}

/// The policies that speak about some pods and are not evaluated.
fn names(foreign: &Foreign, pods: &[PodId]) -> Vec<String> {
    foreign.about_any(pods).into_iter().map(str::to_owned).collect()
}

fn of_places(id: &'static str, analysis: &Analysis<'_>, foreign: &Foreign, places: Places) -> Target {
    let mut target = Target {
        id,
        at: Vec::new(),
        reached_by: Vec::new(),
        perhaps: Vec::new(),
        kept_from: Vec::new(),
        unknown: None,
        not_evaluated: Vec::new(),
    };
    let places = match places {
        Ok((at, places)) => {
            target.at = at;
            places
        }
        Err(why) => {
            target.unknown = Some(if why.is_empty() { "its address is in no class".to_owned() } else { why });
            return target;
        }
    };
    let answers: Vec<Answer> = (0..analysis.classes.members.len())
        .filter_map(|place| u32::try_from(place).ok())
        .map(|class| reaches(analysis, ClassId(class), &places))
        .collect();
    let mut of_owner: std::collections::BTreeMap<OwnerId, (Answer, bool, Vec<PodId>)> =
        std::collections::BTreeMap::new();
    for (place, (pod, class)) in analysis.world.pods.iter().zip(&analysis.classes.of_pod).enumerate() {
        let answer = answers[class.0 as usize];
        let known = of_owner.entry(pod.owner).or_insert((answer, pod.in_host_network, Vec::new()));
        known.0 = stronger(known.0, answer);
        known.2.push(PodId(u32::try_from(place).unwrap_or(u32::MAX)));
    }
    for (owner, (answer, host_network, pods)) in of_owner {
        let owner = analysis.world.owner(owner);
        let peer = PeerRef { host_network, ..PeerRef::named(&owner.kind, &owner.namespace, &owner.name) };
        let peer = TargetPeer { peer, not_evaluated: names(foreign, &pods) };
        match answer {
            Answer::Yes => target.reached_by.push(peer),
            Answer::Depends => target.perhaps.push(peer),
            Answer::No => target.kept_from.push(peer),
        }
    }
    target
}

/// One pod of a workload that reaches it is enough.
fn stronger(a: Answer, b: Answer) -> Answer {
    match (a, b) {
        (Answer::Yes, _) | (_, Answer::Yes) => Answer::Yes,
        (Answer::Depends, _) | (_, Answer::Depends) => Answer::Depends,
        _ => Answer::No,
    }
}

fn reaches(analysis: &Analysis<'_>, from: ClassId, places: &[Place]) -> Answer {
    let of_place = |place: &Place| {
        if !analysis.classes.has(from, place.family) {
            return Answer::No;
        }
        let ports = match place.outside {
            true => analysis.ports_in(Direction::Egress, from, place.class, place.family),
            false => analysis.ports_between(from, place.class, place.family),
        };
        let meets = |set: &PortSet| !set.intersection(&place.ports).is_empty();
        match (meets(&ports.certain), meets(&ports.possible)) {
            (true, _) => Answer::Yes,
            (false, true) => Answer::Depends,
            (false, false) => Answer::No,
        }
    };
    places.iter().map(of_place).fold(Answer::No, stronger)
}
