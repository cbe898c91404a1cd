//! Evidence as a type, the append-only hash-chained log it is kept in, and the signatures over what is concluded from it.
//!
//! Nothing here measures: the crates above do, and hand over [`Evidence`]. Nothing here decides: gates do, from evidence.
//!
//! What the chain proves and what it does not: an altered, removed or reordered line is found, and so is a cut tail as long as
//! the head file beside the log is left alone. Whoever may write both can rewrite the whole history; therefore a certificate
//! carries the head it was issued at, under a signature ([`Log::verify_from`]).

pub mod evidence;
pub mod keys;
pub mod limits;
pub mod log;

pub use evidence::{Evidence, Verdict, rounded};
pub use keys::{Keys, Signature};
pub use log::{Entry, Head, Log, Verification};

hallmark_core::codes! {
    /// Errors of evidence, its log and its keys.
    pub mod codes {
        LOG_ALTERED = "HM-E001", "the evidence log was altered", Findings;
        LOG_UNWRITABLE = "HM-E002", "the evidence log could not be written", Unreadable;
        ENTRY_TOO_LARGE = "HM-E003", "an entry is too large for the evidence log", Internal;
        SIGNATURE_INVALID = "HM-E010", "a signature does not match", Findings;
        KEY_UNREADABLE = "HM-E011", "the signing key cannot be used", Usage;
        KEY_EXPOSED = "HM-E012", "the signing key can be read by other users", Usage;
    }
}
