//! Comparing two analyses.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::said::{Said, State};
use crate::{address::Family, names::PeerRef, ports::PortSet, range_set::RangeSet};

/// Which way something changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It was not allowed, and is now.
    Allowed,
    /// It was allowed, and is not any more.
    Denied,
}

impl ChangeKind {
    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
        }
    }
}

/// A change for two peers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Which way.
    pub change: ChangeKind,
    /// Who connects.
    pub from: PeerRef,
    /// Who is connected to.
    pub to: PeerRef,
    /// On which ports.
    #[serde(serialize_with = "crate::entrance::as_ports")]
    pub ports: PortSet,
    /// On one of the two sides it depends on something that is not known, such as the address of a pod.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub depends: bool,
    /// Only for some pods of the two.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub some_pods: bool,
    /// The one IP family for which it holds, where it does not hold for every family that is in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_family: Option<&'static str>,
    /// One of the two is in only one of the states.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub new_or_gone: bool,
    /// Policies that speak about one of the two in one of the states, and are not evaluated: they may change it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_evaluated: Vec<String>,
}

impl Change {
    /// With what holds for its two ends: whether one of the states is without one of them, and what is not evaluated.
    fn between(self, a: &State, b: &State) -> Self {
        let in_one = |peer: &PeerRef| a.peers.contains_key(peer) != b.peers.contains_key(peer);
        let ends = [&self.from, &self.to];
        let about = ends.iter().flat_map(|peer| [a.peers.get(peer), b.peers.get(peer)]).flatten();
        let not_evaluated: BTreeSet<String> = about.flat_map(|facts| facts.not_evaluated.iter().cloned()).collect();
        let new_or_gone = ends.into_iter().any(in_one);
        Self { new_or_gone, not_evaluated: not_evaluated.into_iter().collect(), ..self }
    }
}

/// What changes from one state to another. What follows from pods being on the node of another is left out: where
/// pods run is no matter of policies.
#[must_use]
pub fn make(a: &State, b: &State) -> Vec<Change> {
    let mut changes = Vec::new();
    let pairs: BTreeSet<_> = a.inside.keys().chain(b.inside.keys()).map(|(from, to, _)| (from, to)).collect();
    let none = Said::default();
    for (from, to) in pairs {
        let families = comparable(a, b, &[from, to]);
        let mut of_family: BTreeMap<Vec<Piece>, Vec<Family>> = BTreeMap::new();
        for family in &families {
            let key = (from.clone(), to.clone(), Some(*family));
            let pieces = compare(a.inside.get(&key).unwrap_or(&none), b.inside.get(&key).unwrap_or(&none));
            of_family.entry(pieces).or_default().push(*family);
        }
        for (pieces, of) in of_family {
            for piece in pieces {
                let only = (of.len() < families.len()).then(|| of.first().map(|family| family.as_str())).flatten();
                changes.push(piece.change(from, to, only).between(a, b));
            }
        }
    }
    let edges: BTreeSet<_> = a.outside.keys().chain(b.outside.keys()).collect();
    for edge in edges {
        let (peer, is_source, family) = edge;
        if !comparable(a, b, &[peer]).contains(family) {
            continue;
        }
        let empty = Vec::new();
        let (old, new) = (a.outside.get(edge).unwrap_or(&empty), b.outside.get(edge).unwrap_or(&empty));
        let mut found: BTreeMap<Piece, Vec<(u128, u128)>> = BTreeMap::new();
        for (first, last) in cut(*family, old, new) {
            for piece in compare(&at(old, first), &at(new, first)) {
                found.entry(piece).or_default().push((first, last));
            }
        }
        for (piece, ranges) in found {
            let outside = PeerRef::outside(*family, &ranges.into_iter().collect::<RangeSet<u128>>());
            let (from, to) = if *is_source { (peer, &outside) } else { (&outside, peer) };
            changes.push(piece.change(from, to, None).between(a, b));
        }
    }
    changes.sort();
    changes
}

/// The IP families over which some peers can talk in both states; where one of them is in only one state, those of that
/// one. A pod of a manifest has no addresses yet, and one that runs may have two: that is no change of policies.
fn comparable(a: &State, b: &State, peers: &[&PeerRef]) -> BTreeSet<Family> {
    let of = |state: &State| -> Option<BTreeSet<Family>> {
        let each: Option<Vec<_>> = peers.iter().map(|peer| state.peers.get(peer).map(|it| &it.families)).collect();
        each?.into_iter().cloned().reduce(|one, other| one.intersection(&other).copied().collect())
    };
    match (of(a), of(b)) {
        (Some(a), Some(b)) if a.is_disjoint(&b) => a.union(&b).copied().collect(),
        (Some(a), Some(b)) => a.intersection(&b).copied().collect(),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => BTreeSet::new(),
    }
}

/// Addresses cut wherever either state tells them apart.
fn cut(family: Family, old: &[(RangeSet<u128>, Said)], new: &[(RangeSet<u128>, Said)]) -> Vec<(u128, u128)> {
    let ranges = old.iter().chain(new).flat_map(|(addresses, _)| addresses.ranges());
    let ends = ranges.flat_map(|(first, last)| [Some(first), last.checked_add(1).filter(|it| *it <= family.last())]);
    let mut starts: Vec<u128> = ends.flatten().chain([0]).collect();
    starts.sort_unstable();
    starts.dedup();
    let next = starts.iter().skip(1).map(|start| start - 1).chain([family.last()]);
    starts.iter().copied().zip(next).collect()
}

/// What is said of an address.
fn at(said: &[(RangeSet<u128>, Said)], address: u128) -> Said {
    let mut all = Said::default();
    for (_, more) in said.iter().filter(|(addresses, _)| addresses.contains(address)) {
        all.certain = all.certain.union(&more.certain);
        all.possible = all.possible.union(&more.possible);
        all.kinds.extend(more.kinds.iter().cloned());
    }
    all
}

/// A change without its ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    change: ChangeKind,
    ports: PortSet,
    depends: bool,
    some_pods: bool,
}

impl Piece {
    fn change(&self, from: &PeerRef, to: &PeerRef, ip_family: Option<&'static str>) -> Change {
        let Self { change, ports, depends, some_pods } = self.clone();
        Change {
            change,
            from: from.clone(),
            to: to.clone(),
            ports,
            depends,
            some_pods,
            ip_family,
            new_or_gone: false,
            not_evaluated: Vec::new(),
        }
    }
}

/// A port is denied, possible or allowed; each step up is a change to allowed, and each step down one to denied.
fn compare(old: &Said, new: &Said) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut step = |change: ChangeKind, lower: &Said, upper: &Said| {
        let sure = upper.certain.difference(&lower.possible);
        let more = upper.certain.difference(&lower.certain).union(&upper.possible.difference(&lower.possible));
        let unsure = more.difference(&sure);
        for (ports, depends) in [(sure, false), (unsure, true)] {
            if !ports.is_empty() {
                pieces.push(Piece { change, ports, depends, some_pods: !upper.kinds.is_empty() });
            }
        }
    };
    step(ChangeKind::Allowed, old, new);
    step(ChangeKind::Denied, new, old);
    // The same ports in all, but for other pods of the two.
    if pieces.is_empty() && old.kinds != new.kinds {
        let (mut gained, mut lost) = (uneven(new), uneven(old));
        let both = gained.intersection(&lost);
        if both.is_empty() || gained != lost {
            // Even on one side: there every pod has what only some have on the other.
            std::mem::swap(&mut gained, &mut lost);
            gained = gained.difference(&both);
            lost = lost.difference(&both);
        }
        for (change, ports) in [(ChangeKind::Allowed, gained), (ChangeKind::Denied, lost)] {
            if !ports.is_empty() {
                pieces.push(Piece { change, ports, depends: false, some_pods: true });
            }
        }
    }
    pieces
}

/// The ports that only some pods have.
fn uneven(said: &Said) -> PortSet {
    let every = said.kinds.iter().map(|(certain, _)| certain.clone()).reduce(|a, b| a.intersection(&b));
    said.possible.difference(&every.unwrap_or_else(|| said.possible.clone()))
}
