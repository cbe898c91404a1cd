//! The only editor of a user's sources: edits are merged, checked, journalled and written, and can be undone byte for byte.
//!
//! Fixes are byte ranges of the *decoded* text. [`edit`] merges those of many findings, [`document`] carries the result over to
//! the file's own bytes (mark, encoding and line breaks stay as they are), [`rounds`] repeats that until nothing is left to
//! fix, [`transaction`] writes all files or says why not, and [`journal`] keeps what they were. No function here prints, and
//! scanning is a callback: this crate knows no rule.

pub mod diff;
pub mod document;
pub mod edit;
pub mod journal;
pub mod limits;
pub mod rounds;
pub mod suppress;
mod target;
pub mod transaction;
pub mod undo;

pub use transaction::{Change, Note, Transaction, Written};

hallmark_core::codes! {
    /// Why a source file was not edited, or not brought back.
    pub mod codes {
        CHANGED = "HM-F001", "the file changed since it was scanned", Findings;
        OUTSIDE = "HM-F002", "the file lies outside the project", Findings;
        READ_ONLY = "HM-F003", "the file is read-only", Findings;
        WOULD_BREAK = "HM-F004", "the fixes would break the file's syntax", Findings;
        NOT_ENCODABLE = "HM-F005", "the fix has a character that the file's encoding lacks", Findings;
        NO_RUN = "HM-F010", "there is no such run in the journal", Usage;
        CHANGED_SINCE = "HM-F011", "a file was changed after the run that is to be undone", Findings;
        DAMAGED = "HM-F012", "the journal of a run is damaged", Unreadable;
        BUSY = "HM-F013", "another Hallmark is writing to this project", Unavailable;
    }
}
