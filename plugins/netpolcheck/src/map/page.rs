//! A map as one HTML page that needs nothing else: its data, its style and its script stand in it.
//!
//! The page holds what the engine holds: units of peers that no policy tells apart, and for each what it reaches as
//! sets of bits. So it grows with the square of the units and not with that of the peers.

use std::io::{self, Write};

use patchkit::report::NotEvaluated;
use rustc_hash::FxHashMap;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    OpenPoint,
    words::{Names, clean, outside_label, said},
};
use crate::{
    address::Family,
    engine::{BitSet, End, External, Flow, PeerId, PortTable, PortsId, Reach, View},
    entrance::{Answer, Entrances},
    foreign::Foreign,
    names::PeerRef,
    ports::PortSet,
    range_set::RangeSet,
};

/// With more units a browser has too much to hold: a bit and four bytes for each pair of them.
pub const MOST_UNITS: usize = 4000;

/// What stands in the page beside who reaches whom.
#[derive(Debug)]
pub struct PageFacts<'a> {
    /// One line on what was read and when.
    pub about: String,
    /// What was left out.
    pub left_out: &'a [NotEvaluated],
    /// Points on which the answers rest.
    pub points: &'a [OpenPoint],
    /// The ways in.
    pub entrances: &'a Entrances,
}

/// A peer: namespace, kind, name, unit, whether it is in the host's network, and the remarks about it; all by place.
type PeerLine = (usize, String, String, usize, u8, Vec<usize>);
/// A part of what holds for two units: ports, ports that depend, ports that rest on the profile, whether only some
/// pods are meant, the IP family, and all of it in words.
type PartLine = (u32, u32, u32, u8, Option<&'static str>, String);

/// Everything in the page, as its script reads it.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    about: String,
    view: &'static str,
    /// How many units of peers there are; those of addresses follow them.
    units: usize,
    namespaces: Vec<String>,
    peers: Vec<PeerLine>,
    outside: Vec<Value>,
    /// By the place of a set of ports: protocol, first and last.
    ranges: Vec<Vec<(&'static str, u16, u16)>>,
    said: Vec<Vec<PartLine>>,
    /// Unit, place in `said`, place in `sets`.
    rows: Vec<(usize, usize, usize)>,
    sets: Vec<String>,
    /// Peers in the network of nodes, and the peers on the same nodes.
    near: Vec<(usize, String)>,
    remarks: Vec<String>,
    notes: Vec<String>,
    not_evaluated: Vec<[String; 2]>,
    entrances: Vec<[String; 5]>,
}

/// How many units a page would hold.
#[must_use]
pub fn units(reach: &Reach<'_>) -> usize {
    reach.groups().len() + reach.analysis().classes.external.len()
}

/// Writes the page.
///
/// # Errors
/// Where the output cannot be written.
pub fn write_page(
    reach: &Reach<'_>,
    view: View,
    table: &mut PortTable,
    foreign: &Foreign,
    facts: &PageFacts<'_>,
    out: &mut impl Write,
) -> io::Result<()> {
    let data = Maker::new(reach).data(view, table, foreign, facts);
    // In a script element only `</script` and `<!--` have a meaning of their own, and both begin with this sign.
    let data = serde_json::to_string(&data)?.replace('<', "\\u003c");
    let mut rest = include_str!("page/page.html");
    for (mark, text) in [("/*STYLE*/", include_str!("page/style.css")), ("/*DATA*/", data.as_str())] {
        let Some((before, behind)) = rest.split_once(mark) else { continue };
        out.write_all(before.as_bytes())?;
        out.write_all(text.as_bytes())?;
        rest = behind;
    }
    let Some((before, behind)) = rest.split_once("/*SCRIPT*/") else { return out.write_all(rest.as_bytes()) };
    out.write_all(before.as_bytes())?;
    for part in [
        include_str!("page/model.js"),
        include_str!("page/edges.js"),
        include_str!("page/layout.js"),
        include_str!("page/graph.js"),
        include_str!("page/panel.js"),
        include_str!("page/matrix.js"),
        include_str!("page/page.js"),
    ] {
        out.write_all(part.as_bytes())?;
    }
    out.write_all(behind.as_bytes())
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Part {
    ports: PortsId,
    depends: PortsId,
    by_profile: PortsId,
    partly: bool,
    family: Option<Family>,
}

/// Collects what holds for pairs of units.
struct Maker<'a> {
    reach: &'a Reach<'a>,
    /// The place of each peer that is shown, among those.
    place: Vec<Option<usize>>,
    shown: Vec<PeerId>,
    /// What holds for a pair, each once; the first is nothing.
    said: Vec<Vec<Part>>,
    /// By what held before and what is added.
    known: FxHashMap<(u32, Part), u32>,
    sets: FxHashMap<String, usize>,
    set_texts: Vec<String>,
    rows: Vec<(usize, usize, usize)>,
    near: FxHashMap<usize, BitSet>,
}

impl<'a> Maker<'a> {
    fn new(reach: &'a Reach<'a>) -> Self {
        let mut unit_of: Vec<Option<usize>> = vec![None; reach.peers().len()];
        for (unit, group) in reach.groups().iter().enumerate() {
            group.peers.iter().for_each(|peer| unit_of[peer.0 as usize] = Some(unit));
        }
        let all = (0..).map(PeerId).zip(&unit_of);
        let shown: Vec<PeerId> = all.filter(|(_, unit)| unit.is_some()).map(|(peer, _)| peer).collect();
        let mut place = vec![None; reach.peers().len()];
        shown.iter().enumerate().for_each(|(at, peer)| place[peer.0 as usize] = Some(at));
        Self {
            reach,
            place,
            shown,
            said: vec![Vec::new()],
            known: FxHashMap::default(),
            sets: FxHashMap::default(),
            set_texts: Vec::new(),
            rows: Vec::new(),
            near: FxHashMap::default(),
        }
    }

    fn data(mut self, view: View, table: &mut PortTable, foreign: &Foreign, facts: &PageFacts<'_>) -> Data {
        self.collect(table);
        let names = Names::of(self.reach, view, foreign);
        let mut data = Data {
            about: clean(&facts.about),
            view: if view == View::Pods { "pods" } else { "workloads" },
            units: self.reach.groups().len(),
            ..Data::default()
        };
        self.add_peers(&names, foreign, &mut data);
        data.outside = self.reach.analysis().classes.external.iter().map(outside).collect();
        let mut ports = Ports { table, places: FxHashMap::default(), ranges: Vec::new() };
        // The script knows nothing at all by its place, 0.
        ports.place(PortsId::NONE);
        data.said = self.said.iter().map(|parts| parts.iter().map(|part| ports.line(part)).collect()).collect();
        data.ranges = ports.ranges;
        data.rows = self.rows;
        data.sets = self.set_texts;
        let mut near: Vec<(usize, BitSet)> = self.near.into_iter().collect();
        near.sort_by_key(|(peer, _)| *peer);
        let peers = self.shown.len();
        data.near = near.into_iter().map(|(peer, set)| (peer, digits(peers, set.iter()))).collect();
        data.notes = facts.points.iter().map(|it| clean(&format!("{}: {}", it.point, it.reading))).collect();
        let left_out = |it: &NotEvaluated| [clean(&it.what), clean(&it.why)];
        data.not_evaluated = facts.left_out.iter().map(left_out).collect();
        data.entrances = facts.entrances.list.iter().map(entrance).collect();
        data
    }

    fn add_peers(&self, names: &Names, foreign: &Foreign, data: &mut Data) {
        let (mut namespaces, mut remarks) = (Places::default(), Places::default());
        let mut unit_of = FxHashMap::default();
        for (unit, group) in self.reach.groups().iter().enumerate() {
            unit_of.extend(group.peers.iter().map(|peer| (*peer, unit)));
        }
        // Peers stand in the order of their namespaces.
        for peer in &self.shown {
            let it = &names.peers[peer.0 as usize];
            let namespace = namespaces.add(clean(it.namespace.as_deref().unwrap_or_default()));
            let about = foreign.about_any(&self.reach.peer(*peer).pods);
            let about = about.into_iter().map(|name| remarks.add(clean(name))).collect();
            let name = clean(it.name.as_deref().unwrap_or_default());
            let unit = unit_of.get(peer).copied().unwrap_or_default();
            data.peers.push((namespace, clean(&it.kind), name, unit, u8::from(it.host_network), about));
        }
        (data.namespaces, data.remarks) = (namespaces.values, remarks.values);
    }

    /// Walks over all pairs of units, source by source.
    fn collect(&mut self, table: &mut PortTable) {
        let reach = self.reach;
        let (groups, units) = (reach.groups().len(), units(reach));
        let external = &reach.analysis().classes.external;
        let mut row: Vec<u32> = vec![0; units];
        let mut current = usize::MAX;
        // Sources outside come by destination.
        let mut from_outside: Vec<Vec<u32>> = vec![Vec::new(); external.len()];
        reach.each(table, |flow, _| {
            let part = part_of(flow);
            match (flow.from, flow.to) {
                (End::Group(from), to) => {
                    let from = from.0 as usize;
                    if from != current {
                        self.finish(current, &mut row);
                        current = from;
                    }
                    match to {
                        End::Group(to) => {
                            row[to.0 as usize] = self.with(row[to.0 as usize], part);
                            self.add_near(flow);
                        }
                        End::Outside(family, addresses) => {
                            for place in held(external, family, addresses) {
                                row[groups + place] = self.with(row[groups + place], part);
                            }
                        }
                    }
                }
                (End::Outside(family, addresses), End::Group(to)) => {
                    for place in held(external, family, addresses) {
                        let row = &mut from_outside[place];
                        row.resize(units, 0);
                        row[to.0 as usize] = self.with(row[to.0 as usize], part);
                    }
                }
                (End::Outside(..), End::Outside(..)) => {}
            }
        });
        self.finish(current, &mut row);
        for (place, mut row) in from_outside.into_iter().enumerate() {
            self.finish(groups + place, &mut row);
        }
    }

    /// What holds, with one thing more.
    fn with(&mut self, before: u32, part: Part) -> u32 {
        if part.ports == PortsId::NONE && part.depends == PortsId::NONE {
            return before;
        }
        if let Some(known) = self.known.get(&(before, part)) {
            return *known;
        }
        let mut parts = self.said[before as usize].clone();
        parts.push(part);
        let place = u32::try_from(self.said.len()).unwrap_or(u32::MAX);
        self.said.push(parts);
        self.known.insert((before, part), place);
        place
    }

    fn add_near(&mut self, flow: &Flow<'_>) {
        let End::Group(from) = flow.from else { return };
        if !self.reach.group(from).in_host_network {
            return;
        }
        let (places, near, peers) = (&self.place, &mut self.near, self.shown.len());
        self.reach.pairs(flow, |pair| {
            let place = |peer: Option<PeerId>| peer.and_then(|peer| places[peer.0 as usize]);
            if let (true, Some(from), Some(to)) = (pair.by_node, place(pair.from), place(pair.to)) {
                near.entry(from).or_insert_with(|| BitSet::empty(peers)).insert(to);
            }
        });
    }

    /// Takes the row of a unit, and leaves it empty.
    fn finish(&mut self, unit: usize, row: &mut [u32]) {
        let mut by_said: std::collections::BTreeMap<u32, Vec<usize>> = std::collections::BTreeMap::new();
        for (to, said) in row.iter_mut().enumerate().filter(|(_, said)| **said != 0) {
            by_said.entry(std::mem::take(said)).or_default().push(to);
        }
        for (said, to) in by_said {
            let text = digits(row.len(), to.into_iter());
            let next = self.set_texts.len();
            let set = *self.sets.entry(text).or_insert_with_key(|text| {
                self.set_texts.push(text.clone());
                next
            });
            self.rows.push((unit, said as usize, set));
        }
    }
}

/// The classes of addresses that a flow holds; it holds each wholly or not at all.
fn held<'c>(
    external: &'c [External],
    family: Family,
    addresses: &'c RangeSet<u128>,
) -> impl Iterator<Item = usize> + 'c {
    let first = |it: &External| it.addresses.ranges().next().map(|(first, _)| first);
    let all = external.iter().enumerate().filter(move |(_, it)| it.family == family);
    all.filter(move |(_, it)| first(it).is_some_and(|first| addresses.contains(first))).map(|(place, _)| place)
}

fn part_of(flow: &Flow<'_>) -> Part {
    let Flow { family, ports, depends, by_profile, partly, .. } = *flow;
    Part { ports, depends, by_profile, partly, family }
}

/// A set of places as hexadecimal digits, four places each, without the zeros at its end.
fn digits(bound: usize, places: impl Iterator<Item = usize>) -> String {
    let mut numbers = vec![0_u8; bound.div_ceil(4)];
    places.for_each(|place| numbers[place / 4] |= 8 >> (place % 4));
    let text: String = numbers.into_iter().filter_map(|digit| char::from_digit(digit.into(), 16)).collect();
    text.trim_end_matches('0').to_owned()
}

fn outside(external: &External) -> Value {
    let peer = PeerRef::outside(external.family, &external.addresses);
    // More than half of a family is the internet, whatever is taken out of it.
    let half = external.family.last() / 2;
    let size = external.addresses.ranges().fold(0_u128, |sum, (first, last)| sum.saturating_add(last - first));
    let label = match (size > half, external.addresses.ranges().len()) {
        (true, 1) if size == external.family.last() => format!("any {}", external.family.as_str()),
        (true, _) => format!("any other {}", external.family.as_str()),
        _ => outside_label(&peer),
    };
    json!({"family": external.family.as_str(), "label": label, "ranges": peer.ranges})
}

fn entrance(entrance: &crate::entrance::Entrance) -> [String; 5] {
    let allowed = match entrance.allowed {
        Answer::Yes => "from anywhere",
        Answer::No => "no",
        Answer::Depends => "from some",
    };
    [
        format!("{} {}", entrance.from.kind, entrance.from.display()),
        entrance.through.join(", "),
        format!("{} {}", entrance.to.kind, entrance.to.display()),
        entrance.ports.to_string(),
        allowed.to_owned(),
    ]
    .map(|text| clean(&text))
}

/// Texts by place, each once.
#[derive(Default)]
struct Places {
    values: Vec<String>,
    known: FxHashMap<String, usize>,
}

impl Places {
    fn add(&mut self, value: String) -> usize {
        let next = self.values.len();
        *self.known.entry(value).or_insert_with_key(|value| {
            self.values.push(value.clone());
            next
        })
    }
}

/// The sets of ports that the page needs.
struct Ports<'t> {
    table: &'t PortTable,
    places: FxHashMap<PortsId, u32>,
    ranges: Vec<Vec<(&'static str, u16, u16)>>,
}

impl Ports<'_> {
    fn place(&mut self, id: PortsId) -> u32 {
        let next = u32::try_from(self.ranges.len()).unwrap_or(u32::MAX);
        *self.places.entry(id).or_insert_with(|| {
            let ranges = |ports: &PortSet| -> Vec<(&'static str, u16, u16)> {
                ports.ranges().map(|range| (range.protocol.as_str(), range.first, range.last)).collect()
            };
            self.ranges.push(ranges(self.table.get(id)));
            next
        })
    }

    fn line(&mut self, part: &Part) -> PartLine {
        let mut text = said(self.table, part.ports, part.depends, part.family, part.partly);
        if part.by_profile != PortsId::NONE {
            text.push_str(&format!(" (another profile may differ on {})", self.table.get(part.by_profile)));
        }
        let [ports, depends, by_profile] = [part.ports, part.depends, part.by_profile].map(|id| self.place(id));
        (ports, depends, by_profile, u8::from(part.partly), part.family.map(Family::as_str), text)
    }
}
