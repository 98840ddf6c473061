//! What the policies of a cluster say, for all pods at once.
//!
//! Pods that no policy can tell apart are one *class*: the same selectors select them, the same blocks hold their
//! addresses, and their named ports are the same. Addresses outside of the cluster are cut into classes by the blocks
//! that policies name. A *stance* is what the policies that select a class say about one direction: for each set of
//! ports that they tell apart a row of bits over all classes. Nothing is sampled and nothing is left out; what a
//! snapshot does not tell (the address of a pod in a manifest) is kept apart from what is certain.
//!
//! [`Analysis`] is made once from a snapshot. [`Reach`] walks over who can reach whom by groups of peers, without ever
//! holding all pairs; [`Analysis::ports_between`] answers for one pair.

mod analysis;
mod atoms;
mod bits;
mod classes;
mod interned;
mod peers;
mod reach;
mod rows;
mod selected;
mod stances;
mod walk;
mod what_if;

pub use analysis::{Analysis, Options};
pub(crate) use atoms::{addresses_of, holds_all};
pub use bits::BitSet;
pub use classes::{ClassId, Classes, External};
pub use interned::{PortTable, PortsId};
pub use peers::{Peer, PeerId, Side, View};
pub use reach::{End, Flow, Group, GroupId, Pair, Reach};
pub use rows::{Row, Rows};

pub use stances::{Stance, StanceId};
pub use what_if::WhatIf;

/// What is certain, and what is possible; what is possible and not certain depends on something that is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Both<T> {
    /// In every case.
    pub certain: T,
    /// In some case; whatever is certain is possible.
    pub possible: T,
}

/// A place in a list as the number that names it.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
