//! Streams of numbers that look random and are the same for the same seed, one for each thing that is drawn.

use hallmark_core::random::SplitMix64;

/// A stream of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random(SplitMix64);

impl Random {
    /// The stream of this seed; `lane` makes independent ones of one seed.
    pub(crate) fn new(seed: u64, lane: u64) -> Self {
        let mut random = Self(SplitMix64::new(seed ^ lane.wrapping_mul(0xA076_1D64_78BD_642F)));
        random.next();
        random
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0.number()
    }

    /// A number below `end`; 0 if that is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0.below(end)
    }

    /// One of these, which must not be none.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        self.0.index(length)
    }

    /// Puts them in another order (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, all: &mut [T]) {
        for end in (1..all.len()).rev() {
            all.swap(end, self.index(end + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_shuffles_alike_and_another_otherwise() {
        let order = |seed| {
            let mut all: Vec<u32> = (0..50).collect();
            Random::new(seed, 1).shuffle(&mut all);
            all
        };
        assert_eq!(order(7), order(7));
        assert_ne!(order(7), order(8));
    }
}
