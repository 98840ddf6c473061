//! A list: `FROM TO[:PORT[/PROTOCOL]]` a line, as `can` takes it; an arrow may stand between, and `#` begins a remark.

use super::{End, Flow, FlowPorts, Flows, Place};
use crate::{
    can::{PortName, PortWish, split_port},
    ports::{PortSet, Protocol},
};

pub(super) fn read(file: &str, text: &str, flows: &mut Flows) {
    for (number, line) in text.lines().enumerate() {
        let code = line.split('#').next().unwrap_or_default();
        if code.trim().is_empty() {
            continue;
        }
        let place = Place { file: file.to_owned(), line: number + 1, column: 1 };
        match parse_flow(code, place) {
            Ok(flow) => flows.add(flow),
            Err((place, why)) => flows.wrong(place, why),
        }
    }
}

/// Reads one flow.
///
/// # Errors
/// Why it is none, and where.
pub fn parse_flow(text: &str, place: Place) -> Result<Flow, (Place, String)> {
    let mut words = Vec::new();
    let mut at = 0;
    for piece in text.split(char::is_whitespace) {
        if !piece.is_empty() && !matches!(piece, "->" | "=>" | "→") {
            words.push((at, piece));
        }
        at += piece.chars().count() + 1;
    }
    let at = |column: usize| Place { column: place.column + column, ..place.clone() };
    match words.as_slice() {
        [(_, from), (column, to)] => {
            let (to, port) = split_port(to).map_err(|error| (at(*column), error.to_string()))?;
            Ok(Flow { from: End::Word((*from).to_owned()), to: End::Word(to.to_owned()), ports: ports(port), place })
        }
        [] | [_] => Err((place, "expected FROM TO[:PORT[/PROTOCOL]]".to_owned())),
        [_, _, (column, _), ..] => Err((at(*column), "expected FROM TO[:PORT[/PROTOCOL]] and nothing more".to_owned())),
    }
}

/// Without a port all of them are meant, and without a protocol TCP.
pub(super) fn ports(wish: Option<PortWish>) -> FlowPorts {
    match wish {
        None => FlowPorts::Set(PortSet::all()),
        Some(PortWish { port: PortName::Number(number), protocol }) => {
            FlowPorts::Set(PortSet::one(protocol.unwrap_or(Protocol::Tcp), number))
        }
        Some(PortWish { port: PortName::Name(name), protocol }) => FlowPorts::Named(name, protocol),
    }
}
