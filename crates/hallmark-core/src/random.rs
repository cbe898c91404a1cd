//! Random names, tokens and passwords from the operating system; and numbers that only look random, from a seed.

use std::time::Duration;

use crate::{Error, Result, Secret, codes};

const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// A random text of `length` characters from an alphabet of 32 that is safe in URLs, shells and file names (5 bits each).
///
/// # Errors
/// `HM-C099` if the operating system gives no random bytes.
pub fn token(length: usize) -> Result<String> {
    let mut bytes = vec![0_u8; length];
    getrandom::fill(&mut bytes).map_err(|e| {
        Error::new(&codes::INTERNAL, "the operating system gave no random bytes").because_text(e.to_string())
    })?;
    Ok(bytes.iter().map(|b| char::from(ALPHABET[usize::from(b & 31)])).collect())
}

/// Whether a text may be a [`token`] of this length.
pub(crate) fn is_token_of<const LENGTH: usize>(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|byte| ALPHABET.contains(&byte))
}

/// A fresh secret of 160 bits.
///
/// # Errors
/// As [`token`].
pub fn secret() -> Result<Secret> {
    token(32).map(Secret::new)
}

/// Between half of a pause and all of it, so that many who failed together do not come again together.
#[must_use]
pub fn jittered(pause: Duration) -> Duration {
    let random = token(2).unwrap_or_default();
    let share = random.bytes().fold(0_u32, |sum, byte| sum + u32::from(byte)) % 128;
    pause / 2 + pause * share / 256
}

/// Numbers that look random and are the same for the same seed: `SplitMix64` (Steele, Lea and Flood, 2014). Nothing secret is made of
/// them.
///
/// ```
/// let mut numbers = hallmark_core::random::SplitMix64::new(0);
/// assert_eq!([numbers.number(), numbers.number()], [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4]);
/// ```
#[derive(Clone, Debug)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// The numbers of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed(self.0)
    }

    /// A number below `end`; 0 if that is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number().checked_rem(end).unwrap_or(0)
    }

    /// A place in a list of this length; 0 if it is empty.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }
}

/// A number in which every bit of the given one has a part.
#[must_use]
pub const fn mixed(number: u64) -> u64 {
    let z = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_between_their_half_and_their_whole() {
        for _ in 0..200 {
            let pause = jittered(Duration::from_secs(4));
            assert!((Duration::from_secs(2)..=Duration::from_secs(4)).contains(&pause), "{pause:?}");
        }
    }
}
