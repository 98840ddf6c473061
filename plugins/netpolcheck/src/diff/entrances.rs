//! Ways in from outside that open or close: by an Ingress, a route or a Service that comes or goes, by the pods behind
//! it, or by their policies.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{ChangeKind, State};
use crate::{
    entrance::{Answer, Entrance},
    names::PeerRef,
    ports::PortSet,
};

/// A way in that opens or closes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntranceChange {
    /// Which way.
    pub change: ChangeKind,
    /// The Ingress, route or Service.
    pub from: PeerRef,
    /// The Service behind it.
    pub service: String,
    /// Whose pods take the traffic.
    pub to: PeerRef,
    /// On which ports of those pods.
    #[serde(serialize_with = "crate::entrance::as_ports")]
    pub ports: PortSet,
    /// It depends on who hands the traffic on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub depends: bool,
}

/// The ports that somebody gets in by, and those that everybody does.
type Open = (PortSet, PortSet);

/// The ways in that open or close from one state to another.
#[must_use]
pub fn entrances(a: &State, b: &State) -> Vec<EntranceChange> {
    let (a, b) = (by_ends(&a.entrances), by_ends(&b.entrances));
    let ends: BTreeSet<_> = a.keys().chain(b.keys()).collect();
    let closed = Open::default();
    let mut changes = Vec::new();
    for end in ends {
        let (old, new) = (a.get(end).unwrap_or(&closed), b.get(end).unwrap_or(&closed));
        for (change, lower, upper) in [(ChangeKind::Allowed, old, new), (ChangeKind::Denied, new, old)] {
            let sure = upper.1.difference(&lower.0);
            let more = upper.1.difference(&lower.1).union(&upper.0.difference(&lower.0)).difference(&sure);
            for (ports, depends) in [(sure, false), (more, true)] {
                if !ports.is_empty() {
                    let (from, service, to) = end;
                    let (from, service, to) = ((*from).clone(), (*service).to_owned(), (*to).clone());
                    changes.push(EntranceChange { change, from, service, to, ports, depends });
                }
            }
        }
    }
    changes.sort();
    changes
}

fn by_ends(list: &[Entrance]) -> BTreeMap<(&PeerRef, &str, &PeerRef), Open> {
    let mut found: BTreeMap<(&PeerRef, &str, &PeerRef), Open> = BTreeMap::new();
    for entrance in list.iter().filter(|entrance| entrance.allowed != Answer::No) {
        let open = found.entry((&entrance.from, &entrance.service, &entrance.to)).or_default();
        open.0 = open.0.union(&entrance.ports);
        if entrance.allowed == Answer::Yes {
            open.1 = open.1.union(&entrance.ports);
        }
    }
    found
}
