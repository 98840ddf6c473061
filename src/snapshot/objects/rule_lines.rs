//! On which lines of a file the rules of a policy begin.

/// The lines of the items of one list of a policy, `spec.ingress` or `spec.egress`, counted from 1 as those of
/// [`super::meta::Origin`] are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListLines {
    /// The line of the list's key.
    pub key: Option<u32>,
    /// The line of each item, where all of them are known.
    pub items: Box<[u32]>,
}

impl ListLines {
    /// The line of an item, or that of the list where the items stand in a way in which only a parser finds them.
    #[must_use]
    pub fn line(&self, item: usize) -> Option<u32> {
        self.items.get(item).copied().or(self.key)
    }

    /// Lines that are counted from this one on, of a list that was read to hold this many items. Where the text shows
    /// another number (by an anchor, say), no item's line is known.
    fn from(mut self, first: u32, count: usize) -> Self {
        if self.items.len() == count {
            self.items.iter_mut().for_each(|line| *line += first);
        } else {
            self.items = Box::default();
        }
        self.key = self.key.map(|line| line + first);
        self
    }
}

/// The lines of a policy's rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleLines {
    /// Of `spec.ingress`.
    pub ingress: ListLines,
    /// Of `spec.egress`.
    pub egress: ListLines,
}

impl RuleLines {
    /// As [`ListLines::from`], with the number of items of both lists.
    pub(crate) fn from(self, first: u32, ingress: usize, egress: usize) -> Self {
        Self { ingress: self.ingress.from(first, ingress), egress: self.egress.from(first, egress) }
    }
}
