//! A map as a picture: what stands in it, and the lines between. Other programs draw it, and they and their readers can
//! take only so many lines; with more, what is alike becomes one, and then whole namespaces do.

use std::collections::{BTreeMap, BTreeSet};

use patchkit::report::words::count;

use super::{
    OpenPoint,
    words::{Names, REMARK, clean, outside_label, said, some_of},
};
use crate::{
    address::Family,
    engine::{End, Flow, GroupId, PeerId, PortTable, PortsId, Reach, View},
    foreign::Foreign,
    names::PeerRef,
    range_set::RangeSet,
};

/// How many names stand in a box of peers that are alike.
const FEW_NAMES: usize = 6;

/// What one box is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// A workload or a pod.
    Peers,
    /// The peers of a namespace that no policy tells apart.
    Alike,
    /// A namespace.
    Namespaces,
}

/// Something in a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name, which no other has.
    pub name: String,
    /// What is written on it, line by line.
    pub label: Vec<String>,
    /// The namespace in whose frame it stands.
    pub namespace: Option<String>,
    /// It stands for addresses outside of the cluster.
    pub outside: bool,
    /// Policies that are not evaluated speak about it.
    pub remarked: bool,
}

/// A line of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The place of the source.
    pub from: usize,
    /// The place of the destination.
    pub to: usize,
    /// The ports.
    pub label: String,
    /// Nothing of it is certain.
    pub unsure: bool,
    /// The same holds for the way back.
    pub both_ways: bool,
}

/// A map as a picture.
#[derive(Clone, Debug)]
pub struct Picture {
    /// What one box is.
    pub detail: Detail,
    /// What stands in it: by namespace and name, and what is outside last.
    pub nodes: Vec<Node>,
    /// The lines, by their ends.
    pub edges: Vec<Edge>,
    /// What has to be said below it.
    pub notes: Vec<String>,
}

impl Picture {
    /// The most detailed picture with at most so many lines; where even namespaces have more of them, that one.
    #[must_use]
    pub fn of(
        reach: &Reach<'_>,
        view: View,
        table: &mut PortTable,
        foreign: &Foreign,
        points: &[OpenPoint],
        most_edges: usize,
    ) -> Self {
        let names = Names::of(reach, view, foreign);
        let mut notes = Vec::new();
        for detail in [Detail::Peers, Detail::Alike, Detail::Namespaces] {
            let most = if detail == Detail::Namespaces { usize::MAX } else { most_edges };
            let Some(mut sketch) = Sketch::of(reach, &names, detail, table, most) else { continue };
            let edges = sketch.edges(table);
            if edges.len() > most {
                continue;
            }
            match detail {
                Detail::Peers => {}
                Detail::Alike => notes.push(
                    "More connections than a picture can show: what is alike in a namespace is one box. --from, --to \
                     and -n show less at once."
                        .to_owned(),
                ),
                Detail::Namespaces => notes.push(
                    "More connections than a picture can show: each box is a namespace, and a line says that some of \
                     one reach some of the other. --from, --to and -n show less at once."
                        .to_owned(),
                ),
            }
            if names.any_remarked() {
                notes.push(REMARK.to_owned());
            }
            sketch.name_apart();
            notes.extend(points.iter().map(|it| format!("Open in the standard: {}. Here: {}.", it.point, it.reading)));
            return Self { detail, nodes: sketch.nodes, edges, notes };
        }
        Self { detail: Detail::Namespaces, nodes: Vec::new(), edges: Vec::new(), notes }
    }
}

/// What holds between two boxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    family: Option<Family>,
    ports: PortsId,
    depends: PortsId,
    partly: bool,
}

/// A picture while it is made.
struct Sketch<'a> {
    reach: &'a Reach<'a>,
    detail: Detail,
    most: usize,
    nodes: Vec<Node>,
    /// The box of each peer, by place.
    of_peer: Vec<usize>,
    /// How many peers each box has.
    members: Vec<usize>,
    outside: BTreeMap<(Family, RangeSet<u128>), usize>,
    parts: BTreeMap<(usize, usize), BTreeSet<Part>>,
    too_many: bool,
}

impl<'a> Sketch<'a> {
    /// `None` where there are many more lines than may be.
    fn of(reach: &'a Reach<'a>, names: &Names, detail: Detail, table: &mut PortTable, most: usize) -> Option<Self> {
        let mut sketch = Self {
            reach,
            detail,
            most,
            nodes: Vec::new(),
            of_peer: vec![usize::MAX; reach.peers().len()],
            members: Vec::new(),
            outside: BTreeMap::new(),
            parts: BTreeMap::new(),
            too_many: false,
        };
        sketch.add_peers(names);
        reach.each(table, |flow, _| sketch.add(flow));
        (!sketch.too_many).then_some(sketch)
    }

    fn add_peers(&mut self, names: &Names) {
        // What counts as one box, in the order of namespaces and of the first name.
        let mut boxes: BTreeMap<(String, usize), Vec<usize>> = BTreeMap::new();
        let mut of_key: BTreeMap<(String, u32), usize> = BTreeMap::new();
        for (group, of_group) in self.reach.groups().iter().enumerate() {
            for PeerId(peer) in &of_group.peers {
                let place = *peer as usize;
                let namespace = names.peers[place].namespace.clone().unwrap_or_default();
                let key = match self.detail {
                    Detail::Peers => *peer,
                    Detail::Alike => u32::try_from(group).unwrap_or(u32::MAX),
                    Detail::Namespaces => 0,
                };
                let first = *of_key.entry((namespace.clone(), key)).or_insert(place);
                boxes.entry((namespace, first)).or_default().push(place);
            }
        }
        for ((namespace, first), mut peers) in boxes {
            peers.sort_unstable();
            let node = self.nodes.len();
            peers.iter().for_each(|peer| self.of_peer[*peer] = node);
            self.members.push(peers.len());
            let namespace = clean(&namespace);
            let short = |peer: &usize| clean(names.peers[*peer].name.as_deref().unwrap_or_default());
            let remarked = peers.iter().any(|peer| names.remarked[*peer]);
            let star = if remarked { "*" } else { "" };
            let (name, label) = match (self.detail, peers.as_slice()) {
                (Detail::Namespaces, _) => {
                    (namespace.clone(), vec![format!("{namespace}{star}"), count(peers.len(), "peer")])
                }
                (_, [peer]) => {
                    let kind = clean(&names.peers[*peer].kind);
                    let host = if names.peers[*peer].host_network { ", host network" } else { "" };
                    (clean(&names.names[*peer]), vec![format!("{}{star}", short(peer)), format!("{kind}{host}")])
                }
                _ => {
                    let all: Vec<String> = peers.iter().map(short).collect();
                    let name = format!("{} and {} more", clean(&names.names[first]), peers.len() - 1);
                    (name, vec![format!("{}{star}", some_of(&all, FEW_NAMES)), format!("{} alike", peers.len())])
                }
            };
            let namespace = (self.detail != Detail::Namespaces).then_some(namespace);
            self.nodes.push(Node { name, label, namespace, outside: false, remarked });
        }
    }

    /// Names that are different and are shown alike, since a picture cannot show some characters, are told apart.
    fn name_apart(&mut self) {
        let mut known = BTreeSet::new();
        for node in &mut self.nodes {
            let (name, mut next) = (node.name.clone(), 2);
            while !known.insert(node.name.clone()) {
                node.name = format!("{name} ({next})");
                next += 1;
            }
        }
    }

    fn add(&mut self, flow: &Flow<'_>) {
        if self.too_many {
            return;
        }
        let Flow { family, ports, depends, partly, .. } = *flow;
        let part = Part { family, ports, depends, partly };
        let near = matches!(flow.from, End::Group(group) if self.reach.group(group).in_host_network);
        let (from, to) = (self.end(flow.from), self.end(flow.to));
        if near || self.detail == Detail::Peers {
            let reach = self.reach;
            reach.pairs(flow, |pair| {
                let place = |peer: Option<PeerId>, end: &[usize]| match peer {
                    Some(PeerId(peer)) => self.of_peer[peer as usize],
                    None => end[0],
                };
                let (from, to) = (place(pair.from, &from), place(pair.to, &to));
                let part = Part { family: if pair.by_node { None } else { family }, ports: pair.ports, ..part };
                let part = Part { depends: pair.depends, partly: pair.partly, ..part };
                self.put(from, to, part);
            });
            return;
        }
        if ports == PortsId::NONE && depends == PortsId::NONE {
            return;
        }
        for a in &from {
            for b in &to {
                // A lone peer does not talk to itself.
                if a != b || self.members.get(*a).is_some_and(|members| *members > 1) {
                    self.put(*a, *b, part);
                }
            }
        }
    }

    fn put(&mut self, from: usize, to: usize, part: Part) {
        self.parts.entry((from, to)).or_default().insert(part);
        // Each line may be one of two that become one.
        self.too_many |= self.parts.len() / 2 > self.most;
    }

    /// The boxes of an end.
    fn end(&mut self, end: End<'_>) -> Vec<usize> {
        match end {
            End::Group(group) => self.of_group(group),
            End::Outside(family, addresses) => {
                let whole = self.detail == Detail::Namespaces;
                let key = (family, if whole { family.whole() } else { addresses.clone() });
                let next = self.nodes.len();
                let node = *self.outside.entry(key).or_insert(next);
                if node == next {
                    let peer = PeerRef::outside(family, addresses);
                    let (name, label) = match whole {
                        true => (
                            format!("outside, {}", family.as_str()),
                            vec!["outside of the cluster".to_owned(), family.as_str().to_owned()],
                        ),
                        false => (peer.display(), vec![outside_label(&peer)]),
                    };
                    self.nodes.push(Node { name, label, namespace: None, outside: true, remarked: false });
                    self.members.push(1);
                }
                vec![node]
            }
        }
    }

    fn of_group(&self, group: GroupId) -> Vec<usize> {
        let mut nodes: Vec<usize> =
            self.reach.group(group).peers.iter().map(|PeerId(peer)| self.of_peer[*peer as usize]).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }

    fn edges(&mut self, table: &mut PortTable) -> Vec<Edge> {
        let mut parts = std::mem::take(&mut self.parts);
        if self.detail == Detail::Namespaces {
            // Of many different things the sum.
            for parts in parts.values_mut().filter(|parts| parts.len() > 1) {
                let none = Part { family: None, ports: PortsId::NONE, depends: PortsId::NONE, partly: false };
                let mut sum = parts.iter().fold(none, |sum, part| Part {
                    ports: table.join(sum.ports, part.ports),
                    depends: table.join(sum.depends, part.depends),
                    ..sum
                });
                sum.depends = table.without(sum.depends, sum.ports);
                *parts = [sum].into_iter().collect();
            }
        }
        let mut edges = Vec::new();
        for ((from, to), of_pair) in &parts {
            let both_ways = from != to && parts.get(&(*to, *from)) == Some(of_pair);
            if both_ways && to < from {
                continue;
            }
            let said: Vec<String> =
                of_pair.iter().map(|it| said(table, it.ports, it.depends, it.family, it.partly)).collect();
            let unsure = of_pair.iter().all(|part| part.ports == PortsId::NONE);
            edges.push(Edge { from: *from, to: *to, label: said.join("; "), unsure, both_ways });
        }
        edges
    }
}
