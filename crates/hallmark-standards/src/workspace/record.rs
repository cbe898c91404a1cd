//! What is known of one file between two scans.

use std::sync::Arc;

use hallmark_diagnostics::{Finding, Problem, Suppressed};
use hallmark_python::Interface;

use crate::rule::Family;

/// One file: what it holds, what others may see of it, and what the rules said.
pub(crate) struct Record {
    /// The path relative to the root, with forward slashes.
    pub(crate) path: String,
    /// The digest of its bytes; `None` if they could not be read, so that it is tried again.
    pub(crate) content: Option<u128>,
    /// Its length in bytes.
    pub(crate) bytes: u64,
    /// What others may see of it; `None` if it is no text.
    pub(crate) outside: Option<Outside>,
    /// Why it could not be read or parsed whole.
    pub(crate) problems: Vec<Problem>,
    /// What the rules said, if they were asked.
    pub(crate) judged: Option<Judged>,
}

/// An interface and its digest.
#[derive(Clone)]
pub(crate) struct Outside {
    pub(crate) interface: Arc<Interface>,
    pub(crate) digest: u64,
}

impl Outside {
    pub(crate) fn new(interface: Arc<Interface>) -> Self {
        let digest = interface.digest();
        Self { interface, digest }
    }
}

/// What the rules said of one file, and what that rests on.
#[derive(Default)]
pub(crate) struct Judged {
    /// The findings in order of their places.
    pub(crate) findings: Vec<Finding>,
    /// Why the rules could not be run to their end.
    pub(crate) problem: Option<Problem>,
    /// The findings that a comment accepts.
    pub(crate) suppressed: Vec<Suppressed>,
    /// The families that apply to the file.
    pub(crate) applies: Families,
    /// The files that the rules looked at, as places in the sorted list of readable files.
    pub(crate) rests_on: Vec<u32>,
    /// What the project says of the file's own classes.
    pub(crate) classes: u64,
}

/// A set of families.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Families(pub(crate) u32);

impl Families {
    pub(crate) fn add(&mut self, family: Family) {
        self.0 |= 1 << family as u32;
    }

    pub(crate) fn has(self, family: Family) -> bool {
        self.0 & (1 << family as u32) != 0
    }
}
