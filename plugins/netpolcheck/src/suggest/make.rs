//! From what is wanted to policies with their proof.

use std::collections::{BTreeMap, BTreeSet};

use patchkit::{
    report::NotEvaluated,
    snapshot::{Snapshot, files},
};

use super::{
    draft::{Draft, draft},
    flows::Flows,
    need::{Need, Side, owner_name},
    proof::{Proof, prove},
    resolve::{Resolver, Unmatched},
    today::today,
    wish::{Peer, Wishes},
};
use crate::{
    address::{Address, Family},
    coverage::dns_pods,
    diff::overlay,
    engine::Analysis,
    policy::Direction,
    ports::{PortSet, Protocol},
    profile::Profile,
    range_set::RangeSet,
    world::PodId,
};

/// Where the cache of DNS on each node listens (`node-local-dns` of the website's page "NodeLocal DNSCache").
const NODE_LOCAL_DNS: &str = "169.254.20.10";

/// What the policies shall allow.
#[derive(Debug)]
pub enum Wanted {
    /// Nothing but DNS.
    DefaultDeny,
    /// These flows.
    Flows(Flows),
    /// What is allowed today.
    Today,
}

/// Policies, with what they rest on.
#[derive(Debug, Default)]
pub struct Suggestion {
    /// The policies and what is to be known of their selectors.
    pub draft: Draft,
    /// What is needed.
    pub needs: Vec<Need>,
    /// Flows of which an end is nobody here.
    pub unmatched: Vec<Unmatched>,
    /// How many needs touch none of the namespaces, so that no policy of theirs has a say.
    pub elsewhere: usize,
    /// What could not be told.
    pub left_out: Vec<NotEvaluated>,
    /// Some of what is needed goes to the cluster's DNS.
    pub reaches_dns: bool,
}

/// The namespaces of the pods that flows lead to or from.
#[must_use]
pub fn touched(analysis: &Analysis<'_>, flows: &Flows, home: &str) -> BTreeSet<String> {
    let (needs, _) = Resolver::new(analysis, home).needs(flows);
    let pods = needs.iter().flat_map(|need| need.from.pods().iter().chain(need.to.pods()));
    pods.map(|pod| analysis.world.pod(*pod).namespace.to_owned()).collect()
}

/// Makes the policies for these namespaces. `home` is meant where a flow names no namespace; `dns` allows the cluster's
/// DNS to every workload.
#[must_use]
pub fn suggest(analysis: &Analysis<'_>, wanted: &Wanted, namespaces: &[String], home: &str, dns: bool) -> Suggestion {
    let is_chosen = |name: &str| namespaces.iter().any(|namespace| namespace == name);
    let mut made = Suggestion::default();
    let mut wishes = Wishes::default();
    match wanted {
        Wanted::DefaultDeny => {}
        Wanted::Flows(flows) => {
            let (mut needs, unmatched) = Resolver::new(analysis, home).needs(flows);
            let all = needs.len();
            let chosen = |side: &Side| side.pods().iter().any(|pod| is_chosen(analysis.world.pod(*pod).namespace));
            needs.retain(|need| chosen(&need.from) || chosen(&need.to));
            made.elsewhere = all - needs.len();
            needs.iter().for_each(|need| wishes.add(analysis, need, &is_chosen));
            (made.needs, made.unmatched) = (needs, unmatched);
        }
        Wanted::Today => {
            let today = today(analysis, &is_chosen);
            (wishes, made.needs) = (today.wishes, today.needs);
            if today.depends {
                made.left_out.push(NotEvaluated::new(
                    "connections that depend on what is not known",
                    "they are not carried over: `kubectl netpolcheck map` lists them under \"depends\"",
                ));
            }
        }
    }
    let found = dns_pods(analysis);
    let needs_dns = |need: &Need| need.to.pods().iter().any(|pod| found.iter().any(|(dns, ..)| dns == pod));
    if dns {
        add_dns(analysis, namespaces, &found, matches!(wanted, Wanted::DefaultDeny), &mut wishes, &mut made);
    }
    made.reaches_dns = made.needs.iter().any(needs_dns);
    let mut cannot = std::mem::take(&mut wishes.cannot);
    cannot.sort();
    cannot.dedup();
    made.left_out.extend(cannot.into_iter().map(|why| NotEvaluated::new("pods in the network of their node", why)));
    made.draft = draft(analysis, &wishes, namespaces);
    made
}

/// Allows the cluster's DNS: to all pods of the namespaces, those of tomorrow too, or to each workload.
fn add_dns(
    analysis: &Analysis<'_>,
    namespaces: &[String],
    found: &[(PodId, Protocol, u16)],
    to_all: bool,
    wishes: &mut Wishes,
    made: &mut Suggestion,
) {
    let mut needs = Vec::new();
    let pods = |namespace: &str| -> Side {
        let all = analysis.world.pods.iter().enumerate().filter(|(_, pod)| pod.namespace == namespace);
        let pods: Vec<PodId> = all.filter_map(|(place, _)| u32::try_from(place).ok()).map(PodId).collect();
        Side::Pods { pods: pods.into(), namespace: Some(namespace.to_owned()) }
    };
    let mut by_port: BTreeMap<PortSet, Vec<PodId>> = BTreeMap::new();
    let mut of_pod: BTreeMap<PodId, PortSet> = BTreeMap::new();
    for (pod, protocol, port) in found {
        let ports = of_pod.entry(*pod).or_default();
        *ports = ports.union(&PortSet::one(*protocol, *port));
    }
    of_pod.into_iter().for_each(|(pod, ports)| by_port.entry(ports).or_default().push(pod));
    let both = PortSet::one(Protocol::Udp, 53).union(&PortSet::one(Protocol::Tcp, 53));
    let cache = Address::parse(NODE_LOCAL_DNS)
        .filter(|_| analysis.world.pods.iter().any(|pod| pod.labels.get("k8s-app") == Some("node-local-dns")));
    for namespace in namespaces {
        for (ports, pods_of_dns) in &by_port {
            let to = Side::Pods { pods: pods_of_dns.as_slice().into(), namespace: None };
            let from = pods(namespace);
            needs.push(Need { from, to, ports: ports.clone(), family: None, place: "DNS".to_owned() });
        }
        if let Some(Address { family, number }) = cache {
            let to = Side::Outside(family, RangeSet::range(number, number));
            needs.push(Need {
                from: pods(namespace),
                to,
                ports: both.clone(),
                family: Some(Family::V4),
                place: "DNS".to_owned(),
            });
        }
        if by_port.is_empty() {
            let allowed = wishes.of_namespace.entry((namespace.clone(), Direction::Egress)).or_default();
            allowed.add(Peer::UsualDns, &both);
        }
    }
    if by_port.is_empty() {
        made.left_out.push(NotEvaluated::new(
            "the cluster's DNS",
            "the input holds no pods of it: what is allowed is what all installers label k8s-app=kube-dns in kube-system, \
             on port 53, and that cannot be proved here",
        ));
    }
    if to_all {
        // The rule stands once, in the policy for all pods of the namespace.
        for need in &needs {
            let Side::Pods { namespace: Some(namespace), .. } = &need.from else { continue };
            let mut of_need = Wishes::default();
            of_need.add(analysis, need, &|name| name == namespace);
            for ((_, direction), allowed) in of_need.of_owner {
                if direction == Direction::Egress {
                    wishes.of_namespace.entry((namespace.clone(), direction)).or_default().join(&allowed);
                }
            }
            wishes.cannot.extend(of_need.cannot);
        }
    } else {
        let is_chosen = |name: &str| namespaces.iter().any(|namespace| namespace == name);
        needs.iter().for_each(|need| wishes.add(analysis, need, &is_chosen));
    }
    // In a chosen namespace without any pods there is nothing to prove.
    made.needs.extend(needs.into_iter().filter(|need| !need.from.pods().is_empty()));
}

/// The policies as manifests, one document each.
///
/// # Errors
/// Where an object cannot be written as YAML, which is a mistake in the code.
pub fn manifests(draft: &Draft) -> Result<String, serde_saphyr::ser::Error> {
    let mut text = String::new();
    for policy in &draft.policies {
        text.push_str("---\n");
        text.push_str(&serde_saphyr::to_string(&policy.object)?);
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    Ok(text)
}

/// The state after these manifests were applied.
///
/// # Errors
/// Where they are no manifests, which is a mistake in the code.
pub fn applied(snapshot: Snapshot, manifests: &str, home: &str) -> Result<Snapshot, files::FilesError> {
    if manifests.is_empty() {
        return Ok(snapshot);
    }
    let new = files::from_files(&["-".to_owned()], false, manifests.as_bytes(), |_| {})?;
    Ok(overlay(snapshot, new, home))
}

/// Proves a suggestion on the state after it was applied.
#[must_use]
pub fn proof(after: &Snapshot, profile: Profile, needs: &[Need], namespaces: &[String]) -> Proof {
    let analysis = Analysis::of(after, profile);
    prove(&analysis, needs, &|name| namespaces.iter().any(|namespace| namespace == name))
}

/// Workloads of the chosen namespaces that use the network of their nodes: no policy holds for them.
#[must_use]
pub fn in_host_network(analysis: &Analysis<'_>, namespaces: &[String]) -> Vec<crate::names::PeerRef> {
    let mut owners: Vec<_> = analysis
        .world
        .pods
        .iter()
        .filter(|pod| pod.in_host_network && namespaces.iter().any(|name| name == pod.namespace))
        .map(|pod| pod.owner)
        .collect();
    owners.sort_unstable();
    owners.dedup();
    owners.into_iter().map(|owner| owner_name(analysis, owner)).collect()
}
