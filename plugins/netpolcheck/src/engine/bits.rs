//! Sets of small numbers as bits.

/// A set of numbers below a fixed bound.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BitSet(Box<[u64]>);

impl BitSet {
    /// An empty set for numbers below `bound`.
    #[must_use]
    pub fn empty(bound: usize) -> Self {
        Self(vec![0; bound.div_ceil(64)].into_boxed_slice())
    }

    /// All numbers below `bound`.
    #[must_use]
    pub fn full(bound: usize) -> Self {
        let mut set = Self(vec![u64::MAX; bound.div_ceil(64)].into_boxed_slice());
        if let (Some(last), rest @ 1..) = (set.0.last_mut(), bound % 64) {
            *last = (1 << rest) - 1;
        }
        set
    }

    /// Adds a number.
    pub fn insert(&mut self, number: usize) {
        self.0[number / 64] |= 1 << (number % 64);
    }

    /// Takes a number out.
    pub fn remove(&mut self, number: usize) {
        self.0[number / 64] &= !(1 << (number % 64));
    }

    /// Whether a number is in it.
    #[must_use]
    pub fn contains(&self, number: usize) -> bool {
        self.0[number / 64] & (1 << (number % 64)) != 0
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// How many numbers are in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Adds what is in the other.
    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, more)| *word |= more);
    }

    /// Adds what is in both of two others.
    pub fn add_meet(&mut self, one: &Self, other: &Self) {
        self.0.iter_mut().zip(one.0.iter().zip(&other.0)).for_each(|(word, (a, b))| *word |= a & b);
    }

    /// Keeps only what is in the other too.
    pub fn keep(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, kept)| *word &= kept);
    }

    /// Takes out what is in the other.
    pub fn take(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, gone)| *word &= !gone);
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(place, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                (left != 0).then(|| {
                    let bit = left.trailing_zeros() as usize;
                    left &= left - 1;
                    place * 64 + bit
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_numbers() {
        for bound in [0, 1, 63, 64, 65, 130] {
            let full = BitSet::full(bound);
            assert_eq!(full.len(), bound);
            assert_eq!(full.iter().collect::<Vec<_>>(), (0..bound).collect::<Vec<_>>());
            let mut none = full.clone();
            none.take(&full);
            assert!(none.is_empty() && none == BitSet::empty(bound));
        }
        let mut set = BitSet::empty(100);
        set.insert(3);
        set.insert(99);
        assert!(set.contains(99) && !set.contains(98));
        set.remove(99);
        assert_eq!(set.iter().collect::<Vec<_>>(), [3]);
    }
}
