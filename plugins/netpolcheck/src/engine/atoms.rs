//! Addresses, cut where policies tell them apart.

use patchkit::rules::LabelSelector;

use crate::{
    address::{Block, Family},
    policy::{Term, TermId, Terms},
    range_set::RangeSet,
    world::NodeFacts,
};

/// The addresses of one family in pieces: no term holds only a part of one.
#[derive(Debug)]
pub(super) struct Atoms {
    /// Where each piece begins; the first begins with 0.
    starts: Vec<u128>,
    /// The terms that hold each piece, ascending.
    terms: Vec<Vec<TermId>>,
    last: u128,
}

/// The addresses that a term names, of one family.
pub(crate) fn addresses_of(term: &Term, family: Family, nodes: Option<&[NodeFacts<'_>]>) -> RangeSet<u128> {
    match term {
        Term::Addresses { block, except } if block.family == family => {
            let out: RangeSet<u128> =
                except.iter().filter(|part| part.family == family).map(|part| (part.first, part.last)).collect();
            block.addresses().difference(&out)
        }
        Term::Nodes(selector) => node_addresses(selector, family, nodes.unwrap_or_default()),
        _ => RangeSet::default(),
    }
}

fn node_addresses(selector: &LabelSelector, family: Family, nodes: &[NodeFacts<'_>]) -> RangeSet<u128> {
    nodes
        .iter()
        .filter(|node| selector.matches(node.labels))
        .flat_map(|node| &node.addresses)
        .filter(|address| address.family == family)
        .map(|address| (address.number, address.number))
        .collect()
}

impl Atoms {
    /// Cuts a family at every end of every term's addresses.
    pub(super) fn of(terms: &Terms, family: Family, nodes: Option<&[NodeFacts<'_>]>) -> Self {
        let named: Vec<(TermId, RangeSet<u128>)> = terms
            .iter()
            .map(|(id, term)| (id, addresses_of(term, family, nodes)))
            .filter(|(_, addresses)| !addresses.is_empty())
            .collect();
        let ends = named.iter().flat_map(|(_, addresses)| addresses.ranges()).flat_map(|(first, last)| {
            // What begins behind the last address of the family begins nowhere.
            [Some(first), last.checked_add(1).filter(|next| *next <= family.last())]
        });
        let mut starts: Vec<u128> = ends.flatten().chain([0]).collect();
        starts.sort_unstable();
        starts.dedup();
        let mut of_atom = vec![Vec::new(); starts.len()];
        for (id, addresses) in &named {
            for (first, last) in addresses.ranges() {
                let from = starts.partition_point(|start| *start < first);
                let to = starts.partition_point(|start| *start <= last);
                of_atom[from..to].iter_mut().for_each(|terms| terms.push(*id));
            }
        }
        Self { starts, terms: of_atom, last: family.last() }
    }

    /// The terms that hold an address, ascending.
    pub(super) fn terms_at(&self, address: u128) -> &[TermId] {
        &self.terms[self.starts.partition_point(|start| *start <= address) - 1]
    }

    /// Each piece: its addresses, and the terms that hold it.
    pub(super) fn iter(&self) -> impl Iterator<Item = ((u128, u128), &[TermId])> {
        self.starts.iter().enumerate().map(|(place, start)| {
            let end = self.starts.get(place + 1).map_or(self.last, |next| next - 1);
            ((*start, end), self.terms[place].as_slice())
        })
    }
}

/// Whether a term holds every address of its family: then even an address that is not known is in it.
pub(crate) fn holds_all(term: &Term, family: Family) -> bool {
    matches!(term, Term::Addresses { block, except }
        if block.family == family && block.is_whole_family() && except.iter().all(|part: &Block| part.family != family))
}
