//! Sets of numbers as ranges: ports and addresses.

/// A number that knows its neighbours.
pub trait Number: Copy + Ord {
    /// The next greater one, where there is one.
    fn next(self) -> Option<Self>;
    /// The next smaller one, where there is one.
    fn previous(self) -> Option<Self>;
}

macro_rules! numbers {
    ($($kind:ty),+) => {$(
        impl Number for $kind {
            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }

            fn previous(self) -> Option<Self> {
                self.checked_sub(1)
            }
        }
    )+};
}

numbers!(u32, u128);

/// A set of numbers: ranges with both ends in them, ascending, with a gap between each two.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RangeSet<N>(Vec<(N, N)>);

impl<N> Default for RangeSet<N> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<N: Number> RangeSet<N> {
    /// The numbers from one to another, both included; empty where the first is greater.
    #[must_use]
    pub fn range(first: N, last: N) -> Self {
        Self(if first <= last { vec![(first, last)] } else { Vec::new() })
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = (N, N)> + DoubleEndedIterator + '_ {
        self.0.iter().copied()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it holds this number.
    #[must_use]
    pub fn contains(&self, number: N) -> bool {
        let behind = self.0.partition_point(|(first, _)| *first <= number);
        behind > 0 && self.0[behind - 1].1 >= number
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.ranges().chain(other.ranges()).collect()
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut at, mut there) = (0, 0);
        let mut both = Vec::new();
        while let (Some(a), Some(b)) = (self.0.get(at), other.0.get(there)) {
            let (first, last) = (a.0.max(b.0), a.1.min(b.1));
            if first <= last {
                both.push((first, last));
            }
            if a.1 < b.1 { at += 1 } else { there += 1 }
        }
        Self(both)
    }

    /// What is in this one and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        let mut there = 0;
        for (mut first, last) in self.ranges() {
            // Ranges that end before this one begins cannot meet a later one either.
            while other.0.get(there).is_some_and(|(_, end)| *end < first) {
                there += 1;
            }
            let mut whole = true;
            for (start, end) in other.0[there..].iter().copied().take_while(|(start, _)| *start <= last) {
                if start > first
                    && let Some(before) = start.previous()
                {
                    left.push((first, before));
                }
                match end.next().filter(|next| *next <= last) {
                    Some(next) => first = next,
                    None => {
                        whole = false;
                        break;
                    }
                }
            }
            if whole {
                left.push((first, last));
            }
        }
        Self(left)
    }
}

impl<N: Number> FromIterator<(N, N)> for RangeSet<N> {
    /// Ranges in any order; what touches is joined.
    fn from_iter<I: IntoIterator<Item = (N, N)>>(ranges: I) -> Self {
        let mut sorted: Vec<(N, N)> = ranges.into_iter().filter(|(first, last)| first <= last).collect();
        sorted.sort_unstable();
        let mut joined: Vec<(N, N)> = Vec::with_capacity(sorted.len());
        for (first, last) in sorted {
            match joined.last_mut() {
                Some((_, end)) if end.next().is_none_or(|next| first <= next) => *end = last.max(*end),
                _ => joined.push((first, last)),
            }
        }
        Self(joined)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn some_set() -> impl Strategy<Value = (RangeSet<u32>, BTreeSet<u32>)> {
        proptest::collection::vec((0_u32..40, 0_u32..6), 0..6).prop_map(|ranges| {
            let of = |(first, more): &(u32, u32)| (*first, first + more);
            let numbers = ranges.iter().flat_map(|range| of(range).0..=of(range).1).collect();
            (ranges.iter().map(of).collect(), numbers)
        })
    }

    proptest! {
        #[test]
        fn sets_do_what_sets_of_single_numbers_do((a, few) in some_set(), (b, more) in some_set()) {
            let numbers = |set: &RangeSet<u32>| -> BTreeSet<u32> {
                set.ranges().flat_map(|(first, last)| first..=last).collect()
            };
            prop_assert_eq!(numbers(&a.union(&b)), few.union(&more).copied().collect::<BTreeSet<_>>());
            prop_assert_eq!(numbers(&a.intersection(&b)), few.intersection(&more).copied().collect::<BTreeSet<_>>());
            prop_assert_eq!(numbers(&a.difference(&b)), few.difference(&more).copied().collect::<BTreeSet<_>>());
            for number in 0..50 {
                prop_assert_eq!(a.contains(number), few.contains(&number));
            }
            // One way to write each set.
            prop_assert_eq!(a.union(&b).difference(&b).union(&b), a.union(&b));
        }
    }

    #[test]
    fn the_greatest_number_has_no_next_one() {
        let all = RangeSet::range(0, u128::MAX);
        assert!(all.difference(&all).is_empty());
        let upper = RangeSet::range(5, u128::MAX);
        assert_eq!(all.difference(&upper), RangeSet::range(0, 4));
        assert_eq!(upper.union(&RangeSet::range(0, 4)), all);
    }
}
