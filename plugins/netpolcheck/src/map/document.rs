//! A map for people: for each group of alike peers whom it reaches and on which ports.

use std::collections::BTreeMap;

use patchkit::report::{Block, Cell, Column, Document, Table, Tone};

use super::{
    MapFacts, OpenPoint,
    words::{Names, REMARK, said, some_of},
};
use crate::{
    address::Family,
    engine::{End, Flow, PeerId, PortTable, PortsId, Reach, View},
    entrance::{Answer, Entrances},
    foreign::Foreign,
    names::PeerRef,
};

/// What a row is about: rows that differ only in where they lead are one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// The place of the source group, or the source's addresses.
    from: Result<u32, String>,
    family: Option<Family>,
    ports: PortsId,
    depends: PortsId,
    partly: bool,
}

/// Where the flows of a row lead: enough of the names for the row, and how many there are. A large cluster has more
/// flows than anybody should hold.
#[derive(Clone, Debug, Default)]
struct Ends {
    first: Vec<String>,
    count: usize,
}

impl Ends {
    /// The names so far, as long as they may be shown.
    fn add(&mut self, names: &[String], reach: &Reach<'_>, end: End<'_>, most: usize) {
        match end {
            End::Group(group) => {
                let peers = &reach.group(group).peers;
                self.count += peers.len();
                let room = (most + 1).saturating_sub(self.first.len());
                self.first.extend(peers.iter().take(room).map(|peer| names[peer.0 as usize].clone()));
            }
            End::Outside(family, addresses) => {
                self.count += 1;
                // Whether the internet is among them is the first thing to be seen.
                self.first.insert(0, PeerRef::outside(family, addresses).display());
            }
        }
    }

    /// `a, b, c and 4 more`
    fn written(&self, most: usize) -> String {
        if self.count <= most + 1 {
            return self.first.join(", ");
        }
        let shown = &self.first[..most.min(self.first.len())];
        format!("{} and {} more", shown.join(", "), self.count - shown.len())
    }
}

/// How a map is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// How many names of a group are shown.
    pub names: usize,
}

/// Lays out a map.
#[must_use]
#[allow(clippy::too_many_arguments, reason = "the parts of a page")]
pub fn document(
    reach: &Reach<'_>,
    view: View,
    table: &mut PortTable,
    foreign: &Foreign,
    facts: &MapFacts,
    points: &[OpenPoint],
    entrances: &Entrances,
    layout: Layout,
) -> Document {
    let known = Names::of(reach, view, foreign);
    let (remarked, names) = (known.any_remarked(), known.names);
    let mut rows: BTreeMap<Key, Ends> = BTreeMap::new();
    reach.each(table, |flow, _| {
        // A lone peer does not talk to itself.
        let alone = |end: End<'_>| matches!(end, End::Group(group) if reach.group(group).peers.len() == 1);
        let nothing = flow.ports == PortsId::NONE && flow.depends == PortsId::NONE;
        if nothing || (flow.from == flow.to && alone(flow.from)) {
            return;
        }
        rows.entry(key(flow)).or_default().add(&names, reach, flow.to, layout.names);
    });
    let mut document = Document::default();
    if facts.peers == 0 {
        document.text("There are no pods here.");
    } else if rows.is_empty() {
        document.text("Nobody can talk to anybody.");
    } else {
        document.push(Block::Table(rows_table(reach, &names, rows, table, layout)));
    }
    if !entrances.list.is_empty() {
        document.heading(2, "Entrances");
        document.push(Block::Table(entrances_table(entrances)));
    }
    add_notes(&mut document, reach, &names, points, remarked, layout);
    document
}

fn key(flow: &Flow<'_>) -> Key {
    let from = match flow.from {
        End::Group(group) => Ok(group.0),
        End::Outside(family, addresses) => Err(PeerRef::outside(family, addresses).display()),
    };
    let Flow { family, ports, depends, partly, .. } = *flow;
    Key { from, family, ports, depends, partly }
}

fn end_names(reach: &Reach<'_>, names: &[String], end: End<'_>) -> Vec<String> {
    match end {
        End::Group(group) => reach.group(group).peers.iter().map(|peer| names[peer.0 as usize].clone()).collect(),
        End::Outside(family, addresses) => vec![PeerRef::outside(family, addresses).display()],
    }
}

fn rows_table(
    reach: &Reach<'_>,
    names: &[String],
    rows: BTreeMap<Key, Ends>,
    ports: &PortTable,
    layout: Layout,
) -> Table {
    let mut table = Table::new([Column::new("FROM").wraps(), Column::new("TO").wraps(), Column::new("PORTS").wraps()]);
    for (key, to) in rows {
        let from = match &key.from {
            Ok(group) => end_names(reach, names, End::Group(crate::engine::GroupId(*group))),
            Err(addresses) => vec![addresses.clone()],
        };
        let said = said(ports, key.ports, key.depends, key.family, key.partly);
        let tone = if key.ports == PortsId::NONE { Tone::Notice } else { Tone::Plain };
        table.push([
            Cell::from(some_of(&from, layout.names)),
            Cell::from(to.written(layout.names)),
            Cell::new(said, tone),
        ]);
    }
    table
}

fn entrances_table(entrances: &Entrances) -> Table {
    let mut table = Table::new([
        Column::new("ENTRANCE").wraps(),
        Column::new("THROUGH").wraps().wide(),
        Column::new("TO").wraps(),
        Column::new("PORTS").wraps(),
        Column::new("LET IN"),
    ]);
    for entrance in &entrances.list {
        let (said, tone) = match entrance.allowed {
            Answer::Yes => ("from anywhere", Tone::Notice),
            Answer::No => ("no", Tone::Plain),
            Answer::Depends => ("from some", Tone::Plain),
        };
        table.push([
            Cell::from(format!("{} {}", entrance.from.kind, entrance.from.display())),
            Cell::from(entrance.through.join(", ")),
            Cell::from(entrance.to.display()),
            Cell::from(entrance.ports.to_string()),
            Cell::new(said, tone),
        ]);
    }
    table
}

fn add_notes(
    document: &mut Document,
    reach: &Reach<'_>,
    names: &[String],
    points: &[OpenPoint],
    remarked: bool,
    layout: Layout,
) {
    let mut notes = Vec::new();
    let hosts: Vec<String> = reach
        .groups()
        .iter()
        .filter(|group| group.in_host_network && group.side.from)
        .flat_map(|group| group.peers.iter().map(|PeerId(peer)| names[*peer as usize].clone()))
        .collect();
    if reach.analysis().semantics.own_node_reaches && !hosts.is_empty() {
        let who = some_of(&hosts, layout.names);
        notes
            .push(Cell::from(format!("In the network of their node, and so reach every pod on the same node: {who}.")));
    }
    if remarked {
        notes.push(Cell::new(REMARK, Tone::Notice));
    }
    for point in points {
        notes.push(Cell::from(format!("Open in the standard: {}. Here: {}.", point.point, point.reading)));
    }
    if !notes.is_empty() {
        document.push(Block::List(notes));
    }
}
