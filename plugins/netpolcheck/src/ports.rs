//! Protocols and sets of their ports.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

use crate::range_set::RangeSet;

/// The protocols that network policies speak about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub enum Protocol {
    Sctp,
    Tcp,
    Udp,
}

impl Protocol {
    /// All of them, by name.
    pub const ALL: [Self; 3] = [Self::Sctp, Self::Tcp, Self::Udp];

    /// The name as the API writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sctp => "SCTP",
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }

    /// Where its ports begin in the numbers of a [`PortSet`].
    const fn base(self) -> u32 {
        (self as u32) << 16
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Protocol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A word that names none of the protocols.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no protocol that network policies speak about: expected TCP, UDP or SCTP")]
pub struct UnknownProtocol(String);

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(text: &str) -> Result<Self, UnknownProtocol> {
        let found = Self::ALL.into_iter().find(|protocol| protocol.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| UnknownProtocol(text.to_owned()))
    }
}

/// Ports of one protocol, from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    /// The protocol.
    pub protocol: Protocol,
    /// The first port, from 1 on.
    pub first: u16,
    /// The last port.
    pub last: u16,
}

/// A set of ports of all protocols. Ports begin with 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortSet(RangeSet<u32>);

impl PortSet {
    /// Every port of every protocol.
    #[must_use]
    pub fn all() -> Self {
        Protocol::ALL.into_iter().map(|protocol| PortRange { protocol, first: 1, last: u16::MAX }).collect()
    }

    /// One port.
    #[must_use]
    pub fn one(protocol: Protocol, port: u16) -> Self {
        [PortRange { protocol, first: port, last: port }].into_iter().collect()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it holds every port of every protocol.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::all()
    }

    /// Whether it holds this port.
    #[must_use]
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        self.0.contains(protocol.base() + u32::from(port))
    }

    /// The ranges, by protocol and port.
    pub fn ranges(&self) -> impl Iterator<Item = PortRange> + '_ {
        self.0.ranges().filter_map(|(first, last)| {
            let protocol = Protocol::ALL.into_iter().rfind(|protocol| protocol.base() <= first)?;
            // Ranges of two protocols never touch, since there is no port 0.
            Some(PortRange { protocol, first: low_half(first), last: low_half(last) })
        })
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0))
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0))
    }

    /// What is in this one and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0))
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the half that is wanted")]
fn low_half(number: u32) -> u16 {
    (number & 0xFFFF) as u16
}

impl FromIterator<PortRange> for PortSet {
    fn from_iter<I: IntoIterator<Item = PortRange>>(ranges: I) -> Self {
        let number = |range: &PortRange, port: u16| range.protocol.base() + u32::from(port);
        Self(ranges.into_iter().map(|range| (number(&range, range.first.max(1)), number(&range, range.last))).collect())
    }
}

impl fmt::Display for PortSet {
    /// `all ports`, or `TCP 80,443,8000-8100; UDP 53`; a protocol alone stands for all of its ports.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("all ports");
        }
        if self.is_empty() {
            return f.write_str("no port");
        }
        let mut before = None;
        for range in self.ranges() {
            match before {
                None => write!(f, "{}", range.protocol)?,
                Some(protocol) if protocol == range.protocol => f.write_str(",")?,
                Some(_) => write!(f, "; {}", range.protocol)?,
            }
            if range.first == 1 && range.last == u16::MAX {
                before = Some(range.protocol);
                continue;
            }
            if before != Some(range.protocol) {
                f.write_str(" ")?;
            }
            write!(f, "{}", range.first)?;
            if range.last > range.first {
                write!(f, "-{}", range.last)?;
            }
            before = Some(range.protocol);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(protocol: Protocol, first: u16, last: u16) -> PortRange {
        PortRange { protocol, first, last }
    }

    #[test]
    fn sets_are_written_by_protocol() {
        assert_eq!(PortSet::all().to_string(), "all ports");
        assert_eq!(PortSet::default().to_string(), "no port");
        let some: PortSet = [
            range(Protocol::Udp, 53, 53),
            range(Protocol::Tcp, 80, 80),
            range(Protocol::Tcp, 8000, 8100),
            range(Protocol::Sctp, 0, u16::MAX),
        ]
        .into_iter()
        .collect();
        assert_eq!(some.to_string(), "SCTP; TCP 80,8000-8100; UDP 53");
        assert_eq!(PortSet::all().difference(&some).ranges().next(), Some(range(Protocol::Tcp, 1, 79)));
    }

    #[test]
    fn protocols_do_not_touch() {
        let edge: PortSet = [range(Protocol::Sctp, 65535, 65535), range(Protocol::Tcp, 1, 1)].into_iter().collect();
        assert_eq!(edge.ranges().count(), 2);
        assert!(edge.contains(Protocol::Tcp, 1) && !edge.contains(Protocol::Tcp, 2));
        assert_eq!("sctp".parse::<Protocol>().unwrap(), Protocol::Sctp);
        assert!("icmp".parse::<Protocol>().is_err());
    }
}
