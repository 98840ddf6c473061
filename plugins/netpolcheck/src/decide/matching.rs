//! Whether a term means somebody, and whether a rule means a connection.

use crate::{
    address::{Address, Family},
    engine::{Analysis, addresses_of, holds_all},
    policy::{Direction, Peers, Policy, PortMatch, Rule, Scope, Term, TermId},
    ports::Protocol,
    profile::{Matching, Semantics},
    world::{PodFacts, PodId},
};

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// A pod.
    Pod(PodId),
    /// An address that is no pod's.
    Address(Address),
}

/// A connection that is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// Who connects.
    pub from: Party,
    /// Who is connected to.
    pub to: Party,
    /// Over which family.
    pub family: Family,
    /// The protocol.
    pub protocol: Protocol,
    /// The destination's port.
    pub port: u16,
}

impl Traffic {
    /// The end that policies of a direction select.
    #[must_use]
    pub fn subject(&self, direction: Direction) -> Party {
        match direction {
            Direction::Ingress => self.to,
            Direction::Egress => self.from,
        }
    }

    /// The end that rules of a direction name.
    #[must_use]
    pub fn peer(&self, direction: Direction) -> Party {
        match direction {
            Direction::Ingress => self.from,
            Direction::Egress => self.to,
        }
    }
}

/// How well something fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// Not at all.
    No,
    /// It cannot be told.
    Maybe,
    /// For certain.
    Yes,
}

impl From<bool> for Fit {
    fn from(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }
}

/// Who judges: an analysis, with open points read in some way.
#[derive(Clone, Copy, Debug)]
pub struct Judge<'a> {
    /// The policies, and who there is.
    pub analysis: &'a Analysis<'a>,
    /// How open points are read. Whether pods in the host's network are pods like others is the analysis's choice.
    pub semantics: Semantics,
}

impl<'a> Judge<'a> {
    /// As the analysis reads open points.
    #[must_use]
    pub fn of(analysis: &'a Analysis<'a>) -> Self {
        Self { analysis, semantics: analysis.semantics }
    }

    /// Whether a policy speaks about a party.
    #[must_use]
    pub fn selects(&self, policy: &Policy<'_>, party: Party) -> Fit {
        match party {
            Party::Pod(pod) if !self.analysis.world.pod(pod).in_host_network => {
                let family = Family::V4; // subjects are selectors, which know no addresses
                self.term(policy.subject, party, family)
            }
            _ => Fit::No,
        }
    }

    /// Whether a rule means this connection.
    #[must_use]
    pub fn rule(&self, rule: &Rule, direction: Direction, traffic: &Traffic) -> Fit {
        if self.ports(rule, traffic) { self.peers(rule, direction, traffic) } else { Fit::No }
    }

    /// Whether a rule means the port of a connection.
    #[must_use]
    pub fn ports(&self, rule: &Rule, traffic: &Traffic) -> bool {
        let Some(ports) = &rule.ports else { return true };
        ports.iter().any(|port| match port {
            PortMatch::Range { protocol, first, last } => {
                *protocol == traffic.protocol && (*first..=*last).contains(&traffic.port)
            }
            PortMatch::Named { protocol, name } => match traffic.to {
                Party::Pod(pod) => {
                    let fits = protocol.is_none_or(|wanted| wanted == traffic.protocol);
                    let mut named = self.analysis.world.pod(pod).named_ports(name).into_iter();
                    fits && named.any(|it| it.protocol == traffic.protocol && it.port == traffic.port)
                }
                Party::Address(_) => false,
            },
        })
    }

    /// Whether a rule means the other end of a connection.
    #[must_use]
    pub fn peers(&self, rule: &Rule, direction: Direction, traffic: &Traffic) -> Fit {
        match &rule.peers {
            Peers::Everyone => Fit::Yes,
            Peers::Any(terms) => {
                let fits = terms.iter().map(|term| self.term(*term, traffic.peer(direction), traffic.family));
                fits.max().unwrap_or(Fit::No)
            }
        }
    }

    /// Whether a term means a party.
    #[must_use]
    pub fn term(&self, term: TermId, party: Party, family: Family) -> Fit {
        let world = &self.analysis.world;
        let term = self.analysis.policies.terms.get(term);
        match (term, party) {
            (Term::Unknown, _) => Fit::Maybe,
            (Term::Pods { scope, pods }, Party::Pod(pod)) => {
                let pod = world.pod(pod);
                let in_scope = match scope {
                    Scope::One(name) => name == pod.namespace,
                    Scope::Labelled(selector) => world.namespaces.matches(selector, pod.namespace),
                };
                (!pod.in_host_network && in_scope && pods.matches(pod.labels)).into()
            }
            (Term::Pods { .. }, Party::Address(_)) => Fit::No,
            (Term::Addresses { .. }, Party::Pod(pod)) => self.block(term, world.pod(pod), family),
            (Term::Addresses { .. }, Party::Address(address)) => {
                (address.family == family && addresses_of(term, family, None).contains(address.number)).into()
            }
            (Term::Nodes(_) | Term::Domains(_), _) if !self.semantics.knows_experimental_peers => Fit::No,
            (Term::Nodes(selector), Party::Pod(pod)) => {
                let pod = world.pod(pod);
                match world.nodes.as_ref().map(|nodes| nodes.iter().find(|node| node.name == pod.node)) {
                    _ if !pod.in_host_network => Fit::No,
                    Some(Some(node)) => selector.matches(node.labels).into(),
                    _ => Fit::Maybe,
                }
            }
            (Term::Nodes(_), Party::Address(address)) => match world.nodes.as_deref() {
                None => Fit::Maybe,
                Some(nodes) => addresses_of(term, family, Some(nodes)).contains(address.number).into(),
            },
            (Term::Domains(_), Party::Address(_)) => Fit::Maybe,
            (Term::Domains(_), Party::Pod(_)) => Fit::No,
        }
    }

    fn block(&self, term: &Term, pod: &PodFacts<'_>, family: Family) -> Fit {
        let matching =
            if pod.in_host_network { self.semantics.blocks_match_nodes } else { self.semantics.blocks_match_pods };
        let held = match pod.address(family) {
            Some(address) => Fit::from(addresses_of(term, family, None).contains(address.number)),
            None if holds_all(term, family) => Fit::Yes,
            None if addresses_of(term, family, None).is_empty() => match term {
                // A block of this family of which every part is excepted still holds nothing.
                Term::Addresses { block, .. } if block.family == family => Fit::Maybe,
                _ => Fit::No,
            },
            None => Fit::Maybe,
        };
        match matching {
            Matching::No => Fit::No,
            Matching::Yes => held,
            Matching::Maybe => held.min(Fit::Maybe),
        }
    }

    /// Whether the one end is part of the node that the other, a pod, is on: no policy keeps it out.
    #[must_use]
    pub fn from_own_node(&self, traffic: &Traffic) -> Fit {
        let world = &self.analysis.world;
        let Party::Pod(to) = traffic.to else { return Fit::No };
        let to = world.pod(to);
        if !self.semantics.own_node_reaches || to.in_host_network {
            return Fit::No;
        }
        match traffic.from {
            Party::Pod(from) => {
                let from = world.pod(from);
                match (from.in_host_network, from.node.is_empty() || to.node.is_empty()) {
                    (false, _) => Fit::No,
                    (true, true) => Fit::Maybe,
                    (true, false) => (from.node == to.node).into(),
                }
            }
            Party::Address(address) => {
                let own = world.nodes.iter().flatten().find(|node| node.name == to.node && !to.node.is_empty());
                own.is_some_and(|node| node.addresses.contains(&address)).into()
            }
        }
    }
}
