//! Who can reach whom, group by group: a walk over all pairs that never holds them.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{Analysis, Both, ClassId, PortTable, PortsId};
use crate::{
    address::Family,
    policy::Direction,
    range_set::RangeSet,
    world::{OwnerId, PodId},
};

/// What counts as one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// What owns pods: all pods of a Deployment are one peer.
    Workloads,
    /// Each pod.
    Pods,
}

/// The place of a peer in [`Reach::peers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u32);

/// A workload or a pod.
#[derive(Clone, Debug)]
pub struct Peer {
    /// What it belongs to; for a pod that belongs to nothing, itself.
    pub owner: OwnerId,
    /// Its pods: one where pods are looked at one by one.
    pub pods: Vec<PodId>,
    /// The classes of its pods, ascending.
    pub classes: Vec<ClassId>,
    /// Which ends of connections it may be.
    pub side: Side,
}

/// Which ends of connections a peer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Side {
    /// Connections from it are shown.
    pub from: bool,
    /// Connections to it are shown.
    pub to: bool,
    /// One end of each connection that is shown has this.
    pub focus: bool,
}

impl Side {
    /// Both ends.
    pub const ANY: Self = Self { from: true, to: true, focus: true };
    /// No connection of it is shown.
    pub const NONE: Self = Self { from: false, to: false, focus: false };
}

/// The place of a group in [`Reach::groups`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

/// Peers with pods of the same classes: what holds for one of them holds for all.
#[derive(Clone, Debug)]
pub struct Group {
    /// The peers, in order.
    pub peers: Vec<PeerId>,
    /// The classes of each of them, ascending.
    pub classes: Vec<ClassId>,
    /// Which ends of connections they may be.
    pub side: Side,
    /// Their pods use the network of their nodes, and so reach every pod on the same node; see
    /// [`Reach::by_node`].
    pub in_host_network: bool,
}

/// One end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End<'r> {
    /// Each peer of a group.
    Group(GroupId),
    /// Addresses outside of the cluster.
    Outside(Family, &'r RangeSet<u128>),
}

/// Ports on which each peer of one end reaches each of the other; a peer and itself are left out.
#[derive(Clone, Copy, Debug)]
pub struct Flow<'r> {
    /// Who connects.
    pub from: End<'r>,
    /// Who is connected to.
    pub to: End<'r>,
    /// The one IP family for which it holds, where it does not hold for every family that both have.
    pub family: Option<Family>,
    /// On these ports it is certain, for some pods of each at least.
    pub ports: PortsId,
    /// On these it depends on something that is not known. None of them is in `ports`.
    pub depends: PortsId,
    /// On some of the ports only some of the pods of a peer are meant, since its pods are not alike.
    pub partly: bool,
}

/// A view of an analysis.
#[derive(Debug)]
pub struct Reach<'a> {
    analysis: &'a Analysis<'a>,
    peers: Vec<Peer>,
    groups: Vec<Group>,
    /// Addresses of both families may be the source, the destination.
    outside: (bool, bool),
}

impl<'a> Reach<'a> {
    /// All peers, as sources and as destinations.
    #[must_use]
    pub fn of(analysis: &'a Analysis<'a>, view: View) -> Self {
        Self::some(analysis, view, |_| Side::ANY, (true, true))
    }

    /// Only some peers: `side` is asked for each, and `outside` says whether addresses outside of the cluster are
    /// wanted as sources and as destinations.
    #[must_use]
    pub fn some(analysis: &'a Analysis<'a>, view: View, side: impl Fn(&Peer) -> Side, outside: (bool, bool)) -> Self {
        let mut peers = peers(analysis, view);
        for peer in &mut peers {
            peer.side = side(peer);
        }
        let mut places: FxHashMap<(Vec<ClassId>, Side), usize> = FxHashMap::default();
        let mut groups: Vec<Group> = Vec::new();
        for (place, peer) in peers.iter().enumerate().filter(|(_, peer)| peer.side.from || peer.side.to) {
            let group = *places.entry((peer.classes.clone(), peer.side)).or_insert_with(|| {
                let hosts = |class: &ClassId| analysis.classes.facts[class.0 as usize].in_host_network;
                groups.push(Group {
                    peers: Vec::new(),
                    classes: peer.classes.clone(),
                    side: peer.side,
                    in_host_network: peer.classes.iter().any(hosts),
                });
                groups.len() - 1
            });
            groups[group].peers.push(PeerId(number(place)));
        }
        Self { analysis, peers, groups, outside }
    }

    /// The analysis.
    #[must_use]
    pub fn analysis(&self) -> &'a Analysis<'a> {
        self.analysis
    }

    /// The peers, by namespace and name.
    #[must_use]
    pub fn peers(&self) -> &[Peer] {
        &self.peers
    }

    /// The groups.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The peer of this place.
    #[must_use]
    pub fn peer(&self, id: PeerId) -> &Peer {
        &self.peers[id.0 as usize]
    }

    /// The group of this place.
    #[must_use]
    pub fn group(&self, id: GroupId) -> &Group {
        &self.groups[id.0 as usize]
    }

    /// Whether a pod of the first peer is part of the node that a pod of the second is on: then it reaches that pod
    /// on every port, whatever flows say.
    #[must_use]
    pub fn by_node(&self, from: PeerId, to: PeerId) -> bool {
        let (from, to) = (self.peer(from), self.peer(to));
        from.pods.iter().any(|from| to.pods.iter().any(|to| self.analysis.reaches_by_node(*from, *to)))
    }

    /// Gives every flow, ordered by its source: groups first, then addresses outside of the cluster. Where neither
    /// end is a peer there is no flow. `table` collects the sets of ports.
    pub fn each(&self, table: &mut PortTable, mut give: impl FnMut(&Flow<'_>, &PortTable)) {
        let walk = Walk::of(self, table);
        for (place, group) in self.groups.iter().enumerate().filter(|(_, group)| group.side.from) {
            let from = End::Group(GroupId(number(place)));
            let reached = walk.reached_by(&group.classes, table);
            walk.to_groups(from, group.side.focus, &reached, table, &mut give);
            if self.outside.1 && group.side.focus {
                let outside = walk.outside(&reached, table);
                for (family, ports, depends, addresses) in outside {
                    let to = End::Outside(family, &addresses);
                    give(&Flow { from, to, family: None, ports, depends, partly: false }, table);
                }
            }
        }
        if self.outside.0 {
            walk.sources_outside(table, &mut give);
        }
    }
}

fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

fn peers(analysis: &Analysis<'_>, view: View) -> Vec<Peer> {
    let mut peers: Vec<Peer> = Vec::new();
    let mut of_owner: FxHashMap<OwnerId, usize> = FxHashMap::default();
    for (place, pod) in analysis.world.pods.iter().enumerate() {
        let id = PodId(number(place));
        let next = peers.len();
        let peer = match view {
            View::Pods => next,
            View::Workloads => *of_owner.entry(pod.owner).or_insert(next),
        };
        if peer == next {
            peers.push(Peer { owner: pod.owner, pods: Vec::new(), classes: Vec::new(), side: Side::NONE });
        }
        peers[peer].pods.push(id);
        peers[peer].classes.push(analysis.class_of(id));
    }
    for peer in &mut peers {
        peer.classes.sort_unstable();
        peer.classes.dedup();
    }
    peers
}

/// What one source reaches, by class.
struct Reached {
    /// One for each family.
    families: Vec<(Family, Vec<Ports>)>,
    /// Families that the source has.
    own: [bool; 2],
}

/// Ports for some pods of a source, and for all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ports {
    some: Both<PortsId>,
    all: Both<PortsId>,
}

/// The ports of the rows of all stances, by number.
struct Walk<'r, 'a> {
    reach: &'r Reach<'a>,
    /// By family, and then by stance of ingress: the ports of each row.
    ingress: Vec<(Family, Vec<Vec<PortsId>>)>,
    egress: Vec<(Family, Vec<Vec<PortsId>>)>,
}

impl<'r, 'a> Walk<'r, 'a> {
    fn of(reach: &'r Reach<'a>, table: &mut PortTable) -> Self {
        let analysis = reach.analysis;
        let mut ids = |direction: Direction| {
            let stances = analysis.stances(direction);
            analysis
                .families
                .iter()
                .map(|family| {
                    let of_stance = (0..stances.all.len()).map(|place| {
                        let rows = analysis.rows(direction, super::StanceId(number(place)), *family);
                        rows.iter().map(|row| table.add(row.ports.clone())).collect()
                    });
                    (*family, of_stance.collect())
                })
                .collect()
        };
        Self { reach, ingress: ids(Direction::Ingress), egress: ids(Direction::Egress) }
    }

    /// What pods of these classes reach.
    fn reached_by(&self, classes: &[ClassId], table: &mut PortTable) -> Reached {
        let analysis = self.reach.analysis;
        let count = analysis.classes.count();
        let mut own = [false; 2];
        let families = analysis.families.iter().enumerate().map(|(place, family)| {
            let mut reached: Vec<Ports> = vec![Ports::default(); count];
            let mut first = true;
            for class in classes.iter().filter(|class| analysis.classes.has(**class, *family)) {
                own[*family as usize] = true;
                self.add(*class, place, &mut reached, first, table);
                first = false;
            }
            (*family, reached)
        });
        Reached { families: families.collect(), own }
    }

    /// Adds what one class reaches.
    fn add(&self, from: ClassId, family: usize, reached: &mut [Ports], first: bool, table: &mut PortTable) {
        let analysis = self.reach.analysis;
        let (family, ids) = &self.egress[family];
        let stance = analysis.egress.of(from);
        // What the source's own policies let out, by destination.
        let mut out: Vec<Both<PortsId>> = vec![Both::default(); reached.len()];
        for (row, id) in analysis.rows(Direction::Egress, stance, *family).iter().zip(&ids[stance.0 as usize]) {
            for to in row.certain.iter() {
                out[to].certain = table.join(out[to].certain, *id);
            }
            for to in row.possible.iter() {
                out[to].possible = table.join(out[to].possible, *id);
            }
        }
        // What the policies of each stance let in from this source.
        let (_, ids) = self.ingress.iter().find(|(of, _)| of == family).expect("families are the same everywhere");
        let into: Vec<Both<PortsId>> = (0..analysis.ingress.all.len())
            .map(|place| {
                let rows = analysis.rows(Direction::Ingress, super::StanceId(number(place)), *family);
                let mut ports = Both::default();
                for (row, id) in rows.iter().zip(&ids[place]) {
                    if row.certain.contains(from.0 as usize) {
                        ports.certain = table.join(ports.certain, *id);
                    }
                    if row.possible.contains(from.0 as usize) {
                        ports.possible = table.join(ports.possible, *id);
                    }
                }
                ports
            })
            .collect();
        for (to, ports) in reached.iter_mut().enumerate() {
            let (out, into) = (out[to], into[analysis.ingress.of_class[to].0 as usize]);
            let both = Both {
                certain: table.meet(out.certain, into.certain),
                possible: table.meet(out.possible, into.possible),
            };
            *ports = match first {
                true => Ports { some: both, all: both },
                false => ports.with(both, table),
            };
        }
    }

    /// Gives the flows to groups.
    fn to_groups(
        &self,
        from: End<'_>,
        focus: bool,
        reached: &Reached,
        table: &mut PortTable,
        give: &mut impl FnMut(&Flow<'_>, &PortTable),
    ) {
        let classes = &self.reach.analysis.classes;
        for (place, group) in self.reach.groups.iter().enumerate() {
            if !group.side.to || !(focus || group.side.focus) {
                continue;
            }
            let to = End::Group(GroupId(number(place)));
            let mut found: Vec<(Family, Ports)> = Vec::with_capacity(2);
            for (family, reached) in reached.families.iter().filter(|(family, _)| reached.own[*family as usize]) {
                let mut ports: Option<Ports> = None;
                for class in group.classes.iter().filter(|class| classes.has(**class, *family)) {
                    let more = reached[class.0 as usize];
                    ports = Some(match ports {
                        None => more,
                        Some(ports) => ports.with_both(more, table),
                    });
                }
                found.extend(ports.map(|ports| (*family, ports)));
            }
            let same = found.windows(2).all(|pair| pair[0].1 == pair[1].1);
            if same {
                found.truncate(1);
            }
            for (family, ports) in found {
                let depends = table.without(ports.some.possible, ports.some.certain);
                if ports.some.certain == PortsId::NONE && depends == PortsId::NONE {
                    continue;
                }
                let family = (!same).then_some(family);
                let partly = ports.some != ports.all;
                give(&Flow { from, to, family, ports: ports.some.certain, depends, partly }, table);
            }
        }
    }

    /// What a source reaches outside of the cluster: addresses with the same ports together.
    fn outside(&self, reached: &Reached, table: &mut PortTable) -> Vec<(Family, PortsId, PortsId, RangeSet<u128>)> {
        let classes = &self.reach.analysis.classes;
        let mut found: BTreeMap<(Family, PortsId, PortsId), Vec<(u128, u128)>> = BTreeMap::new();
        for (family, reached) in &reached.families {
            for (offset, external) in classes.external.iter().enumerate().filter(|(_, it)| it.family == *family) {
                let Both { certain, possible } = reached[classes.members.len() + offset].some;
                if possible != PortsId::NONE {
                    found.entry((*family, certain, possible)).or_default().extend(external.addresses.ranges());
                }
            }
        }
        let of = |((family, certain, possible), ranges): (_, Vec<_>)| {
            (family, certain, table.without(possible, certain), ranges.into_iter().collect())
        };
        found.into_iter().map(of).collect()
    }

    /// Gives the flows from outside of the cluster, by destination.
    fn sources_outside(&self, table: &mut PortTable, give: &mut impl FnMut(&Flow<'_>, &PortTable)) {
        let classes = &self.reach.analysis.classes;
        type Ranges = Vec<(u128, u128)>;
        let mut found: BTreeMap<(usize, Family, PortsId, PortsId, bool), Ranges> = BTreeMap::new();
        for (offset, external) in classes.external.iter().enumerate() {
            let class = ClassId(number(classes.members.len() + offset));
            let reached = self.reached_by(&[class], table);
            self.to_groups(
                End::Outside(external.family, &external.addresses),
                false,
                &reached,
                table,
                &mut |flow, _| {
                    let End::Group(to) = flow.to else { return };
                    let key = (to.0 as usize, external.family, flow.ports, flow.depends, flow.partly);
                    found.entry(key).or_default().extend(external.addresses.ranges());
                },
            );
        }
        for ((to, family, ports, depends, partly), ranges) in found {
            let addresses: RangeSet<u128> = ranges.into_iter().collect();
            let (from, to) = (End::Outside(family, &addresses), End::Group(GroupId(number(to))));
            give(&Flow { from, to, family: None, ports, depends, partly }, table);
        }
    }
}

impl Ports {
    /// With one class of pods more.
    fn with(self, more: Both<PortsId>, table: &mut PortTable) -> Self {
        self.with_both(Self { some: more, all: more }, table)
    }

    fn with_both(self, more: Self, table: &mut PortTable) -> Self {
        Self {
            some: Both {
                certain: table.join(self.some.certain, more.some.certain),
                possible: table.join(self.some.possible, more.some.possible),
            },
            all: Both {
                certain: table.meet(self.all.certain, more.all.certain),
                possible: table.meet(self.all.possible, more.all.possible),
            },
        }
    }
}
