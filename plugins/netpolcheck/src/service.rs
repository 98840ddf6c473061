//! What is behind a Service: pods or addresses, and on which ports.

use patchkit::{
    rules::IntOrString,
    snapshot::objects::network::{EndpointSlice, Service, ServicePort},
};
use rustc_hash::FxHashMap;

use crate::{
    address::Address,
    engine::Analysis,
    ports::Protocol,
    who::{Who, WhoError},
    world::{PodId, namespace_of},
};

/// One end of a Service's traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Backend {
    /// Whose it is.
    pub target: Target,
    /// The protocol.
    pub protocol: Protocol,
    /// The port that the traffic goes to there.
    pub port: u16,
}

/// Who takes the traffic of a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A pod.
    Pod(PodId),
    /// An address that is no pod's.
    Address(Address),
}

/// Why nothing can be said about what is behind a Service's port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved(pub String);

/// The pods of an analysis by name and by address.
pub struct Backends<'a> {
    analysis: &'a Analysis<'a>,
    by_name: FxHashMap<(&'a str, &'a str), PodId>,
    by_address: FxHashMap<Address, PodId>,
    slices: FxHashMap<(&'a str, &'a str), Vec<&'a EndpointSlice>>,
}

impl<'a> Backends<'a> {
    /// Of this analysis.
    #[must_use]
    pub fn of(analysis: &'a Analysis<'a>) -> Self {
        let (mut by_name, mut by_address) = (FxHashMap::default(), FxHashMap::default());
        for (place, pod) in analysis.world.pods.iter().enumerate() {
            let id = PodId(u32::try_from(place).unwrap_or(u32::MAX));
            if !pod.from_template {
                by_name.insert((pod.namespace, pod.meta.name.as_str()), id);
            }
            // Pods in the host's network share the addresses of their node, which then name none of them.
            if !pod.spec.host_network {
                by_address.extend(pod.addresses.iter().flatten().map(|address| (*address, id)));
            }
        }
        let mut slices: FxHashMap<(&str, &str), Vec<&EndpointSlice>> = FxHashMap::default();
        for slice in &analysis.snapshot.endpoint_slices {
            slices.entry((namespace_of(&slice.meta), &slice.service)).or_default().push(slice);
        }
        Self { analysis, by_name, by_address, slices }
    }

    /// The Service of a name.
    #[must_use]
    pub fn service(&self, namespace: &str, name: &str) -> Option<&'a Service> {
        let mut services = self.analysis.snapshot.services.iter();
        services.find(|service| namespace_of(&service.meta) == namespace && service.meta.name == name)
    }

    /// The pod that has an address of its own.
    #[must_use]
    pub fn pod_at(&self, address: Address) -> Option<PodId> {
        self.by_address.get(&address).copied()
    }

    /// The Service that has an address.
    #[must_use]
    pub fn service_at(&self, address: Address) -> Option<&'a Service> {
        self.analysis.snapshot.services.iter().find(|service| {
            let own = service.cluster_ips.iter().chain(&service.external_ips).chain(&service.load_balancer_ips);
            own.into_iter().any(|ip| Address::parse(ip) == Some(address))
        })
    }

    /// Where the traffic to a port of a Service goes. A headless Service has no ports of its own: its clients are
    /// given the addresses of the pods, and use the port that they like.
    ///
    /// # Errors
    /// Where it goes to something that is not known here.
    pub fn behind(&self, service: &Service, port: &ServicePort) -> Result<Vec<Backend>, Unresolved> {
        if service.kind == "ExternalName" {
            return Err(Unresolved(format!("it is another name for {}", service.external_name)));
        }
        let protocol = protocol_of(&port.protocol)?;
        let namespace = namespace_of(&service.meta);
        if let Some(slices) = self.slices.get(&(namespace, service.meta.name.as_str())) {
            return Ok(self.in_slices(namespace, slices, port, protocol));
        }
        if service.selector.is_empty() {
            return Err(Unresolved("it has no selector, and the input has no EndpointSlice of it".to_owned()));
        }
        let mut found = Vec::new();
        for pod in self.selected(service) {
            let facts = self.analysis.world.pod(pod);
            let ports: Vec<u16> = match &port.target_port {
                Some(IntOrString::Int(number)) if *number > 0 => u16::try_from(*number).ok().into_iter().collect(),
                Some(IntOrString::String(name)) => {
                    let named = facts.named_ports(name).into_iter();
                    named.filter(|it| it.protocol == protocol).map(|it| it.port).collect()
                }
                _ => u16::try_from(port.port).ok().into_iter().collect(),
            };
            found.extend(ports.into_iter().map(|port| Backend { target: Target::Pod(pod), protocol, port }));
        }
        Ok(found)
    }

    /// The pods that a Service selects.
    pub fn selected<'b>(&'b self, service: &'b Service) -> impl Iterator<Item = PodId> + 'b {
        let selects = |labels: &patchkit::rules::Labels| {
            !service.selector.is_empty() && service.selector.iter().all(|(key, value)| labels.get(key) == Some(value))
        };
        let pods = self.analysis.world.pods.iter().enumerate();
        pods.filter(move |(_, pod)| pod.namespace == namespace_of(&service.meta) && selects(pod.labels))
            .map(|(place, _)| PodId(u32::try_from(place).unwrap_or(u32::MAX)))
    }

    fn in_slices(
        &self,
        namespace: &str,
        slices: &[&EndpointSlice],
        port: &ServicePort,
        protocol: Protocol,
    ) -> Vec<Backend> {
        let mut found = Vec::new();
        for slice in slices {
            let numbers: Vec<u16> = slice
                .ports
                .iter()
                .filter(|it| it.name == port.name && protocol_of(&it.protocol).is_ok_and(|it| it == protocol))
                .filter_map(|it| u16::try_from(it.port?).ok())
                .collect();
            for endpoint in slice.endpoints.iter().filter(|endpoint| endpoint.ready) {
                let addresses = endpoint.addresses.iter().filter_map(|address| Address::parse(address));
                for address in addresses {
                    let by_name = self.by_name.get(&(namespace, endpoint.pod.as_str()));
                    let pod = by_name.or_else(|| self.by_address.get(&address)).copied();
                    let target = pod.map_or(Target::Address(address), Target::Pod);
                    found.extend(numbers.iter().map(|port| Backend { target, protocol, port: *port }));
                }
            }
        }
        // A pod of two families is in two slices.
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn protocol_of(text: &str) -> Result<Protocol, Unresolved> {
    if text.is_empty() {
        return Ok(Protocol::Tcp);
    }
    text.parse().map_err(|error: crate::ports::UnknownProtocol| Unresolved(error.to_string()))
}

/// All pods behind a Service, whatever the port, in the order of their places.
///
/// # Errors
/// Where there is no such Service.
pub fn pods_behind(analysis: &Analysis<'_>, who: &Who) -> Result<Vec<PodId>, WhoError> {
    let Who::Service { namespace, name } = who else { return Ok(Vec::new()) };
    let backends = Backends::of(analysis);
    let Some(service) = backends.service(namespace, name) else { return Err(absent(analysis, who, namespace)) };
    let mut pods: Vec<PodId> = service
        .ports
        .iter()
        .flat_map(|port| backends.behind(service, port).unwrap_or_default())
        .filter_map(|backend| match backend.target {
            Target::Pod(pod) => Some(pod),
            Target::Address(_) => None,
        })
        .chain(backends.selected(service))
        .collect();
    pods.sort_unstable();
    pods.dedup();
    Ok(pods)
}

/// That a Service is not there, with those that are.
pub(crate) fn absent(analysis: &Analysis<'_>, who: &Who, namespace: &str) -> WhoError {
    let services = analysis.snapshot.services.iter().filter(|service| namespace_of(&service.meta) == namespace);
    let names: Vec<String> = services.map(|service| format!("{namespace}/svc/{}", service.meta.name)).collect();
    who.absent(&names)
}
