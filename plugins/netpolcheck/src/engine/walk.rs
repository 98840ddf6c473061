//! The walk over all pairs of groups.

use std::collections::BTreeMap;

use super::{Analysis, Both, ClassId, End, Flow, GroupId, PortTable, PortsId, Reach, Row, StanceId, number};
use crate::{address::Family, policy::Direction, range_set::RangeSet};

/// What one source reaches, by class.
pub(super) struct Reached {
    /// One for each family.
    families: Vec<(Family, Vec<Ports>)>,
    /// Families that the source has.
    own: [bool; 2],
}

/// Ports for some pods of a source, and for all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ports {
    some: Both<PortsId>,
    all: Both<PortsId>,
    by_profile: PortsId,
}

/// A walk over an analysis.
pub(super) struct Walk<'r, 'a> {
    reach: &'r Reach<'a>,
    as_read: Numbered,
    /// With the points left open on which profiles differ, where that matters.
    open: Option<Numbered>,
}

/// The ports of the rows of all stances, by number.
struct Numbered {
    /// The rows with open points.
    open: bool,
    /// By family, and then by stance: the ports of each row.
    ingress: Vec<Vec<Vec<PortsId>>>,
    egress: Vec<Vec<Vec<PortsId>>>,
}

impl Numbered {
    fn of(analysis: &Analysis<'_>, open: bool, table: &mut PortTable) -> Self {
        let mut ids = |direction: Direction| {
            let stances = analysis.stances(direction).all.len();
            let of_family = |family: &Family| {
                (0..stances)
                    .map(|place| {
                        let rows = rows(analysis, open, direction, StanceId(number(place)), *family);
                        rows.iter().map(|row| table.add(row.ports.clone())).collect()
                    })
                    .collect()
            };
            analysis.families.iter().map(of_family).collect()
        };
        Self { open, ingress: ids(Direction::Ingress), egress: ids(Direction::Egress) }
    }

    /// What a class reaches, by class: what its own policies let out and those of the other let in.
    fn let_through(
        &self,
        analysis: &Analysis<'_>,
        from: ClassId,
        family: Family,
        table: &mut PortTable,
    ) -> Vec<Both<PortsId>> {
        let place = analysis.families.iter().position(|it| *it == family).unwrap_or_default();
        let stance = analysis.egress.of(from);
        let mut ports: Vec<Both<PortsId>> = vec![Both::default(); analysis.classes.count()];
        let out = rows(analysis, self.open, Direction::Egress, stance, family);
        for (row, id) in out.iter().zip(&self.egress[place][stance.0 as usize]) {
            for to in row.certain.iter() {
                ports[to].certain = table.join(ports[to].certain, *id);
            }
            for to in row.possible.iter() {
                ports[to].possible = table.join(ports[to].possible, *id);
            }
        }
        let into: Vec<Both<PortsId>> = self.ingress[place]
            .iter()
            .enumerate()
            .map(|(stance, ids)| {
                let rows = rows(analysis, self.open, Direction::Ingress, StanceId(number(stance)), family);
                let mut ports = Both::default();
                for (row, id) in rows.iter().zip(ids) {
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
        for (to, out) in ports.iter_mut().enumerate() {
            let into = into[analysis.ingress.of_class[to].0 as usize];
            out.certain = table.meet(out.certain, into.certain);
            out.possible = table.meet(out.possible, into.possible);
        }
        ports
    }
}

fn rows<'a>(
    analysis: &'a Analysis<'_>,
    open: bool,
    direction: Direction,
    stance: StanceId,
    family: Family,
) -> &'a [Row] {
    if open { analysis.open_rows(direction, stance, family) } else { analysis.rows(direction, stance, family) }
}

impl<'r, 'a> Walk<'r, 'a> {
    pub(super) fn of(reach: &'r Reach<'a>, table: &mut PortTable) -> Self {
        let analysis = reach.analysis();
        let open = analysis.profile_matters().then(|| Numbered::of(analysis, true, table));
        Self { reach, as_read: Numbered::of(analysis, false, table), open }
    }

    /// What pods of these classes reach.
    pub(super) fn reached_by(&self, classes: &[ClassId], table: &mut PortTable) -> Reached {
        let analysis = self.reach.analysis();
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
        let analysis = self.reach.analysis();
        let family = analysis.families[family];
        let as_read = self.as_read.let_through(analysis, from, family, table);
        let open = self.open.as_ref().map(|open| open.let_through(analysis, from, family, table));
        for (to, ports) in reached.iter_mut().enumerate() {
            let both = as_read[to];
            let by_profile = open.as_ref().map_or(PortsId::NONE, |open| {
                let Both { certain, possible } = open[to];
                table.without(possible, certain)
            });
            let more = Ports { some: both, all: both, by_profile };
            *ports = if first { more } else { ports.with(more, table) };
        }
    }

    /// Gives the flows to groups.
    pub(super) fn to_groups(
        &self,
        from: End<'_>,
        focus: bool,
        reached: &Reached,
        table: &mut PortTable,
        give: &mut impl FnMut(&Flow<'_>, &PortTable),
    ) {
        let classes = &self.reach.analysis().classes;
        for (place, group) in self.reach.groups().iter().enumerate() {
            if !group.side.to || !(focus || group.side.focus) {
                continue;
            }
            let to = End::Group(GroupId(number(place)));
            let mut found: [Option<(Family, Ports)>; 2] = [None; 2];
            for (family, reached) in reached.families.iter().filter(|(family, _)| reached.own[*family as usize]) {
                let mut ports: Option<Ports> = None;
                for class in group.classes.iter().filter(|class| classes.has(**class, *family)) {
                    let more = reached[class.0 as usize];
                    ports = Some(match ports {
                        None => more,
                        Some(ports) => ports.with(more, table),
                    });
                }
                found[*family as usize] = ports.map(|ports| (*family, ports));
            }
            // One flow where every family that both have says the same.
            let same = !matches!(found, [Some((_, four)), Some((_, six))] if four != six);
            if same && found[0].is_some() {
                found[1] = None;
            }
            // Peers on one node have something to do with each other even where the policies let nothing through.
            let near = || match from {
                End::Group(from) if self.reach.group(from).in_host_network => {
                    let from = &self.reach.group(from).peers;
                    from.iter().any(|from| group.peers.iter().any(|to| self.reach.by_node(*from, *to)))
                }
                _ => false,
            };
            for (family, ports) in found.into_iter().flatten() {
                if ports.some.possible != PortsId::NONE || near() {
                    give(&ports.flow(from, to, (!same).then_some(family), table), table);
                }
            }
        }
    }

    /// What a source reaches outside of the cluster: addresses with the same ports together.
    pub(super) fn outside(&self, reached: &Reached) -> Vec<(Family, Ports, RangeSet<u128>)> {
        let classes = &self.reach.analysis().classes;
        let mut found: BTreeMap<(Family, Ports), Vec<(u128, u128)>> = BTreeMap::new();
        for (family, reached) in &reached.families {
            for (offset, external) in classes.external.iter().enumerate().filter(|(_, it)| it.family == *family) {
                let ports = reached[classes.members.len() + offset];
                if ports.some.possible != PortsId::NONE {
                    // Some pods of the source may reach what others do not: that is one flow, partly.
                    found.entry((*family, ports)).or_default().extend(external.addresses.ranges());
                }
            }
        }
        found.into_iter().map(|((family, ports), ranges)| (family, ports, ranges.into_iter().collect())).collect()
    }

    /// Gives the flows from outside of the cluster, by destination.
    pub(super) fn sources_outside(&self, table: &mut PortTable, give: &mut impl FnMut(&Flow<'_>, &PortTable)) {
        type Said = (PortsId, PortsId, PortsId, bool);
        let classes = &self.reach.analysis().classes;
        let mut found: BTreeMap<(u32, Family, Said), Vec<(u128, u128)>> = BTreeMap::new();
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
                    let said = (flow.ports, flow.depends, flow.by_profile, flow.partly);
                    found.entry((to.0, external.family, said)).or_default().extend(external.addresses.ranges());
                },
            );
        }
        for ((to, family, (ports, depends, by_profile, partly)), ranges) in found {
            let addresses: RangeSet<u128> = ranges.into_iter().collect();
            let (from, to) = (End::Outside(family, &addresses), End::Group(GroupId(to)));
            give(&Flow { from, to, family: None, ports, depends, by_profile, partly }, table);
        }
    }
}

impl Ports {
    /// With those of pods that are not alike.
    fn with(self, more: Self, table: &mut PortTable) -> Self {
        Self {
            some: Both {
                certain: table.join(self.some.certain, more.some.certain),
                possible: table.join(self.some.possible, more.some.possible),
            },
            all: Both {
                certain: table.meet(self.all.certain, more.all.certain),
                possible: table.meet(self.all.possible, more.all.possible),
            },
            by_profile: table.join(self.by_profile, more.by_profile),
        }
    }

    pub(super) fn flow<'r>(
        self,
        from: End<'r>,
        to: End<'r>,
        family: Option<Family>,
        table: &mut PortTable,
    ) -> Flow<'r> {
        Flow {
            from,
            to,
            family,
            ports: self.some.certain,
            depends: table.without(self.some.possible, self.some.certain),
            by_profile: self.by_profile,
            partly: self.some != self.all,
        }
    }
}
