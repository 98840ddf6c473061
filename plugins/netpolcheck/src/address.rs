//! Addresses and blocks of them, of both IP families.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use crate::range_set::RangeSet;

/// The IP families.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The name as the API writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }

    /// Its greatest address, as a number.
    #[must_use]
    pub const fn last(self) -> u128 {
        match self {
            Self::V4 => u32::MAX as u128,
            Self::V6 => u128::MAX,
        }
    }

    /// All of its addresses.
    #[must_use]
    pub fn whole(self) -> RangeSet<u128> {
        RangeSet::range(0, self.last())
    }
}

/// An address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// Its family.
    pub family: Family,
    /// The address as a number.
    pub number: u128,
}

impl Address {
    /// Reads an address. Leading zeros of IPv4 are ignored, as the API server ignores them in stored objects.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let ip = match text.parse::<IpAddr>() {
            Ok(IpAddr::V6(v6)) => v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4),
            Ok(ip) => ip,
            Err(_) => IpAddr::V4(sloppy_v4(text)?),
        };
        Some(Self::from(ip))
    }
}

fn sloppy_v4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *octet = part.parse().ok()?;
    }
    parts.next().is_none().then(|| Ipv4Addr::from(octets))
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self { family: Family::V4, number: u32::from(ip).into() },
            IpAddr::V6(ip) => Self { family: Family::V6, number: ip.into() },
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.family, u32::try_from(self.number)) {
            (Family::V4, Ok(number)) => Ipv4Addr::from(number).fmt(f),
            _ => Ipv6Addr::from(self.number).fmt(f),
        }
    }
}

/// A block of addresses: the first and the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block {
    /// The family of its addresses.
    pub family: Family,
    /// The first address, as a number.
    pub first: u128,
    /// The last address, as a number.
    pub last: u128,
}

impl Block {
    /// Reads a CIDR such as `10.0.0.0/8`. Bits behind the prefix are ignored, as the API server ignores them.
    #[must_use]
    pub fn parse(cidr: &str) -> Option<Self> {
        let (address, length) = cidr.split_once('/')?;
        let length: u32 = length.parse().ok().filter(|_| length.bytes().all(|byte| byte.is_ascii_digit()))?;
        let Address { family, number } = Address::parse(address)?;
        // A prefix of an IPv4 address in IPv6 form counts the 96 bits before it.
        let (bits, length): (u32, u32) = match family {
            Family::V6 => (128, length),
            Family::V4 if address.contains(':') => (32, length.checked_sub(96)?),
            Family::V4 => (32, length),
        };
        let behind = bits.checked_sub(length)?;
        let mask = mask(behind);
        Some(Self { family, first: number & !mask, last: number | mask })
    }

    /// The block of one address.
    #[must_use]
    pub fn one(address: Address) -> Self {
        Self { family: address.family, first: address.number, last: address.number }
    }

    /// How many bits all of its addresses begin with.
    #[must_use]
    pub fn prefix(&self) -> u32 {
        let bits = if self.family == Family::V4 { 32 } else { 128 };
        bits - (128 - (self.last - self.first).leading_zeros())
    }

    /// `10.0.0.0/8`
    #[must_use]
    pub fn cidr(&self) -> String {
        format!("{}/{}", Address { family: self.family, number: self.first }, self.prefix())
    }

    /// Whether it holds all of another block.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        self.family == other.family && self.first <= other.first && other.last <= self.last
    }

    /// Its addresses.
    #[must_use]
    pub fn addresses(&self) -> RangeSet<u128> {
        RangeSet::range(self.first, self.last)
    }

    /// Whether it holds every address of its family.
    #[must_use]
    pub fn is_whole_family(&self) -> bool {
        self.first == 0 && self.last == self.family.last()
    }
}

impl fmt::Display for Block {
    /// `a.b.c.d-e.f.g.h`, whatever its size.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |number| Address { family: self.family, number };
        write!(f, "{}-{}", of(self.first), of(self.last))
    }
}

/// Ranges of addresses, as reports write them.
pub fn written(family: Family, addresses: &RangeSet<u128>) -> impl Iterator<Item = String> + '_ {
    addresses.ranges().map(move |(first, last)| Block { family, first, last }.to_string())
}

/// The fewest blocks that hold these addresses and no others, as CIDRs.
#[must_use]
pub fn cidrs(family: Family, addresses: &RangeSet<u128>) -> Vec<String> {
    let bits: u32 = match family {
        Family::V4 => 32,
        Family::V6 => 128,
    };
    let mut blocks = Vec::new();
    for (mut first, last) in addresses.ranges() {
        loop {
            // As many bits behind the prefix as the first address has zeros at its end, and as the range has room for.
            let mut behind = first.trailing_zeros().min(bits);
            while behind > 0 && last - first < mask(behind) {
                behind -= 1;
            }
            blocks.push(format!("{}/{}", Address { family, number: first }, bits - behind));
            match first.checked_add(mask(behind)).and_then(|end| end.checked_add(1)) {
                Some(next) if next <= last => first = next,
                _ => break,
            }
        }
    }
    blocks
}

/// So many bits.
const fn mask(bits: u32) -> u128 {
    if bits >= 128 { u128::MAX } else { (1 << bits) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_as_the_api_server_reads_them() {
        for (cidr, written) in [
            ("10.0.0.0/8", "10.0.0.0-10.255.255.255"),
            ("10.1.2.3/8", "10.0.0.0-10.255.255.255"),
            ("010.0.0.0/8", "10.0.0.0-10.255.255.255"),
            ("1.2.3.4/32", "1.2.3.4-1.2.3.4"),
            ("0.0.0.0/0", "0.0.0.0-255.255.255.255"),
            ("::/0", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("fd00::/8", "fd00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::ffff:10.0.0.0/104", "10.0.0.0-10.255.255.255"),
        ] {
            assert_eq!(Block::parse(cidr).map(|block| block.to_string()).as_deref(), Some(written), "{cidr}");
        }
        for cidr in ["10.0.0.0/8", "1.2.3.4/32", "0.0.0.0/0", "::/0", "fd00::/8", "2001:db8::1/128"] {
            assert_eq!(Block::parse(cidr).unwrap().cidr(), cidr);
        }
        for wrong in ["10.0.0.0", "10.0.0/8", "10.0.0.0/33", "10.0.0.0/+8", "::/129", "x/8", "/8", "10.0.0.256/32"] {
            assert_eq!(Block::parse(wrong), None, "{wrong}");
        }
        assert!(Block::parse("::/0").unwrap().is_whole_family());
    }

    #[test]
    fn ranges_are_cut_into_the_fewest_blocks() {
        let of = |ranges: &[(&str, &str)]| -> Vec<String> {
            let number = |text: &str| Address::parse(text).unwrap().number;
            let set: RangeSet<u128> = ranges.iter().map(|(first, last)| (number(first), number(last))).collect();
            let family = Address::parse(ranges[0].0).unwrap().family;
            let blocks = cidrs(family, &set);
            let back: RangeSet<u128> =
                blocks.iter().map(|cidr| Block::parse(cidr).unwrap()).map(|it| (it.first, it.last)).collect();
            assert_eq!(back, set);
            blocks
        };
        assert_eq!(of(&[("10.0.0.0", "10.255.255.255")]), ["10.0.0.0/8"]);
        assert_eq!(of(&[("10.0.0.1", "10.0.0.6")]), ["10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/31", "10.0.0.6/32"]);
        assert_eq!(of(&[("0.0.0.0", "255.255.255.255")]), ["0.0.0.0/0"]);
        assert_eq!(of(&[("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]), ["::/0"]);
        assert_eq!(of(&[("255.255.255.254", "255.255.255.255")]), ["255.255.255.254/31"]);
        assert_eq!(of(&[("fd00::1", "fd00::1"), ("fd00::8", "fd00::f")]), ["fd00::1/128", "fd00::8/125"]);
    }
}
