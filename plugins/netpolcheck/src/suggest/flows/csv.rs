//! CSV (RFC 4180): with a line of names for the columns, or `from,to,port,protocol`. `map -o csv` writes it too.

use super::{End, Flow, FlowPorts, Flows, Place};
use crate::ports::{PortRange, PortSet, Protocol};

/// A field and the column at which it begins.
type Field = (usize, String);

/// Why something is none, and at which column.
type Wrong = (usize, String);

/// Which field holds what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Columns {
    from: usize,
    from_kind: Option<usize>,
    to: usize,
    to_kind: Option<usize>,
    port: Option<usize>,
    protocol: Option<usize>,
    certain: Option<usize>,
}

pub(super) fn read(file: &str, text: &str, flows: &mut Flows) {
    let mut columns = None;
    for (line, record) in records(text) {
        let place = |column| Place { file: file.to_owned(), line, column };
        let fields = match record {
            Ok(fields) => fields,
            Err((column, why)) => {
                flows.wrong(place(column), why);
                continue;
            }
        };
        if fields.iter().all(|(_, text)| text.trim().is_empty()) || fields[0].1.trim_start().starts_with('#') {
            continue;
        }
        let known = match columns {
            Some(columns) => columns,
            None => match header(&fields) {
                Some(found) => {
                    columns = Some(found);
                    continue;
                }
                None => *columns.insert(Columns {
                    from: 0,
                    from_kind: None,
                    to: 1,
                    to_kind: None,
                    port: Some(2),
                    protocol: Some(3),
                    certain: None,
                }),
            },
        };
        match flow(&fields, known) {
            Ok(Some((from, to, ports))) => {
                flows.add(Flow { from: End::Word(from), to: End::Word(to), ports, place: place(1) });
            }
            Ok(None) => flows.skip("connections that are not certain"),
            Err((column, why)) => flows.wrong(place(column), why),
        }
    }
}

fn header(fields: &[Field]) -> Option<Columns> {
    let names: Vec<String> =
        fields.iter().map(|(_, text)| text.trim().to_ascii_lowercase().replace([' ', '-'], "_")).collect();
    let find = |wanted: &[&str]| names.iter().position(|name| wanted.contains(&name.as_str()));
    Some(Columns {
        from: find(&["from", "source", "src", "source_name"])?,
        from_kind: find(&["from_kind"]),
        to: find(&["to", "destination", "dest", "dst", "target"])?,
        to_kind: find(&["to_kind"]),
        port: find(&["port", "ports", "dport", "dst_port", "dest_port", "destination_port"]),
        protocol: find(&["protocol", "proto"]),
        certain: find(&["certain"]),
    })
}

/// Source, destination and ports.
type Line = (String, String, FlowPorts);

/// `None` where the line says itself that it is not certain.
fn flow(fields: &[Field], columns: Columns) -> Result<Option<Line>, Wrong> {
    let end = fields.last().map_or(1, |(column, text)| column + text.chars().count());
    let field = |place: usize| fields.get(place).map(|(column, text)| (*column, text.trim()));
    let needed = |place: usize, what: &str| match field(place) {
        Some((column, "")) => Err((column, format!("{what} is empty"))),
        Some(found) => Ok(found),
        None => Err((end, format!("{what} is missing"))),
    };
    let optional = |place: Option<usize>| place.and_then(field).filter(|(_, text)| !text.is_empty());
    let (_, from) = needed(columns.from, "the source")?;
    let (_, to) = needed(columns.to, "the destination")?;
    if optional(columns.certain).is_some_and(|(_, text)| text == "no") {
        return Ok(None);
    }
    let protocol = optional(columns.protocol);
    let protocol: Option<Protocol> =
        protocol.map(|(column, text)| text.parse().map_err(|error| (column, format!("{error}")))).transpose()?;
    let ports = match optional(columns.port) {
        Some((_, "*" | "all" | "any")) | None => FlowPorts::Set(match protocol {
            Some(protocol) => [PortRange { protocol, first: 1, last: u16::MAX }].into_iter().collect(),
            None => PortSet::all(),
        }),
        Some((column, text)) => ports(column, text, protocol)?,
    };
    let with_kind = |word: &str, kind: Option<(usize, &str)>| match (kind, word.split_once('/')) {
        (Some((_, "IPBlock")), _) => word.to_owned(),
        (Some((_, kind)), Some((namespace, name))) if !name.contains('/') => format!("{namespace}/{kind}/{name}"),
        _ => word.to_owned(),
    };
    let (from, to) = (with_kind(from, optional(columns.from_kind)), with_kind(to, optional(columns.to_kind)));
    Ok(Some((from, to, ports)))
}

/// `80`, `80/UDP`, `8000-8100`, several with blanks between them, or a name.
fn ports(column: usize, text: &str, protocol: Option<Protocol>) -> Result<FlowPorts, Wrong> {
    let mut ranges = Vec::new();
    for word in text.split_whitespace() {
        let (number, own) = match word.split_once('/') {
            Some((number, own)) => (number, Some(own.parse().map_err(|error| (column, format!("{error}")))?)),
            None => (word, None),
        };
        let protocol = own.or(protocol);
        let (first, last) = number.split_once('-').unwrap_or((number, number));
        match (first.parse::<u16>(), last.parse::<u16>()) {
            (Ok(first), Ok(last)) if first > 0 && first <= last => {
                ranges.push(PortRange { protocol: protocol.unwrap_or(Protocol::Tcp), first, last });
            }
            _ if is_name(word) && !text.contains(' ') => return Ok(FlowPorts::Named(number.into(), protocol)),
            _ => return Err((column, format!("{word:?} is no port: expected 1 to 65535, a range or a name"))),
        }
    }
    Ok(FlowPorts::Set(ranges.into_iter().collect()))
}

fn is_name(word: &str) -> bool {
    let word = word.split('/').next().unwrap_or_default();
    word.bytes().any(|byte| byte.is_ascii_alphabetic())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The records with the lines on which they stand; of one that is broken, where and why.
fn records(text: &str) -> impl Iterator<Item = (usize, Result<Vec<Field>, Wrong>)> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(number, line)| (number + 1, fields(line)))
}

/// The fields of a line. Names of Kubernetes hold no line breaks, so a quote ends on its own line or is a mistake.
fn fields(line: &str) -> Result<Vec<Field>, Wrong> {
    let mut fields = Vec::new();
    let mut rest = line.chars().enumerate().peekable();
    loop {
        let begin = rest.peek().map_or(line.chars().count(), |(at, _)| *at) + 1;
        let mut text = String::new();
        if rest.next_if(|(_, mark)| *mark == '"').is_some() {
            loop {
                match rest.next() {
                    Some((_, '"')) if rest.next_if(|(_, mark)| *mark == '"').is_some() => text.push('"'),
                    Some((_, '"')) => break,
                    Some((_, mark)) => text.push(mark),
                    None => return Err((begin, "the quote is not closed".to_owned())),
                }
            }
            if let Some((at, mark)) = rest.peek().filter(|(_, mark)| *mark != ',') {
                return Err((at + 1, format!("expected a comma behind the quote, not {mark:?}")));
            }
        } else {
            while let Some((_, mark)) = rest.next_if(|(_, mark)| *mark != ',') {
                text.push(mark);
            }
        }
        fields.push((begin, text));
        if rest.next().is_none() {
            return Ok(fields);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (Vec<String>, Vec<String>) {
        let mut flows = Flows::default();
        read("f", text, &mut flows);
        let shown = flows.flows.iter().map(|flow| format!("{} > {} {}", flow.from, flow.to, flow.ports));
        let bad = flows.bad.iter().map(|bad| format!("{} {}", bad.place, bad.why));
        (shown.collect(), bad.collect())
    }

    #[test]
    fn columns_are_found_by_name_or_by_place() {
        let (flows, bad) = parse("shop/web,data/db,5432\nshop/web,\"10.0.0.0/8\",53,UDP\nshop/web,shop/api,http\n");
        let expected = ["shop/web > data/db TCP 5432", "shop/web > 10.0.0.0/8 UDP 53", "shop/web > shop/api http"];
        assert_eq!((flows.as_slice(), bad.len()), (&expected.map(str::to_owned)[..], 0), "{bad:?}");
        let (flows, _) = parse("Protocol,Source,Destination,Port\nudp,a/b,c/d,\nTCP,a/b,c/d,80-90 443\n");
        assert_eq!(flows, ["a/b > c/d UDP", "a/b > c/d TCP 80-90,443"]);
        // What `map -o csv` writes.
        let map = "from_kind,from,to_kind,to,protocol,ports,certain\nDeployment,a/b,IPBlock,1.2.3.4-1.2.3.9,TCP,80,yes\n\
                   Pod,a/x,Pod,a/y,TCP,1-65535,no\n";
        assert_eq!(parse(map).0, ["a/Deployment/b > 1.2.3.4-1.2.3.9 TCP 80"]);
    }

    #[test]
    fn mistakes_are_told_with_their_places() {
        let (flows, bad) = parse("a/b,c/d,80\na/b\na/b,,80\na/b,c/d,0\na/b,c/d,80,ICMP\n\"a/b,c/d\n\"a\"b,c/d\n");
        assert_eq!(flows.len(), 1);
        let places: Vec<&str> = bad.iter().map(|bad| bad.split(' ').next().unwrap()).collect();
        assert_eq!(places, ["f:2:4", "f:3:5", "f:4:9", "f:5:12", "f:6:1", "f:7:4"], "{bad:#?}");
    }
}
