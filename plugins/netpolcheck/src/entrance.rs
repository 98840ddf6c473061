//! Where traffic enters a cluster: Ingresses, routes of the Gateway API and of OpenShift, and Services that listen on
//! nodes or have a load balancer; and whether the policies of the pods behind them let it in.
//!
//! Who hands the traffic on (a controller's pods, a load balancer, a node) is often not known. What is certain is
//! what everybody may do, and what nobody may.

use std::collections::BTreeMap;

use patchkit::{
    report::NotEvaluated,
    rules::IntOrString,
    snapshot::objects::{
        entrance::{Ingress, Route, RouteKind},
        network::{Service, ServicePort},
    },
};
use serde::Serialize;

use crate::{
    engine::{Analysis, BitSet, Both, ClassId},
    names::PeerRef,
    policy::Direction,
    ports::{PortSet, Protocol},
    service::{Backends, Target, Unresolved},
    world::{OwnerId, namespace_of},
};

/// Whether something is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// In every case.
    Yes,
    /// In no case.
    No,
    /// In some cases, or it cannot be told.
    Depends,
}

impl Answer {
    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Depends => "depends",
        }
    }
}

/// A way in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entrance {
    /// The Ingress, route or Service.
    pub from: PeerRef,
    /// Gateways that a route is attached to; the type of a Service (`NodePort`, `LoadBalancer`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub through: Vec<String>,
    /// The Service behind it.
    pub service: String,
    /// Whose pods take the traffic.
    pub to: PeerRef,
    /// The ports of those pods.
    #[serde(serialize_with = "as_ports")]
    pub ports: PortSet,
    /// Whether the policies of those pods let it in: from everywhere, from nowhere, or depending on who hands it on.
    pub allowed: Answer,
}

pub(crate) fn as_ports<S: serde::Serializer>(ports: &PortSet, serializer: S) -> Result<S::Ok, S::Error> {
    crate::map::ports_json(ports).serialize(serializer)
}

/// The ways into a cluster.
#[derive(Clone, Debug, Default)]
pub struct Entrances {
    /// Each way.
    pub list: Vec<Entrance>,
    /// Ways of which it is not known where they lead.
    pub not_evaluated: Vec<NotEvaluated>,
}

/// Finds the ways into a cluster.
#[must_use]
pub fn entrances(analysis: &Analysis<'_>) -> Entrances {
    let mut finder = Finder { analysis, backends: Backends::of(analysis), found: Entrances::default() };
    let snapshot = analysis.snapshot;
    snapshot.ingresses.iter().for_each(|ingress| finder.ingress(ingress));
    snapshot.routes.iter().for_each(|route| finder.route(route));
    snapshot.services.iter().for_each(|service| finder.service(service));
    let mut found = finder.found;
    found.list.sort_by(|a, b| (&a.from, &a.service, &a.to).cmp(&(&b.from, &b.service, &b.to)));
    found.list.dedup();
    found
}

struct Finder<'a> {
    analysis: &'a Analysis<'a>,
    backends: Backends<'a>,
    found: Entrances,
}

/// Which port of a Service is meant.
enum Wanted<'w> {
    Port(&'w IntOrString),
    /// OpenShift's routes name the port of the pods, by number, or the name of the Service's port.
    Target(&'w IntOrString),
    Any,
}

impl Wanted<'_> {
    fn is(&self, port: &ServicePort) -> bool {
        let named = |wanted: &IntOrString| matches!(wanted, IntOrString::String(name) if *name == port.name);
        match self {
            Self::Port(IntOrString::Int(number)) => *number == port.port,
            Self::Port(wanted) => named(wanted),
            Self::Target(wanted) => named(wanted) || port.target_port.as_ref() == Some(wanted),
            Self::Any => true,
        }
    }
}

impl Finder<'_> {
    fn ingress(&mut self, ingress: &Ingress) {
        let namespace = namespace_of(&ingress.meta);
        let from = PeerRef::named("Ingress", namespace, &ingress.meta.name);
        let mut seen = Vec::new();
        for backend in ingress.backends.iter().filter(|backend| !backend.service.is_empty()) {
            let key = (&backend.service, &backend.port);
            if seen.contains(&key) {
                continue; // another host or path of the same Service
            }
            seen.push(key);
            let wanted = backend.port.as_ref().map_or(Wanted::Any, Wanted::Port);
            self.through(&from, &[], namespace, &backend.service, &wanted);
        }
    }

    fn route(&mut self, route: &Route) {
        let own = namespace_of(&route.meta);
        let from = PeerRef::named(route.kind.as_str(), own, &route.meta.name);
        let gateways: Vec<String> = route
            .parents
            .iter()
            .map(|parent| {
                let kind = parent.kind.as_deref().unwrap_or("Gateway");
                format!("{kind} {}/{}", parent.namespace.as_deref().unwrap_or(own), parent.name)
            })
            .collect();
        if route.kind != RouteKind::OpenShiftRoute && gateways.is_empty() {
            return; // attached to nothing: no traffic comes this way
        }
        for backend in route.backends.iter().filter(|backend| backend.weight != Some(0)) {
            if backend.kind.as_deref().is_some_and(|kind| kind != "Service") {
                self.unresolved(&from, &backend.name, "the backend is no Service");
                continue;
            }
            let port = backend.port.map(IntOrString::Int);
            let wanted = match (&port, &backend.target_port) {
                (Some(port), _) => Wanted::Port(port),
                (None, Some(target)) => Wanted::Target(target),
                (None, None) => Wanted::Any,
            };
            self.through(&from, &gateways, backend.namespace.as_deref().unwrap_or(own), &backend.name, &wanted);
        }
    }

    fn service(&mut self, service: &Service) {
        let kind = service.kind.as_str();
        let listens = matches!(kind, "NodePort" | "LoadBalancer");
        if !listens && service.external_ips.is_empty() {
            return;
        }
        let namespace = namespace_of(&service.meta);
        let from = PeerRef::named("Service", namespace, &service.meta.name);
        let through = if listens { kind } else { "externalIPs" };
        self.through(&from, &[through.to_owned()], namespace, &service.meta.name, &Wanted::Any);
    }

    fn unresolved(&mut self, from: &PeerRef, service: &str, why: &str) {
        let what = format!("{} {} to {service}", from.kind, from.display());
        self.found.not_evaluated.push(NotEvaluated::new(what, why));
    }

    fn through(&mut self, from: &PeerRef, through: &[String], namespace: &str, name: &str, wanted: &Wanted<'_>) {
        let Some(service) = self.backends.service(namespace, name) else {
            self.unresolved(from, name, &format!("there is no Service {namespace}/{name} in the input"));
            return;
        };
        let mut by_owner: BTreeMap<(OwnerId, ClassId), Vec<(Protocol, u16)>> = BTreeMap::new();
        for port in service.ports.iter().filter(|port| wanted.is(port)) {
            match self.backends.behind(service, port) {
                Ok(backends) => {
                    for backend in backends {
                        if let Target::Pod(pod) = backend.target {
                            let key = (self.analysis.world.pod(pod).owner, self.analysis.class_of(pod));
                            by_owner.entry(key).or_default().push((backend.protocol, backend.port));
                        }
                    }
                }
                Err(Unresolved(why)) => self.unresolved(from, name, &why),
            }
        }
        // Whoever listens on a node or a load balancer's address is spoken to from outside; an Ingress or a Gateway is
        // a pod or a thing outside that nobody knows here.
        let outside_only = from.kind == "Service";
        for ((owner, class), ports) in by_owner {
            let ports: PortSet = ports
                .into_iter()
                .fold(PortSet::default(), |set, (protocol, port)| set.union(&PortSet::one(protocol, port)));
            let allowed = self.lets_in(class, &ports, outside_only);
            let owner = self.analysis.world.owner(owner);
            self.found.list.push(Entrance {
                from: from.clone(),
                through: through.to_vec(),
                service: format!("{namespace}/{name}"),
                to: PeerRef::named(&owner.kind, &owner.namespace, &owner.name),
                ports,
                allowed,
            });
        }
    }

    /// Whether the policies of a class let everybody in on these ports, or nobody.
    fn lets_in(&self, class: ClassId, ports: &PortSet, outside_only: bool) -> Answer {
        let classes = &self.analysis.classes;
        let first = if outside_only { classes.members.len() } else { 0 };
        let (mut everybody, mut nobody) = (true, true);
        for family in &self.analysis.families {
            if !classes.has(class, *family) {
                continue;
            }
            let mut reached: Vec<Both<PortSet>> = vec![Both::default(); classes.count()];
            for row in self.analysis.rows(Direction::Ingress, self.analysis.ingress.of(class), *family) {
                let meant = row.ports.intersection(ports);
                let add = |peers: &BitSet, give: &mut dyn FnMut(usize)| peers.iter().for_each(give);
                add(&row.certain, &mut |peer| reached[peer].certain = reached[peer].certain.union(&meant));
                add(&row.possible, &mut |peer| reached[peer].possible = reached[peer].possible.union(&meant));
            }
            for (peer, reached) in reached.iter().enumerate().skip(first) {
                let has_family = u32::try_from(peer).is_ok_and(|peer| classes.has(ClassId(peer), *family));
                if has_family {
                    everybody &= reached.certain == *ports;
                    nobody &= reached.possible.is_empty();
                }
            }
        }
        match (everybody, nobody) {
            (true, false) => Answer::Yes,
            (false, true) => Answer::No,
            _ => Answer::Depends,
        }
    }
}
