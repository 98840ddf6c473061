//! What is asked: who, whom, and on which ports.

use std::fmt;

use compact_str::CompactString;

use crate::{
    address::{Address, Block},
    decide::Party,
    engine::Analysis,
    ports::{Protocol, UnknownProtocol},
    range_set::RangeSet,
    service::{self, Backends, Target, Unresolved},
    who::{Who, WhoError},
    world::PodId,
};

/// The port that is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortWish {
    /// A number or a name.
    pub port: PortName,
    /// The protocol, where one is named.
    pub protocol: Option<Protocol>,
}

/// A port by number or by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortName {
    /// By number.
    Number(u16),
    /// By the name that a container or a Service gives it.
    Name(CompactString),
}

impl fmt::Display for PortWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.port {
            PortName::Number(number) => number.fmt(f)?,
            PortName::Name(name) => name.fmt(f)?,
        }
        self.protocol.map_or(Ok(()), |protocol| write!(f, "/{protocol}"))
    }
}

/// Why a question cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum QuestionError {
    /// One of the ends.
    #[error(transparent)]
    Who(#[from] WhoError),
    /// The protocol.
    #[error(transparent)]
    Protocol(#[from] UnknownProtocol),
    /// The port has no form that a port has.
    #[error("{0:?} is no port: expected a number from 1 to 65535 or a name, and perhaps /TCP, /UDP or /SCTP behind it")]
    Port(String),
    /// Nobody there has such a port.
    #[error("{whom} has no port {port}{hint}")]
    NoSuchPort {
        /// Who was asked.
        whom: String,
        /// The port.
        port: String,
        /// Those that there are.
        hint: String,
    },
    /// Where the traffic to a Service goes is not known here.
    #[error("where the traffic to {0} goes cannot be told: {1}")]
    Unresolved(String, String),
    /// Nothing is meant.
    #[error("{0} has no pods")]
    NoPods(String),
}

impl QuestionError {
    /// Whether the words themselves are wrong, and not what they name.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Port(_) | Self::Protocol(_) | Self::Who(WhoError::Form(_) | WhoError::Kind { .. }))
    }
}

/// A place that traffic goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Who takes it.
    pub party: Party,
    /// On which port; `None` for all of them.
    pub port: Option<(Protocol, u16)>,
    /// The address and port that the client uses, where a Service stands in between.
    pub through: Option<(Address, Protocol, u16)>,
}

/// A question, with everybody who is meant.
#[derive(Debug)]
pub struct Question {
    /// Who connects, in words.
    pub from: Who,
    /// Who is connected to, in words.
    pub to: Who,
    /// On which port, in words.
    pub port: Option<PortWish>,
    /// Everybody who connects. Addresses that no policy tells apart are one.
    pub sources: Vec<Party>,
    /// Everybody who is connected to.
    pub destinations: Vec<Destination>,
    /// What is to be known of how the words were read.
    pub notes: Vec<String>,
}

/// Splits `TO[:PORT[/PROTO]]`. An IPv6 address with a port stands in brackets.
///
/// # Errors
/// Where what stands behind the colon is no port.
pub fn split_port(word: &str) -> Result<(&str, Option<PortWish>), QuestionError> {
    if Address::parse(word).is_some() || Block::parse(word).is_some() {
        return Ok((word, None));
    }
    let (who, port) = match word.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((who, "")) => return Ok((who, None)),
        Some((who, rest)) => (who, rest.strip_prefix(':').ok_or_else(|| QuestionError::Port(rest.to_owned()))?),
        None => match word.rsplit_once(':') {
            Some(parts) => parts,
            None => return Ok((word, None)),
        },
    };
    let (port, protocol) = match port.split_once('/') {
        Some((port, protocol)) => (port, Some(protocol.parse()?)),
        None => (port, None),
    };
    let is_name = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && text.len() <= 63
    };
    let wrong = || QuestionError::Port(port.to_owned());
    let name = match port.bytes().all(|byte| byte.is_ascii_digit()) {
        true => PortName::Number(port.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?),
        false if is_name(port) => PortName::Name(port.into()),
        false => return Err(wrong()),
    };
    Ok((who, Some(PortWish { port: name, protocol })))
}

impl Question {
    /// Finds everybody who is meant.
    ///
    /// # Errors
    /// Where somebody is not there.
    pub fn resolve(analysis: &Analysis<'_>, from: Who, to: Who, port: Option<PortWish>) -> Result<Self, QuestionError> {
        let mut notes = Vec::new();
        let backends = Backends::of(analysis);
        let sources = match &from {
            Who::Service { .. } => {
                notes.push(format!("{from} does not connect to anybody: the pods behind it are asked about"));
                service::pods_behind(analysis, &from)?.into_iter().map(Party::Pod).collect()
            }
            who => parties(analysis, &backends, who, &mut notes)?,
        };
        let destinations = match &to {
            Who::Service { .. } => behind_service(analysis, &backends, &to, port.as_ref(), &mut notes)?,
            who => {
                let parties = parties(analysis, &backends, who, &mut notes)?;
                with_ports(analysis, &to, parties, port.as_ref())?
            }
        };
        if sources.is_empty() {
            return Err(QuestionError::NoPods(from.to_string()));
        }
        if destinations.is_empty() {
            return Err(QuestionError::NoPods(to.to_string()));
        }
        Ok(Self { from, to, port, sources, destinations, notes })
    }
}

/// Everybody that a word means, but for Services.
fn parties(
    analysis: &Analysis<'_>,
    backends: &Backends<'_>,
    who: &Who,
    notes: &mut Vec<String>,
) -> Result<Vec<Party>, QuestionError> {
    let outside = |wanted: &dyn Fn(crate::address::Family) -> RangeSet<u128>| -> Vec<Party> {
        let meant = analysis.classes.external.iter().filter_map(|external| {
            let family = external.family;
            // Any of its addresses speaks for all of them.
            let (number, _) = external.addresses.intersection(&wanted(family)).ranges().next()?;
            Some(Party::Address(Address { family, number }))
        });
        meant.collect()
    };
    match who {
        Who::Internet => Ok(outside(&|family| family.whole())),
        Who::Addresses(block) if block.first == block.last => {
            let address = Address { family: block.family, number: block.first };
            if let Some(pod) = backends.pod_at(address) {
                notes.push(format!("{address} is the address of pod {}", analysis.world.pod(pod).meta.path()));
                return Ok(vec![Party::Pod(pod)]);
            }
            if let Some(service) = backends.service_at(address) {
                notes.push(format!(
                    "{address} is an address of Service {}: ask for the Service to see the pods behind it",
                    service.meta.path()
                ));
            }
            Ok(vec![Party::Address(address)])
        }
        Who::Addresses(block) => {
            let meant = outside(&|family| if family == block.family { block.addresses() } else { RangeSet::default() });
            let held = analysis.world.pods.iter().flat_map(|pod| pod.addresses.iter().flatten());
            let held = held.filter(|it| it.family == block.family && block.addresses().contains(it.number)).count();
            if held > 0 {
                notes.push(format!(
                    "{held} addresses of pods are among these; they are looked at as addresses, not as pods"
                ));
            }
            // A family that is not in use has no classes; nobody speaks about its addresses.
            if meant.is_empty() {
                let address = Address { family: block.family, number: block.first };
                return Ok(vec![Party::Address(address)]);
            }
            Ok(meant)
        }
        who => Ok(who.pods(analysis)?.into_iter().map(Party::Pod).collect()),
    }
}

fn with_ports(
    analysis: &Analysis<'_>,
    who: &Who,
    parties: Vec<Party>,
    port: Option<&PortWish>,
) -> Result<Vec<Destination>, QuestionError> {
    let plain = |party, port| Destination { party, port, through: None };
    let Some(wish) = port else {
        return Ok(parties.into_iter().map(|party| plain(party, None)).collect());
    };
    match &wish.port {
        PortName::Number(number) => {
            let port = Some((wish.protocol.unwrap_or(Protocol::Tcp), *number));
            Ok(parties.into_iter().map(|party| plain(party, port)).collect())
        }
        PortName::Name(name) => {
            let mut found = Vec::new();
            for party in &parties {
                if let Party::Pod(pod) = party {
                    let named = analysis.world.pod(*pod).named_ports(name).into_iter();
                    let fitting = named.filter(|it| wish.protocol.is_none_or(|wanted| wanted == it.protocol));
                    found.extend(fitting.map(|it| plain(*party, Some((it.protocol, it.port)))));
                }
            }
            if found.is_empty() {
                return Err(no_such_port(analysis, who, &parties, wish));
            }
            Ok(found)
        }
    }
}

fn no_such_port(analysis: &Analysis<'_>, who: &Who, parties: &[Party], wish: &PortWish) -> QuestionError {
    let mut names: Vec<String> = parties
        .iter()
        .filter_map(|party| match party {
            Party::Pod(pod) => Some(analysis.world.pod(*pod)),
            Party::Address(_) => None,
        })
        .flat_map(|pod| crate::world::exposed(pod.spec).map(|(name, _)| name.to_owned()).collect::<Vec<_>>())
        .collect();
    names.sort_unstable();
    names.dedup();
    let hint = if names.is_empty() { String::new() } else { format!("; there are {}", names.join(", ")) };
    QuestionError::NoSuchPort { whom: who.to_string(), port: wish.to_string(), hint }
}

fn behind_service(
    analysis: &Analysis<'_>,
    backends: &Backends<'_>,
    who: &Who,
    port: Option<&PortWish>,
    notes: &mut Vec<String>,
) -> Result<Vec<Destination>, QuestionError> {
    let Who::Service { namespace, name } = who else { return Ok(Vec::new()) };
    let Some(service) = backends.service(namespace, name) else {
        return Err(service::absent(analysis, who, namespace).into());
    };
    if service.kind == "ExternalName" {
        let why = format!("it is another name for {}, whose addresses only DNS knows", service.external_name);
        return Err(QuestionError::Unresolved(who.to_string(), why));
    }
    if service.is_headless() {
        notes.push(format!("{who} is headless: clients connect to its pods themselves, on the pods' ports"));
        // A port of the Service by name means the port of the pods that it leads to.
        if !matches!(port, Some(PortWish { port: PortName::Name(_), .. })) {
            let pods = service::pods_behind(analysis, who)?.into_iter().map(Party::Pod).collect();
            return with_ports(analysis, who, pods, port);
        }
    }
    let is_meant = |it: &&patchkit::snapshot::objects::network::ServicePort| {
        let protocol = if it.protocol.is_empty() { "TCP" } else { it.protocol.as_str() };
        let named = port.is_none_or(|wish| match &wish.port {
            PortName::Number(number) => i32::from(*number) == it.port,
            PortName::Name(name) => *name == it.name,
        });
        named && port.and_then(|wish| wish.protocol).is_none_or(|wanted| wanted.as_str() == protocol)
    };
    let ports: Vec<_> = service.ports.iter().filter(is_meant).collect();
    if ports.is_empty() {
        let all: Vec<String> = service.ports.iter().map(|it| it.port.to_string()).collect();
        let port = port.map(ToString::to_string).unwrap_or_default();
        let hint = format!("; there are {}", all.join(", "));
        return Err(QuestionError::NoSuchPort { whom: who.to_string(), port, hint });
    }
    let addresses: Vec<Address> = service.cluster_ips.iter().filter_map(|ip| Address::parse(ip)).collect();
    let mut found = Vec::new();
    for port in ports {
        let behind = backends.behind(service, port);
        let behind = behind.map_err(|Unresolved(why)| QuestionError::Unresolved(who.to_string(), why))?;
        if behind.is_empty() {
            notes.push(format!("port {} of {who} leads to nobody: there is no endpoint", port.port));
        }
        for backend in behind {
            let party = match backend.target {
                Target::Pod(pod) => Party::Pod(pod),
                Target::Address(address) => Party::Address(address),
            };
            let own = u16::try_from(port.port).ok();
            let through = addresses.first().zip(own).map(|(address, own)| (*address, backend.protocol, own));
            found.push(Destination { party, port: Some((backend.protocol, backend.port)), through });
        }
    }
    Ok(found)
}

/// A pod of a party.
#[must_use]
pub fn pod_of(party: Party) -> Option<PodId> {
    match party {
        Party::Pod(pod) => Some(pod),
        Party::Address(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_stand_behind_a_colon() {
        let split = |word| {
            let (who, port) = split_port(word).unwrap();
            (who.to_owned(), port.map(|port| port.to_string()))
        };
        let with = |who: &str, port: &str| (who.to_owned(), Some(port.to_owned()));
        assert_eq!(split("shop/web"), ("shop/web".into(), None));
        assert_eq!(split("shop/web:80"), with("shop/web", "80"));
        assert_eq!(split("shop/svc/web:http/udp"), with("shop/svc/web", "http/UDP"));
        assert_eq!(split("10.0.0.0/8:443/TCP"), with("10.0.0.0/8", "443/TCP"));
        assert_eq!(split("10.0.0.0/8"), ("10.0.0.0/8".into(), None));
        assert_eq!(split("fd00::1"), ("fd00::1".into(), None));
        assert_eq!(split("[fd00::1]:80"), with("fd00::1", "80"));
        assert_eq!(split("[fd00::/8]"), ("fd00::/8".into(), None));
        assert_eq!(split("internet:53/UDP"), with("internet", "53/UDP"));
        for wrong in ["a:", "a:0", "a:65536", "a:80/icmp", "a:x_y", "[::1]80"] {
            assert!(split_port(wrong).is_err(), "{wrong}");
        }
    }
}
