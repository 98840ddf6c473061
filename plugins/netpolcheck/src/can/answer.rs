//! The answer to a question: for everybody who is meant, and for all of them together.

use rustc_hash::FxHashMap;

use super::{Destination, Question};
use crate::{
    address::Family,
    decide::{Judge, Party, Side, Traffic},
    engine::Analysis,
    entrance::Answer,
    foreign::Foreign,
    policy::{Direction, Term},
    ports::{PortSet, Protocol},
    profile::Profile,
};

/// The answer for one source and one destination.
#[derive(Clone, Debug)]
pub struct PairAnswer {
    /// The connection that was judged; where no port was asked about, on one that says most.
    pub traffic: Traffic,
    /// What is asked about, before a Service.
    pub destination: Destination,
    /// Whether it is allowed.
    pub allowed: Answer,
    /// What the source's policies say.
    pub egress: Side,
    /// What the destination's policies say.
    pub ingress: Side,
    /// Where no port was asked about: the ports on which it is allowed.
    pub ports: Option<PortSet>,
    /// Why it depends, or what the answer rests on.
    pub reasons: Vec<String>,
    /// The other profiles that answer otherwise.
    pub other_profiles: Vec<(Profile, Answer)>,
}

/// The answer to a question.
#[derive(Debug)]
pub struct Decision {
    /// For all who are meant: yes where all are allowed, no where none is.
    pub allowed: Answer,
    /// The answers one by one; of sources and destinations that no policy tells apart, one stands for all.
    pub pairs: Vec<PairAnswer>,
    /// How many pairs of a source and a destination there are.
    pub count: usize,
    /// How many of them are allowed for certain.
    pub allowed_count: usize,
}

/// Answers a question.
#[must_use]
pub fn answer(analysis: &Analysis<'_>, foreign: &Foreign, question: &Question, profile: Profile) -> Decision {
    let mut answerer = Answerer { analysis, foreign, profile, known: FxHashMap::default(), pairs: Vec::new() };
    let (mut count, mut yes, mut no) = (0, 0, 0);
    for source in &question.sources {
        for destination in &question.destinations {
            // A pod among its own namespace's does not ask itself.
            let many = question.sources.len() > 1 || question.destinations.len() > 1;
            if many && *source == destination.party {
                continue;
            }
            count += 1;
            match answerer.pair(*source, *destination) {
                Answer::Yes => yes += 1,
                Answer::No => no += 1,
                Answer::Depends => {}
            }
        }
    }
    let allowed = match (count, yes, no) {
        (0, ..) => Answer::Depends,
        _ if yes == count => Answer::Yes,
        _ if no == count => Answer::No,
        _ => Answer::Depends,
    };
    Decision { allowed, pairs: answerer.pairs, count, allowed_count: yes }
}

/// Pairs with the same of these have the same answer.
type Alike = (u32, u32, Option<(Protocol, u16)>, Option<(crate::address::Address, Protocol, u16)>);

struct Answerer<'a> {
    analysis: &'a Analysis<'a>,
    foreign: &'a Foreign,
    profile: Profile,
    known: FxHashMap<Alike, Answer>,
    pairs: Vec<PairAnswer>,
}

impl Answerer<'_> {
    fn pair(&mut self, from: Party, destination: Destination) -> Answer {
        let alike = self.alike(from, destination);
        if let Some(known) = alike.and_then(|alike| self.known.get(&alike)) {
            return *known;
        }
        let mut best: Option<PairAnswer> = None;
        for family in self.families(from, destination.party) {
            let next = self.over(from, destination, family);
            best = Some(match best {
                None => next,
                Some(before) if before.allowed == next.allowed => before,
                Some(mut before) => {
                    let told = format!(
                        "{} over {}, {} over {}",
                        before.allowed.as_str(),
                        before.traffic.family.as_str(),
                        next.allowed.as_str(),
                        family.as_str()
                    );
                    before.reasons.push(told);
                    before.allowed = Answer::Depends;
                    before
                }
            });
        }
        let answer = best.unwrap_or_else(|| {
            // Nothing joins an address of IPv4 and one of IPv6.
            let mut none = self.over(from, destination, Family::V4);
            none.allowed = Answer::No;
            none.reasons.push("they have no IP family in common".to_owned());
            none
        });
        let allowed = answer.allowed;
        if let Some(alike) = alike {
            self.known.insert(alike, allowed);
        }
        self.pairs.push(answer);
        allowed
    }

    /// What decides about a pair, where nothing but their classes does.
    fn alike(&self, from: Party, destination: Destination) -> Option<Alike> {
        let place = |party: Party| match party {
            Party::Pod(pod) => {
                let alone = self.analysis.world.pod(pod).in_host_network || self.foreign.about(pod).next().is_some();
                (!alone).then(|| self.analysis.class_of(pod).0)
            }
            // Each address that is asked about stands for a class already.
            Party::Address(_) => None,
        };
        if from == destination.party {
            return None;
        }
        Some((place(from)?, place(destination.party)?, destination.port, destination.through))
    }

    fn families(&self, from: Party, to: Party) -> Vec<Family> {
        let has = |party: Party, family: Family| match party {
            Party::Address(address) => address.family == family,
            Party::Pod(pod) => {
                let known = self.analysis.world.pod(pod).addresses.as_ref();
                let in_use = self.analysis.families.contains(&family);
                known.map_or(in_use, |known| known.iter().any(|address| address.family == family))
            }
        };
        Family::ALL.into_iter().filter(|family| has(from, *family) && has(to, *family)).collect()
    }

    fn over(&self, from: Party, destination: Destination, family: Family) -> PairAnswer {
        let to = destination.party;
        let judge = Judge::of(self.analysis);
        let (port, ports) = match destination.port {
            Some(port) => (port, None),
            None => {
                let (allowed, port) = self.all_ports(from, to, family);
                (port, Some(allowed))
            }
        };
        let traffic = Traffic { from, to, family, protocol: port.0, port: port.1 };
        let (egress, ingress) = (judge.side(Direction::Egress, &traffic), judge.side(Direction::Ingress, &traffic));
        let mut reasons = Vec::new();
        let mut allowed = match &ports {
            None => both(egress.allowed, ingress.allowed),
            Some((certain, possible)) => match (certain.is_all(), possible.is_empty()) {
                (true, _) => Answer::Yes,
                (_, true) => Answer::No,
                _ => {
                    reasons.push(format!("it is allowed on {certain}"));
                    if possible != certain {
                        reasons.push(format!("perhaps on {}", possible.difference(certain)));
                    }
                    Answer::Depends
                }
            },
        };
        if ports.is_none() && allowed == Answer::Depends {
            reasons.push(self.what_is_not_known(&egress, &ingress, from, to));
        }
        self.through_service(&judge, &traffic, destination, &egress, &mut allowed, &mut reasons);
        self.about_foreign(from, to, &mut allowed, &mut reasons);
        let other_profiles =
            if ports.is_none() { self.others(&traffic, both(egress.allowed, ingress.allowed)) } else { Vec::new() };
        let ports = ports.map(|(certain, _)| certain);
        PairAnswer { traffic, destination, allowed, egress, ingress, ports, reasons, other_profiles }
    }

    /// The ports on which a pair can talk for certain and possibly, and one that shows most.
    fn all_ports(&self, from: Party, to: Party, family: Family) -> ((PortSet, PortSet), (Protocol, u16)) {
        let class = |party: Party| match party {
            Party::Pod(pod) => Some(self.analysis.class_of(pod)),
            Party::Address(address) => self.analysis.classes.of_address(address.family, address.number),
        };
        let near = matches!((from, to), (Party::Pod(from), Party::Pod(to)) if from == to || self.analysis.reaches_by_node(from, to));
        let (certain, possible) = match (class(from), class(to)) {
            _ if near => (PortSet::all(), PortSet::all()),
            (Some(from), Some(to)) => {
                let ports = self.analysis.ports_between(from, to, family);
                (ports.certain, ports.possible)
            }
            // A family that no policy and no pod uses.
            _ => (PortSet::all(), PortSet::all()),
        };
        let first =
            |ports: &PortSet| ports.ranges().find(|range| range.protocol == Protocol::Tcp).or(ports.ranges().next());
        let exposed = match to {
            Party::Pod(pod) => {
                self.analysis.world.pod(pod).spec.containers.iter().flat_map(|it| &it.ports).find_map(|it| {
                    let protocol = it.protocol.as_deref().unwrap_or("TCP").parse().ok()?;
                    Some((protocol, u16::try_from(it.container_port).ok().filter(|port| *port > 0)?))
                })
            }
            Party::Address(_) => None,
        };
        let plain = exposed.unwrap_or((Protocol::Tcp, 80));
        let shown = if certain.contains(plain.0, plain.1) || certain.is_empty() && possible.is_empty() {
            plain
        } else {
            let range = first(&certain).or(first(&possible));
            range.map_or(plain, |range| (range.protocol, range.first))
        };
        ((certain, possible), shown)
    }

    fn what_is_not_known(&self, egress: &Side, ingress: &Side, from: Party, to: Party) -> String {
        let side = if egress.allowed == Answer::Depends { egress } else { ingress };
        let peer = if side.direction == Direction::Egress { to } else { from };
        let unknown_address = matches!(peer, Party::Pod(pod) if self.analysis.world.pod(pod).addresses.is_none());
        let priorities = side.rules.iter().all(|rule| rule.certain);
        match (unknown_address, priorities) {
            (_, true) => format!(
                "{} policies of equal priority disagree, and nobody knows which is asked first",
                side.direction.as_str()
            ),
            (true, _) => "the address of a pod is not known, and a block of addresses decides".to_owned(),
            (false, false) => "a rule names something that cannot be told here, such as a host by its name".to_owned(),
        }
    }

    /// A Service's own address is translated before or after the policies are asked: nobody says which.
    fn through_service(
        &self,
        judge: &Judge<'_>,
        traffic: &Traffic,
        destination: Destination,
        egress: &Side,
        allowed: &mut Answer,
        reasons: &mut Vec<String>,
    ) {
        let Some((address, protocol, port)) = destination.through else { return };
        let before = Traffic { to: Party::Address(address), family: address.family, protocol, port, ..*traffic };
        let before = judge.side(Direction::Egress, &before);
        let by_block = before.rules.iter().chain(&egress.rules).any(|rule| {
            let policy = self.analysis.policies.get(rule.policy);
            let rules = policy.rules(Direction::Egress).unwrap_or_default();
            rules.get(rule.rule).is_some_and(|rule| match &rule.peers {
                crate::policy::Peers::Any(terms) => {
                    terms.iter().any(|term| matches!(self.analysis.policies.terms.get(*term), Term::Addresses { .. }))
                }
                crate::policy::Peers::Everyone => false,
            })
        });
        if !by_block || before.allowed == egress.allowed {
            return;
        }
        reasons.push(format!(
            "for the Service's own address {address} the answer of egress is {}: whether a block of addresses is \
             compared before or after the address is translated is not defined{}",
            before.allowed.as_str(),
            match self.profile {
                Profile::Strict => "",
                Profile::Calico | Profile::Cilium | Profile::Analyzer => "; here it is after",
            }
        ));
        if self.profile == Profile::Strict {
            *allowed = Answer::Depends;
        }
    }

    fn about_foreign(&self, from: Party, to: Party, allowed: &mut Answer, reasons: &mut Vec<String>) {
        let pods: Vec<_> = [from, to].into_iter().filter_map(super::question::pod_of).collect();
        let about = self.foreign.about_any(&pods);
        if !about.is_empty() {
            let names: Vec<String> = about.into_iter().map(str::to_owned).collect();
            let names = patchkit::report::words::summary(&names);
            reasons.push(format!(
                "{names} may change it, and is not evaluated; without that the answer is {}",
                allowed.as_str()
            ));
            *allowed = Answer::Depends;
        }
    }

    fn others(&self, traffic: &Traffic, own: Answer) -> Vec<(Profile, Answer)> {
        let judge = |profile: Profile| {
            let judge = Judge { semantics: profile.semantics(), ..Judge::of(self.analysis) };
            both(judge.side(Direction::Egress, traffic).allowed, judge.side(Direction::Ingress, traffic).allowed)
        };
        // The analyzer's reading of who is a pod at all is another analysis.
        let plugins = [Profile::Strict, Profile::Calico, Profile::Cilium];
        let comparable = self.profile != Profile::Analyzer;
        let others = plugins.into_iter().filter(|profile| comparable && *profile != self.profile);
        others.map(|profile| (profile, judge(profile))).filter(|(_, answer)| *answer != own).collect()
    }
}

/// Both directions have to let a connection through.
fn both(egress: Answer, ingress: Answer) -> Answer {
    match (egress, ingress) {
        (Answer::No, _) | (_, Answer::No) => Answer::No,
        (Answer::Yes, Answer::Yes) => Answer::Yes,
        _ => Answer::Depends,
    }
}
