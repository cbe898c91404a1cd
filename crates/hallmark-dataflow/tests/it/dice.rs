//! Numbers that are the same in every run.

/// `SplitMix64`, from a seed.
#[derive(Clone, Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
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
