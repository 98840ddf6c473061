//! What peers and connections are called in everything that people read of a map.

use patchkit::render::printable;

use crate::{
    address::Family,
    engine::{PortTable, PortsId, Reach, View},
    foreign::Foreign,
    names::{PeerRef, labels},
};

/// What is said below a map in which a name carries the mark of [`names`].
pub(super) const REMARK: &str = "* Policies that are not evaluated speak about these pods too: what is said of them \
                                 holds only as far as those policies change nothing.";

/// The peers of a view, by place, with a name for each; a star behind those about which policies speak that are not
/// evaluated.
pub(super) struct Names {
    pub(super) peers: Vec<PeerRef>,
    pub(super) names: Vec<String>,
    pub(super) remarked: Vec<bool>,
}

impl Names {
    pub(super) fn of(reach: &Reach<'_>, view: View, foreign: &Foreign) -> Self {
        let peers: Vec<PeerRef> = reach.peers().iter().map(|peer| PeerRef::of(reach.analysis(), view, peer)).collect();
        let remarked: Vec<bool> = reach.peers().iter().map(|peer| !foreign.about_any(&peer.pods).is_empty()).collect();
        let mut names = labels(&peers);
        names.iter_mut().zip(&remarked).filter(|(_, remarked)| **remarked).for_each(|(name, _)| name.push('*'));
        Self { peers, names, remarked }
    }

    pub(super) fn any_remarked(&self) -> bool {
        self.remarked.contains(&true)
    }
}

/// `TCP 80; perhaps UDP 53 over IPv6 (some pods)`
pub(super) fn said(
    table: &PortTable,
    ports: PortsId,
    depends: PortsId,
    family: Option<Family>,
    partly: bool,
) -> String {
    let mut parts = Vec::new();
    if ports != PortsId::NONE {
        parts.push(table.get(ports).to_string());
    }
    if depends != PortsId::NONE {
        parts.push(format!("perhaps {}", table.get(depends)));
    }
    let mut said = parts.join("; ");
    if let Some(family) = family {
        said.push_str(&format!(" over {}", family.as_str()));
    }
    if partly {
        said.push_str(" (some pods)");
    }
    said
}

/// `a, b, c and 4 more`
pub(super) fn some_of(names: &[String], most: usize) -> String {
    if names.len() <= most + 1 {
        return names.join(", ");
    }
    format!("{} and {} more", names[..most].join(", "), names.len() - most)
}

/// Addresses outside of the cluster in a few words: what holds most of a family is the internet.
pub(super) fn outside_label(peer: &PeerRef) -> String {
    let shown = peer.display();
    let ranges: Vec<String> = shown.split(", ").map(str::to_owned).collect();
    some_of(&ranges, 2)
}

/// A name from a cluster as pictures may show it.
pub(super) fn clean(name: &str) -> String {
    printable(name).into_owned()
}
