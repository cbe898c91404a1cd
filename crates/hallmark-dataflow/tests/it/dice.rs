//! Numbers that are the same in every run.

use hallmark_core::random::SplitMix64;

#[derive(Clone, Debug)]
pub(crate) struct Dice(SplitMix64);

impl Dice {
    /// The dice of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(SplitMix64::new(seed))
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0.below(n)
    }

    /// True in so many of a hundred cases.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    pub(crate) fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()].clone()
    }

    /// A few of these, in another order.
    pub(crate) fn some<T: Clone>(&mut self, all: &[T], most: u64) -> Vec<T> {
        let (mut left, mut taken) = (all.to_vec(), Vec::new());
        for _ in 0..self.below(most + 1) {
            if left.is_empty() {
                break;
            }
            let at = usize::try_from(self.below(left.len() as u64)).unwrap();
            taken.push(left.remove(at));
        }
        taken
    }
}
