//! Random names, tokens and passwords from the operating system.

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

/// A fresh secret of 160 bits.
///
/// # Errors
/// As [`token`].
pub fn secret() -> Result<Secret> {
    token(32).map(Secret::new)
}
