//! The connections of a map, written one by one: a cluster of ten thousand pods has a hundred million pairs, which
//! nobody should hold.

use std::io::{self, Write};

use patchkit::report::words::count;
use serde_json::{Map, Value, json};

use crate::{
    engine::{End, Flow, Pair, PeerId, PortTable, PortsId, Reach, View},
    foreign::Foreign,
    names::PeerRef,
    ports::PortSet,
};

/// What becomes of the two lists of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Ports that are certain.
    Certain,
    /// Ports for which it depends on something that is not known.
    Depends,
}

/// Writes connections.
pub struct Writer<'a> {
    reach: &'a Reach<'a>,
    /// Each peer as JSON.
    peers: Vec<String>,
    /// For each peer the policies about it that are not evaluated.
    remarks: Vec<Vec<&'a str>>,
    /// Each set of ports as JSON, by place, where it was needed already.
    ports: Vec<Option<String>>,
}

impl<'a> Writer<'a> {
    /// A writer for a view of an analysis.
    #[must_use]
    pub fn new(reach: &'a Reach<'a>, view: View, foreign: &'a Foreign) -> Self {
        let peer = |peer| PeerRef::of(reach.analysis(), view, peer).json();
        let remarks = |peer: &crate::engine::Peer| foreign.about_any(&peer.pods);
        Self {
            reach,
            peers: reach.peers().iter().map(peer).collect(),
            remarks: reach.peers().iter().map(remarks).collect(),
            ports: Vec::new(),
        }
    }

    /// Gives each connection of a list as a line of JSON.
    ///
    /// # Errors
    /// What `give` answers.
    pub fn each(
        &mut self,
        list: List,
        table: &mut PortTable,
        mut give: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut outcome = Ok(());
        let mut line = Vec::with_capacity(512);
        let reach = self.reach;
        reach.each(table, |flow, table| {
            if outcome.is_err() {
                return;
            }
            let (from, to) = (outside(flow.from), outside(flow.to));
            reach.pairs(flow, |pair| {
                let ports = if list == List::Certain { pair.ports } else { pair.depends };
                if ports == PortsId::NONE || outcome.is_err() {
                    return;
                }
                line.clear();
                line.extend_from_slice(b"{\"from\":");
                line.extend_from_slice(self.end(pair.from, from.as_deref()).as_bytes());
                line.extend_from_slice(b",\"to\":");
                line.extend_from_slice(self.end(pair.to, to.as_deref()).as_bytes());
                line.extend_from_slice(b",\"ports\":");
                line.extend_from_slice(self.ports(ports, table).as_bytes());
                self.add_remarks(flow, pair, list, table, &mut line);
                line.push(b'}');
                outcome = give(&line);
            });
        });
        outcome
    }

    /// Both lists as values, for templates that need all of them at once.
    #[must_use]
    pub fn values(&mut self, table: &mut PortTable) -> (Vec<Value>, Vec<Value>) {
        let mut lists = [List::Certain, List::Depends].map(|list| {
            let mut values = Vec::new();
            // A line that was just written can be read, and a list in memory takes everything.
            let _ = self.each(list, table, |line| {
                values.extend(serde_json::from_slice::<Value>(line).ok());
                Ok(())
            });
            values
        });
        (std::mem::take(&mut lists[0]), std::mem::take(&mut lists[1]))
    }

    fn end<'t>(&'t self, peer: Option<PeerId>, outside: Option<&'t str>) -> &'t str {
        match peer {
            Some(peer) => &self.peers[peer.0 as usize],
            None => outside.unwrap_or("null"),
        }
    }

    fn ports(&mut self, id: PortsId, table: &PortTable) -> &str {
        let place = id.0 as usize;
        if self.ports.len() <= place {
            self.ports.resize(place + 1, None);
        }
        self.ports[place].get_or_insert_with(|| ports_json(table.get(id)).to_string())
    }

    fn add_remarks(&mut self, flow: &Flow<'_>, pair: Pair, list: List, table: &PortTable, line: &mut Vec<u8>) {
        if let Some(family) = flow.family {
            line.extend_from_slice(format!(",\"ipFamily\":\"{}\"", family.as_str()).as_bytes());
        }
        if pair.partly {
            line.extend_from_slice(b",\"somePods\":true");
        }
        if pair.by_node {
            line.extend_from_slice(b",\"sameNode\":true");
        }
        if pair.by_profile != PortsId::NONE && list == List::Certain {
            line.extend_from_slice(b",\"byProfile\":");
            line.extend_from_slice(self.ports(pair.by_profile, table).as_bytes());
        }
        let about = |peer: Option<PeerId>| peer.map_or(&[][..], |peer| self.remarks[peer.0 as usize].as_slice());
        let mut names: Vec<&str> = about(pair.from).iter().chain(about(pair.to)).copied().collect();
        if !names.is_empty() {
            names.sort_unstable();
            names.dedup();
            line.extend_from_slice(format!(",\"notEvaluated\":{}", json!(names)).as_bytes());
        }
    }
}

fn outside(end: End<'_>) -> Option<String> {
    match end {
        End::Group(_) => None,
        End::Outside(family, addresses) => Some(PeerRef::outside(family, addresses).json()),
    }
}

/// Ports as reports write them: from `port` to `endPort`, both included.
#[must_use]
pub fn ports_json(ports: &PortSet) -> Value {
    ports
        .ranges()
        .map(|range| {
            let mut entry = Map::new();
            entry.insert("protocol".into(), range.protocol.as_str().into());
            entry.insert("port".into(), range.first.into());
            entry.insert("endPort".into(), range.last.into());
            Value::Object(entry)
        })
        .collect()
}

/// Writes both lists behind an envelope that was written as JSON: the text without them, in full.
///
/// # Errors
/// Where the output cannot be written.
pub fn write_json(
    envelope: &str,
    writer: &mut Writer<'_>,
    table: &mut PortTable,
    out: &mut impl Write,
) -> io::Result<()> {
    // The envelope ends with the brace that closes it.
    let open = envelope.trim_end().strip_suffix('}').unwrap_or(envelope).trim_end();
    out.write_all(open.as_bytes())?;
    for (name, list) in [("connections", List::Certain), ("depends", List::Depends)] {
        write!(out, ",\n  \"{name}\": [")?;
        let mut first = true;
        writer.each(list, table, |line| {
            out.write_all(if first { b"\n    " } else { b",\n    " })?;
            first = false;
            out.write_all(line)
        })?;
        out.write_all(if first { b"]" } else { b"\n  ]" })?;
    }
    out.write_all(b"\n}\n")
}

/// The same behind an envelope that was written as YAML. JSON is YAML too, so that each line is as in JSON.
///
/// # Errors
/// Where the output cannot be written.
pub fn write_yaml(
    envelope: &str,
    writer: &mut Writer<'_>,
    table: &mut PortTable,
    out: &mut impl Write,
) -> io::Result<()> {
    out.write_all(envelope.as_bytes())?;
    for (name, list) in [("connections", List::Certain), ("depends", List::Depends)] {
        write!(out, "{name}:")?;
        let mut first = true;
        writer.each(list, table, |line| {
            out.write_all(if first { b"\n- " } else { b"- " })?;
            first = false;
            out.write_all(line)?;
            out.write_all(b"\n")
        })?;
        out.write_all(if first { b" []\n" } else { b"" })?;
    }
    Ok(())
}

/// Writes a line a connection and protocol: `from,to,protocol,ports,certain`, with `namespace/name` or addresses as
/// ends.
///
/// # Errors
/// Where the output cannot be written.
pub fn write_csv(
    reach: &Reach<'_>,
    view: View,
    headers: bool,
    table: &mut PortTable,
    out: &mut impl Write,
) -> io::Result<()> {
    if headers {
        out.write_all(b"from_kind,from,to_kind,to,protocol,ports,certain\n")?;
    }
    let fields = |peer: &PeerRef| format!("{},{}", quoted(&peer.kind), quoted(&full_name(peer)));
    let peers: Vec<String> =
        reach.peers().iter().map(|peer| fields(&PeerRef::of(reach.analysis(), view, peer))).collect();
    let mut outcome = Ok(());
    reach.each(table, |flow, table| {
        let outside = |end: End<'_>| match end {
            End::Group(_) => String::new(),
            End::Outside(family, addresses) => fields(&PeerRef::outside(family, addresses)),
        };
        let (from, to) = (outside(flow.from), outside(flow.to));
        reach.pairs(flow, |pair| {
            let end = |peer: Option<PeerId>, outside: &'_ str| -> String {
                peer.map_or_else(|| outside.to_owned(), |peer| peers[peer.0 as usize].clone())
            };
            let (from, to) = (end(pair.from, &from), end(pair.to, &to));
            for (ports, certain) in [(pair.ports, "yes"), (pair.depends, "no")] {
                for (protocol, ranges) in by_protocol(table.get(ports)) {
                    if outcome.is_ok() {
                        outcome = writeln!(out, "{from},{to},{protocol},{ranges},{certain}");
                    }
                }
            }
        });
    });
    outcome
}

fn by_protocol(ports: &PortSet) -> Vec<(&'static str, String)> {
    let mut lines: Vec<(&'static str, String)> = Vec::new();
    for range in ports.ranges() {
        let text =
            if range.first == range.last { range.first.to_string() } else { format!("{}-{}", range.first, range.last) };
        match lines.last_mut() {
            Some((protocol, ranges)) if *protocol == range.protocol.as_str() => {
                ranges.push(' ');
                ranges.push_str(&text);
            }
            _ => lines.push((range.protocol.as_str(), text)),
        }
    }
    lines
}

fn full_name(peer: &PeerRef) -> String {
    match (&peer.namespace, &peer.name) {
        (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
        _ => peer.ranges.join(" "),
    }
}

/// A field that holds a comma or a quote stands in quotes (RFC 4180).
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.to_owned() }
}

/// `40 connections, 2 depend on what is not known`
#[must_use]
pub fn verdict(facts: &super::MapFacts) -> String {
    let connections = count(facts.connections, "connection");
    match facts.depends {
        0 => connections,
        some => format!("{connections}, {some} depending on what is not known"),
    }
}
