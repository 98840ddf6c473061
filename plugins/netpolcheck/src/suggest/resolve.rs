//! Who is meant by the ends of flows.

use patchkit::report::NotEvaluated;

use super::{
    flows::{End, Flow, FlowPorts, Flows, Told},
    need::{Need, Side, pod_addresses},
};
use crate::{
    address::{Address, Family},
    engine::Analysis,
    ports::PortSet,
    range_set::RangeSet,
    service::{Backends, Target},
    who::{Who, WhoError},
    world::{NamedPort, PodId},
};

/// Labels that tell one rollout or one pod from the next, and so not what somebody means by an application.
const PASSING: &[&str] = &[
    "pod-template-hash",
    "rollouts-pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
    "controller-uid",
    "batch.kubernetes.io/job-name",
    "job-name",
    "batch.kubernetes.io/job-completion-index",
    "deployment",
    "helm.sh/chart",
    "chart",
    "app.kubernetes.io/version",
    "version",
    "revision",
    "commit",
    "build",
    "security.istio.io/tlsMode",
    "service.istio.io/canonical-revision",
];

/// Whether a label lasts: the next rollout and the next pod have it too.
#[must_use]
pub fn lasts(key: &str) -> bool {
    !PASSING.contains(&key)
}

/// A flow of which an end is nobody here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// The flow in words.
    pub flow: String,
    /// Where it stands.
    pub place: String,
    /// Why.
    pub why: String,
}

impl Unmatched {
    /// As something that was left out.
    #[must_use]
    pub fn left_out(&self) -> NotEvaluated {
        NotEvaluated::new(format!("{} ({})", self.place, self.flow), self.why.clone())
    }
}

/// Finds who is meant.
pub struct Resolver<'a> {
    analysis: &'a Analysis<'a>,
    backends: Backends<'a>,
    namespace: &'a str,
}

/// Somebody, and where a Service stands in between the ports of the pods behind it.
type Meant = (Side, Option<PortSet>);

impl<'a> Resolver<'a> {
    /// `namespace` is meant where a word names none.
    #[must_use]
    pub fn new(analysis: &'a Analysis<'a>, namespace: &'a str) -> Self {
        Self { analysis, backends: Backends::of(analysis), namespace }
    }

    /// What flows need, and those of which an end is nobody here.
    #[must_use]
    pub fn needs(&self, flows: &Flows) -> (Vec<Need>, Vec<Unmatched>) {
        let (mut needs, mut unmatched) = (Vec::new(), Vec::new());
        for flow in &flows.flows {
            match self.need(flow) {
                Ok(found) => needs.extend(found),
                Err(why) => unmatched.push(Unmatched {
                    flow: format!("{} to {}, {}", flow.from, flow.to, flow.ports),
                    place: flow.place.to_string(),
                    why,
                }),
            }
        }
        (needs, unmatched)
    }

    fn need(&self, flow: &Flow) -> Result<Vec<Need>, String> {
        let sources = self.end(&flow.from, None).map_err(|why| format!("the source: {why}"))?;
        let destinations = self.end(&flow.to, Some(&flow.ports)).map_err(|why| format!("the destination: {why}"))?;
        let mut needs = Vec::new();
        for (to, behind) in destinations {
            for (to, ports) in self.with_ports(to, behind, &flow.ports)? {
                for (from, _) in &sources {
                    let (from, to, place) = (from.clone(), to.clone(), flow.place.to_string());
                    needs.push(Need { from, to, ports: ports.clone(), family: None, place });
                }
            }
        }
        // Addresses outside that talk to each other, and families that do not meet.
        needs.retain(|need| match (&need.from, &need.to) {
            (Side::Outside(..), Side::Outside(..)) => false,
            (Side::Outside(family, _), Side::Pods { pods, .. })
            | (Side::Pods { pods, .. }, Side::Outside(family, _)) => {
                pods.iter().any(|pod| self.analysis.classes.has(self.analysis.class_of(*pod), *family))
            }
            _ => true,
        });
        if needs.is_empty() {
            return Err("no policy has a say: neither end is a pod, or they have no IP family in common".to_owned());
        }
        Ok(needs)
    }

    fn with_ports(&self, to: Side, behind: Option<PortSet>, ports: &FlowPorts) -> Result<Vec<(Side, PortSet)>, String> {
        match (behind, ports) {
            (Some(ports), _) => Ok(vec![(to, ports)]),
            (None, FlowPorts::Set(ports)) => Ok(vec![(to, ports.clone())]),
            (None, FlowPorts::Named(name, protocol)) => {
                let fits = |port: &NamedPort| protocol.is_none_or(|wanted| wanted == port.protocol);
                let mut found = Vec::new();
                for pod in to.pods() {
                    let named = self.analysis.world.pod(*pod).named_ports(name);
                    let ports = named.iter().filter(|it| fits(it)).map(|it| PortSet::one(it.protocol, it.port));
                    let ports = ports.fold(PortSet::default(), |all, one| all.union(&one));
                    if !ports.is_empty() {
                        found.push((one_pod(*pod), ports));
                    }
                }
                if found.is_empty() { Err(format!("nobody there gives a port the name {name:?}")) } else { Ok(found) }
            }
        }
    }

    /// Everybody who is meant by an end; `ports` where it is a destination.
    fn end(&self, end: &End, ports: Option<&FlowPorts>) -> Result<Vec<Meant>, String> {
        match end {
            End::Word(word) => self.word(word, ports),
            End::Told(told) => self.told(told, ports),
        }
    }

    fn word(&self, word: &str, ports: Option<&FlowPorts>) -> Result<Vec<Meant>, String> {
        if let Some(ranges) = ranges(word) {
            return Ok(ranges.into_iter().map(|(family, set)| (Side::Outside(family, set), None)).collect());
        }
        let is_namespace = |name: &str| self.analysis.world.namespaces.labels(name).is_some();
        let who = Who::parse(word, self.namespace, is_namespace).map_err(|error| error.to_string())?;
        match &who {
            Who::Internet => {
                let families = self.analysis.families.iter();
                let outside = |family: &Family| family.whole().difference(&pod_addresses(self.analysis, *family));
                Ok(families.map(|family| (Side::Outside(*family, outside(family)), None)).collect())
            }
            Who::Addresses(block) if block.first == block.last => {
                self.address(Address { family: block.family, number: block.first }, ports)
            }
            Who::Addresses(block) => Ok(vec![(Side::Outside(block.family, block.addresses()), None)]),
            Who::Service { namespace, name } => match self.backends.service(namespace, name) {
                Some(service) => match ports {
                    Some(ports) => self.behind(service, ports),
                    // A Service does not connect to anybody: the pods behind it do.
                    None => {
                        let pods = crate::service::pods_behind(self.analysis, &who).map_err(|it| it.to_string())?;
                        Ok(vec![(self.some(pods, &who)?, None)])
                    }
                },
                None => Err(crate::service::absent(self.analysis, &who, namespace).to_string()),
            },
            who => {
                let pods = who.pods(self.analysis).map_err(|error: WhoError| error.to_string())?;
                let namespace = match who {
                    Who::Namespace(name) => Some(name.clone()),
                    _ => None,
                };
                let side = self.some(pods, who)?;
                Ok(vec![(with_namespace(side, namespace), None)])
            }
        }
    }

    fn some(&self, pods: Vec<PodId>, who: &Who) -> Result<Side, String> {
        if pods.is_empty() { Err(format!("{who} has no pods")) } else { Ok(of_pods(pods)) }
    }

    fn address(&self, address: Address, ports: Option<&FlowPorts>) -> Result<Vec<Meant>, String> {
        if let Some(pod) = self.backends.pod_at(address) {
            return Ok(vec![(one_pod(pod), None)]);
        }
        if let (Some(ports), Some(service)) = (ports, self.backends.service_at(address)) {
            return self.behind(service, ports);
        }
        if pod_addresses(self.analysis, address.family).contains(address.number) {
            return Err(format!("{address} is an address for pods, and no pod has it now"));
        }
        Ok(vec![(Side::Outside(address.family, RangeSet::range(address.number, address.number)), None)])
    }

    /// Where the traffic to a Service goes.
    fn behind(
        &self,
        service: &patchkit::snapshot::objects::network::Service,
        ports: &FlowPorts,
    ) -> Result<Vec<Meant>, String> {
        let mut found: Vec<Meant> = Vec::new();
        for port in &service.ports {
            let protocol = if port.protocol.is_empty() { "TCP" } else { port.protocol.as_str() };
            let own = protocol.parse().ok().zip(u16::try_from(port.port).ok());
            let is_meant = match ports {
                FlowPorts::Set(set) => own.is_some_and(|(protocol, number)| set.contains(protocol, number)),
                FlowPorts::Named(name, wanted) => {
                    *name == port.name && wanted.is_none_or(|wanted| wanted.as_str() == protocol)
                }
            };
            if !is_meant {
                continue;
            }
            let behind = self.backends.behind(service, port).map_err(|unresolved| unresolved.0)?;
            for backend in behind {
                let ports = Some(PortSet::one(backend.protocol, backend.port));
                match backend.target {
                    Target::Pod(pod) => found.push((one_pod(pod), ports)),
                    Target::Address(address) => {
                        let set = RangeSet::range(address.number, address.number);
                        found.push((Side::Outside(address.family, set), ports));
                    }
                }
            }
        }
        let path = service.meta.path();
        // The clients of a headless Service choose the port themselves.
        if found.is_empty() && service.is_headless() {
            let pods: Vec<PodId> = self.backends.selected(service).collect();
            if !pods.is_empty() {
                return Ok(vec![(of_pods(pods), None)]);
            }
        }
        if found.is_empty() { Err(format!("Service {path} has nobody behind it on {ports}")) } else { Ok(found) }
    }

    fn told(&self, told: &Told, ports: Option<&FlowPorts>) -> Result<Vec<Meant>, String> {
        if told.namespace.is_empty() {
            return match told.address {
                Some(address) => self.address(address, ports),
                None => Err(format!("{:?} names no address and no pod", told.called)),
            };
        }
        let pods = self.pods_told(told);
        if pods.is_empty() { Err(format!("there is no {told} any more")) } else { Ok(vec![(of_pods(pods), None)]) }
    }

    /// The pods that a log means: the pod itself, or those that have come after it.
    fn pods_told(&self, told: &Told) -> Vec<PodId> {
        let world = &self.analysis.world;
        let here: Vec<PodId> = (0..world.pods.len())
            .filter_map(|place| u32::try_from(place).ok())
            .map(PodId)
            .filter(|id| world.pod(*id).namespace == told.namespace)
            .collect();
        let with =
            |wanted: &dyn Fn(PodId) -> bool| -> Vec<PodId> { here.iter().copied().filter(|id| wanted(*id)).collect() };
        let owned = |kind: &str, name: &str| {
            with(&|id| {
                let owner = world.owner(world.pod(id).owner);
                owner.name == name && (kind.is_empty() || owner.kind.eq_ignore_ascii_case(kind))
            })
        };
        let (prefix, is_prefix) = match told.pod.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (told.pod.as_str(), false),
        };
        let mut found = match is_prefix {
            true => with(&|id| world.name(id).starts_with(prefix) && !world.pod(id).from_template),
            false => with(&|id| world.name(id) == prefix && !world.pod(id).from_template),
        };
        if let (true, Some((kind, name))) = (found.is_empty(), &told.workload) {
            found = owned(kind, name);
        }
        let mut name = prefix.trim_end_matches('-');
        // `web-6d4c-x9z` was a pod of `web`; of two names the longer one is meant.
        while found.is_empty() && !name.is_empty() {
            found = owned("", name);
            name = name.rsplit_once('-').map_or("", |(shorter, _)| shorter);
        }
        let labels: Vec<&(String, String)> = told.labels.iter().filter(|(key, _)| lasts(key)).collect();
        if found.is_empty() && !labels.is_empty() {
            found = with(&|id| labels.iter().all(|(key, value)| world.pod(id).labels.get(key) == Some(value)));
        }
        found
    }
}

fn of_pods(mut pods: Vec<PodId>) -> Side {
    pods.sort_unstable();
    pods.dedup();
    Side::Pods { pods: pods.into(), namespace: None }
}

fn one_pod(pod: PodId) -> Side {
    of_pods(vec![pod])
}

fn with_namespace(side: Side, namespace: Option<String>) -> Side {
    match side {
        Side::Pods { pods, .. } => Side::Pods { pods, namespace },
        outside => outside,
    }
}

/// Ranges as reports write them: `1.2.3.4-1.2.3.9`, several with blanks between them.
fn ranges(word: &str) -> Option<Vec<(Family, RangeSet<u128>)>> {
    let mut of_family: [Vec<(u128, u128)>; 2] = [Vec::new(), Vec::new()];
    for part in word.split_whitespace() {
        let (first, last) = part.split_once('-')?;
        let (first, last) = (Address::parse(first)?, Address::parse(last)?);
        if first.family != last.family || first.number > last.number {
            return None;
        }
        of_family[first.family as usize].push((first.number, last.number));
    }
    let sets = Family::ALL.into_iter().zip(of_family).filter(|(_, ranges)| !ranges.is_empty());
    let sets: Vec<_> = sets.map(|(family, ranges)| (family, ranges.into_iter().collect())).collect();
    (!sets.is_empty()).then_some(sets)
}
