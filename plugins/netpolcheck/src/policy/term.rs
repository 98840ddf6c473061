//! Whom policies speak about: each distinct selector and block once.

use compact_str::CompactString;
use patchkit::rules::LabelSelector;
use rustc_hash::FxHashMap;

use crate::address::Block;

/// The place of a term in [`Terms`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TermId(pub u32);

/// A way to say who is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Term {
    /// Pods, by namespace and labels.
    Pods {
        /// Of which namespaces.
        scope: Scope,
        /// Which of their pods.
        pods: LabelSelector,
    },
    /// Addresses: a block without some of its parts.
    Addresses {
        /// The block.
        block: Block,
        /// Parts of it that are not meant.
        except: Vec<Block>,
    },
    /// The addresses of nodes with these labels.
    Nodes(LabelSelector),
    /// Hosts by name: which addresses they have is not known here.
    Domains(Vec<CompactString>),
    /// Something that could not be understood: it may match anything.
    Unknown,
}

/// Namespaces.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The one of this name.
    One(CompactString),
    /// Those with these labels.
    Labelled(LabelSelector),
}

/// Every term, each once.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    all: Vec<Term>,
    known: FxHashMap<Term, TermId>,
}

impl Terms {
    /// The place of a term; it is taken in where it is new.
    pub fn add(&mut self, term: Term) -> TermId {
        if let Some(id) = self.known.get(&term) {
            return *id;
        }
        let id = TermId(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        self.all.push(term.clone());
        self.known.insert(term, id);
        id
    }

    /// The term of this place.
    #[must_use]
    pub fn get(&self, id: TermId) -> &Term {
        &self.all[id.0 as usize]
    }

    /// All terms with their places.
    pub fn iter(&self) -> impl Iterator<Item = (TermId, &Term)> {
        (0..).map(TermId).zip(&self.all)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.all.len()
    }
}
