//! How far policies isolate pods: open, restricted or denied, in each direction.

use serde::Serialize;

use crate::{
    engine::{Analysis, BitSet, ClassId},
    policy::Direction,
    ports::PortSet,
};

/// How far something is isolated in one direction; the weaker comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// Everybody, on every port.
    Open,
    /// Some, or on some ports; also where it is not known who.
    Restricted,
    /// Nobody. What runs on a pod's own node reaches it all the same.
    Denied,
}

impl Isolation {
    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Restricted => "restricted",
            Self::Denied => "denied",
        }
    }
}

/// How far each class of pods is isolated in a direction.
#[must_use]
pub fn of_classes(analysis: &Analysis<'_>, direction: Direction) -> Vec<Isolation> {
    let hosts = analysis.host_classes();
    let classes = (0..analysis.classes.members.len()).filter_map(|place| u32::try_from(place).ok()).map(ClassId);
    classes.map(|class| of_class(analysis, direction, class, &hosts)).collect()
}

fn of_class(analysis: &Analysis<'_>, direction: Direction, class: ClassId, hosts: &BitSet) -> Isolation {
    let stance = analysis.stances(direction).of(class);
    let (mut open, mut denied) = (true, true);
    for family in analysis.families.iter().filter(|family| analysis.classes.has(class, **family)) {
        let rows = analysis.rows(direction, stance, *family);
        for row in rows {
            let mut possible = (*row.possible).clone();
            // Pods of the node are let through by the node and not by a policy.
            if direction == Direction::Ingress {
                possible.take(hosts);
                let mut certain_hosts = (*row.certain).clone();
                certain_hosts.keep(hosts);
                possible.add(&certain_hosts);
            }
            denied &= possible.is_empty();
        }
        let peers = (0..analysis.classes.count()).filter_map(|place| u32::try_from(place).ok()).map(ClassId);
        for peer in peers.filter(|peer| analysis.classes.has(*peer, *family)) {
            let let_through = rows.iter().filter(|row| row.certain.contains(peer.0 as usize));
            let ports = let_through.fold(PortSet::default(), |ports, row| ports.union(&row.ports));
            if !ports.is_all() {
                open = false;
                break;
            }
        }
    }
    match (open, denied) {
        (true, _) => Isolation::Open,
        (false, true) => Isolation::Denied,
        (false, false) => Isolation::Restricted,
    }
}
