//! Sets of ports by number, so that a hundred million pairs need no set of their own.

use rustc_hash::FxHashMap;

use crate::ports::PortSet;

/// The place of a set in a [`PortTable`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortsId(pub u32);

impl PortsId {
    /// No port.
    pub const NONE: Self = Self(0);
    /// Every port of every protocol.
    pub const ALL: Self = Self(1);
}

/// Every set of ports that occurs, each once.
#[derive(Clone, Debug)]
pub struct PortTable {
    sets: Vec<PortSet>,
    known: FxHashMap<PortSet, PortsId>,
    meets: FxHashMap<(PortsId, PortsId), PortsId>,
    joins: FxHashMap<(PortsId, PortsId), PortsId>,
}

impl Default for PortTable {
    fn default() -> Self {
        let mut table = Self {
            sets: Vec::new(),
            known: FxHashMap::default(),
            meets: FxHashMap::default(),
            joins: FxHashMap::default(),
        };
        table.add(PortSet::default());
        table.add(PortSet::all());
        table
    }
}

impl PortTable {
    /// The place of a set; it is taken in where it is new.
    pub fn add(&mut self, set: PortSet) -> PortsId {
        if let Some(id) = self.known.get(&set) {
            return *id;
        }
        let id = PortsId(u32::try_from(self.sets.len()).unwrap_or(u32::MAX));
        self.sets.push(set.clone());
        self.known.insert(set, id);
        id
    }

    /// The set of this place.
    #[must_use]
    pub fn get(&self, id: PortsId) -> &PortSet {
        &self.sets[id.0 as usize]
    }

    /// What is in both.
    pub fn meet(&mut self, a: PortsId, b: PortsId) -> PortsId {
        match (a, b) {
            _ if a == b => a,
            (PortsId::NONE, _) | (_, PortsId::NONE) => PortsId::NONE,
            (PortsId::ALL, other) | (other, PortsId::ALL) => other,
            _ => {
                let key = (a.min(b), a.max(b));
                if let Some(id) = self.meets.get(&key) {
                    return *id;
                }
                let id = self.add(self.get(a).intersection(self.get(b)));
                self.meets.insert(key, id);
                id
            }
        }
    }

    /// What is in either.
    pub fn join(&mut self, a: PortsId, b: PortsId) -> PortsId {
        match (a, b) {
            _ if a == b => a,
            (PortsId::NONE, other) | (other, PortsId::NONE) => other,
            (PortsId::ALL, _) | (_, PortsId::ALL) => PortsId::ALL,
            _ => {
                let key = (a.min(b), a.max(b));
                if let Some(id) = self.joins.get(&key) {
                    return *id;
                }
                let id = self.add(self.get(a).union(self.get(b)));
                self.joins.insert(key, id);
                id
            }
        }
    }

    /// What is in the first and not in the second.
    pub fn without(&mut self, a: PortsId, b: PortsId) -> PortsId {
        if a == b || b == PortsId::ALL {
            return PortsId::NONE;
        }
        if b == PortsId::NONE {
            return a;
        }
        self.add(self.get(a).difference(self.get(b)))
    }
}
