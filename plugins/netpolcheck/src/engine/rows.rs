//! What a stance says: which peers may use which ports.

use std::{collections::BTreeMap, sync::Arc};

use super::{BitSet, Stance, analysis::Matched, classes::Classes};
use crate::{
    policy::{Action, Direction, Peers, Policies, PolicyId, PortMatch, Rule, Tier},
    ports::{PortRange, PortSet},
};

/// Ports, and the peers that may use all of them. The ports of two rows of one stance never meet.
#[derive(Clone, Debug)]
pub struct Row {
    /// The ports.
    pub ports: PortSet,
    /// Peers for which it is certain, as bits over classes.
    pub certain: Arc<BitSet>,
    /// Peers for which it is possible; those for which it is certain are among them.
    pub possible: Arc<BitSet>,
}

/// The rows of a stance. Peers and ports that are in no row are denied.
pub type Rows = Vec<Row>;

/// The part of a rule that speaks about these ports.
struct Piece {
    tier: Tier,
    priority: i64,
    /// Pieces of one policy are asked in order; those of policies of equal priority in an order that nobody knows.
    policy: PolicyId,
    action: Action,
    ports: PortSet,
    certain: Arc<BitSet>,
    maybe: Option<Arc<BitSet>>,
}

/// Works out rows.
pub(super) struct RowMaker<'a> {
    pub(super) policies: &'a Policies<'a>,
    pub(super) classes: &'a Classes,
    pub(super) matched: &'a Matched,
    pub(super) direction: Direction,
}

impl RowMaker<'_> {
    /// The rows of a stance.
    pub(super) fn rows(&self, stance: &Stance) -> Rows {
        let everyone = &self.matched.everyone;
        if stance.policies.is_empty() && stance.doubtful.is_empty() {
            return vec![Row { ports: PortSet::all(), certain: Arc::clone(everyone), possible: Arc::clone(everyone) }];
        }
        let isolated = stance.policies.iter().any(|id| self.policies.get(*id).tier == Tier::NetworkPolicy);
        let mut pieces = Vec::new();
        for (id, doubtful) in
            stance.policies.iter().map(|id| (*id, false)).chain(stance.doubtful.iter().map(|id| (*id, true)))
        {
            for rule in self.policies.get(id).rules(self.direction).unwrap_or_default() {
                self.add_pieces(stance, id, rule, doubtful, &mut pieces);
            }
        }
        pieces.sort_by_key(|piece| (piece.tier, piece.priority, piece.policy));
        let mut by_peers: BTreeMap<usize, (Row, Vec<PortRange>)> = BTreeMap::new();
        let mut known: rustc_hash::FxHashMap<(BitSet, BitSet), usize> = rustc_hash::FxHashMap::default();
        for (ports, meant) in apart(&pieces) {
            let (certain, possible) = self.judge(stance, isolated, &pieces, &meant);
            if possible.is_empty() {
                continue;
            }
            let next = known.len();
            let place = *known.entry((certain, possible)).or_insert_with_key(|(certain, possible)| {
                let row = Row {
                    ports: PortSet::default(),
                    certain: Arc::new(certain.clone()),
                    possible: Arc::new(possible.clone()),
                };
                by_peers.insert(next, (row, Vec::new()));
                next
            });
            if let Some((_, ranges)) = by_peers.get_mut(&place) {
                ranges.extend(ports);
            }
        }
        by_peers.into_values().map(|(row, ranges)| Row { ports: ranges.into_iter().collect(), ..row }).collect()
    }

    /// Adds what a rule says, in one piece for its numbered ports and one for each port that a name can mean.
    fn add_pieces(&self, stance: &Stance, id: PolicyId, rule: &Rule, doubtful: bool, pieces: &mut Vec<Piece>) {
        let policy = self.policies.get(id);
        let (certain, maybe) = self.peers(&rule.peers, doubtful);
        let piece = |ports: PortSet, certain: Arc<BitSet>, maybe: Option<Arc<BitSet>>| Piece {
            tier: policy.tier,
            priority: policy.priority,
            policy: id,
            action: rule.action,
            ports,
            certain,
            maybe,
        };
        let Some(ports) = &rule.ports else {
            return pieces.push(piece(PortSet::all(), certain, maybe));
        };
        let mut numbered = Vec::new();
        for port in ports {
            match port {
                PortMatch::Range { protocol, first, last } => {
                    numbered.push(PortRange { protocol: *protocol, first: *first, last: *last });
                }
                PortMatch::Named { protocol, name } => {
                    let Some(name) = self.classes.port_names.get(name) else { continue };
                    let fits = |port: &(u32, crate::world::NamedPort)| {
                        port.0 == *name && protocol.is_none_or(|wanted| wanted == port.1.protocol)
                    };
                    match self.direction {
                        // The pod that the policy selects is the destination.
                        Direction::Ingress => {
                            let own = &self.classes.named_ports[stance.named_ports as usize];
                            numbered.extend(own.iter().filter(|port| fits(port)).map(|(_, port)| PortRange {
                                protocol: port.protocol,
                                first: port.port,
                                last: port.port,
                            }));
                        }
                        Direction::Egress => {
                            for (port, having) in &self.matched.having_port {
                                if fits(port) {
                                    let meet = |peers: &BitSet| {
                                        let mut both = peers.clone();
                                        both.keep(having);
                                        Arc::new(both)
                                    };
                                    let one = PortSet::one(port.1.protocol, port.1.port);
                                    pieces.push(piece(one, meet(&certain), maybe.as_deref().map(meet)));
                                }
                            }
                        }
                    }
                }
            }
        }
        let numbered: PortSet = numbered.into_iter().collect();
        if !numbered.is_empty() {
            pieces.push(piece(numbered, certain, maybe));
        }
    }

    /// Whom a rule means, and whom it may mean besides.
    fn peers(&self, peers: &Peers, doubtful: bool) -> (Arc<BitSet>, Option<Arc<BitSet>>) {
        let bound = self.classes.count();
        let (certain, maybe) = match peers {
            Peers::Everyone => (Arc::clone(&self.matched.everyone), None),
            Peers::Any(terms) => match terms.as_slice() {
                [only] => {
                    let of_term = &self.matched.terms[only.0 as usize];
                    (Arc::clone(&of_term.certain), of_term.maybe.clone())
                }
                _ => {
                    let (mut certain, mut maybe) = (BitSet::empty(bound), None::<BitSet>);
                    for term in terms.iter().map(|term| &self.matched.terms[term.0 as usize]) {
                        certain.add(&term.certain);
                        if let Some(more) = &term.maybe {
                            maybe.get_or_insert_with(|| BitSet::empty(bound)).add(more);
                        }
                    }
                    (Arc::new(certain), maybe.map(Arc::new))
                }
            },
        };
        if !doubtful {
            return (certain, maybe);
        }
        let mut all = (*certain).clone();
        if let Some(maybe) = maybe {
            all.add(&maybe);
        }
        (Arc::new(BitSet::empty(bound)), Some(Arc::new(all)))
    }

    /// Which peers are let through, for traffic that these pieces speak about.
    fn judge(&self, stance: &Stance, isolated: bool, pieces: &[Piece], meant: &[usize]) -> (BitSet, BitSet) {
        let mut judge = Judge::new(&self.matched.everyone);
        let of_tier = |tier: Tier| meant.iter().map(|place| &pieces[*place]).filter(move |piece| piece.tier == tier);
        judge.ordered(of_tier(Tier::Admin));
        if isolated {
            judge.isolated(of_tier(Tier::NetworkPolicy));
        } else {
            judge.ordered(of_tier(Tier::Baseline));
            judge.default_allow();
        }
        let Judge { allowed: mut possible, denied, .. } = judge;
        let mut certain = possible.clone();
        certain.take(&denied);
        if self.direction == Direction::Ingress && !stance.outside {
            // What runs on the pod's own node reaches it, where nobody knows which node that is.
            let (from_here, all_hosts) = (&self.matched.hosts_anywhere, &self.matched.hosts);
            possible.add(if stance.node_known { from_here } else { all_hosts });
        }
        (certain, possible)
    }
}

/// Judges peers by pieces in order. For each peer it holds what may come of it: where something is not known, both.
struct Judge {
    bound_like: Arc<BitSet>,
    /// Peers that no piece has decided about for certain.
    open: BitSet,
    allowed: BitSet,
    denied: BitSet,
}

impl Judge {
    fn new(everyone: &Arc<BitSet>) -> Self {
        let mut none = (**everyone).clone();
        none.take(everyone);
        Self { bound_like: Arc::clone(everyone), open: (**everyone).clone(), allowed: none.clone(), denied: none }
    }

    fn none(&self) -> BitSet {
        let mut none = (*self.bound_like).clone();
        none.take(&self.bound_like);
        none
    }

    /// A tier in which the first piece that matches decides. Afterwards `open` are those left to the next tier.
    fn ordered<'p>(&mut self, pieces: impl Iterator<Item = &'p Piece>) {
        let mut pieces = pieces.peekable();
        let mut passed = self.none();
        while let Some(first) = pieces.peek() {
            let priority = first.priority;
            // Of policies of equal priority any may be asked first (`ClusterNetworkPolicySpec.Priority`): each is
            // judged alone, what any of them can say may come of it, and only what none decides goes on.
            let start = self.open.clone();
            let mut left: Option<BitSet> = None;
            while let Some(of_policy) = pieces.peek().filter(|it| it.priority == priority).map(|it| it.policy) {
                let mut open = start.clone();
                while let Some(piece) = pieces.next_if(|it| it.policy == of_policy && it.priority == priority) {
                    let outcome = match piece.action {
                        Action::Allow => &mut self.allowed,
                        Action::Deny => &mut self.denied,
                        Action::Pass => &mut passed,
                    };
                    outcome.add_meet(&open, &piece.certain);
                    if let Some(maybe) = &piece.maybe {
                        outcome.add_meet(&open, maybe);
                    }
                    open.take(&piece.certain);
                }
                match &mut left {
                    Some(left) => left.keep(&open),
                    None => left = Some(open),
                }
            }
            if let Some(left) = left {
                self.open = left;
            }
        }
        self.open.add(&passed);
    }

    /// The tier of NetworkPolicies, of a pod that one of them isolates: what any of them allows is allowed.
    fn isolated<'p>(&mut self, pieces: impl Iterator<Item = &'p Piece>) {
        let (mut certain, mut possible) = (self.none(), self.none());
        for piece in pieces {
            certain.add(&piece.certain);
            possible.add(&piece.certain);
            if let Some(maybe) = &piece.maybe {
                possible.add(maybe);
            }
        }
        self.allowed.add_meet(&self.open, &possible);
        let mut denied = std::mem::take(&mut self.open);
        denied.take(&certain);
        self.denied.add(&denied);
    }

    fn default_allow(&mut self) {
        let open = std::mem::take(&mut self.open);
        self.allowed.add(&open);
    }
}

/// The ports of all protocols, cut so that each part is meant wholly by some of the pieces and not at all by the
/// others: for each such part its ranges, and the pieces.
fn apart(pieces: &[Piece]) -> impl Iterator<Item = (Vec<PortRange>, Vec<usize>)> {
    let all = PortSet::all();
    let mut starts: Vec<(crate::ports::Protocol, u32)> = Vec::new();
    let everything = std::iter::once(&all).chain(pieces.iter().map(|piece| &piece.ports));
    for range in everything.flat_map(PortSet::ranges) {
        starts.push((range.protocol, range.first.into()));
        starts.push((range.protocol, u32::from(range.last) + 1));
    }
    starts.sort_unstable();
    starts.dedup();
    let mut parts: BTreeMap<Vec<usize>, Vec<PortRange>> = BTreeMap::new();
    for pair in starts.windows(2) {
        let [(protocol, first), (next_protocol, next)] = pair else { continue };
        if protocol != next_protocol {
            continue;
        }
        let (Ok(first), Ok(last)) = (u16::try_from(*first), u16::try_from(next - 1)) else { continue };
        let meant: Vec<usize> =
            (0..pieces.len()).filter(|place| pieces[*place].ports.contains(*protocol, first)).collect();
        parts.entry(meant).or_default().push(PortRange { protocol: *protocol, first, last });
    }
    parts.into_iter().map(|(meant, ranges)| (ranges, meant))
}
