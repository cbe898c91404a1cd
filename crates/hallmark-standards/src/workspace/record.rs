//! What is known of one file between two scans.

use std::sync::Arc;

use hallmark_diagnostics::{Finding, Problem, Severity};
use hallmark_python::{Interface, Name};
use serde::{Deserialize, Serialize};

use super::pack::{Pack, Place};
use super::said::Said;
use crate::rule::Family;
use crate::rules;
use crate::stamp::Stamp;

/// One file: what it holds, what others may see of it, and what the rules said.
#[derive(Default)]
pub(crate) struct Record {
    /// The path relative to the root, with forward slashes.
    pub(crate) path: String,
    /// The digest of its bytes; `None` if they could not be read, so that it is tried again.
    pub(crate) content: Option<u128>,
    /// What the file system said of it when it was read, if that can be relied on.
    pub(crate) stamp: Option<Stamp>,
    /// Whether it is another than in the cache file that was loaded.
    pub(crate) is_news: bool,
    /// Its length in bytes.
    pub(crate) bytes: u64,
    /// What others may see of it; `None` if it is no text.
    pub(crate) outside: Option<Outside>,
    /// Why it could not be read or parsed whole.
    pub(crate) problems: Vec<Problem>,
    /// What the rules said, if they were asked.
    pub(crate) judged: Option<Judged>,
}

impl Record {
    /// Whether Python would import the file by this name, as when the record was made.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.outside.as_ref().is_none_or(|outside| *outside.name == *name)
    }
}

/// An interface and its digest.
#[derive(Clone)]
pub(crate) struct Outside {
    /// The dotted name that Python would import the file by.
    pub(crate) name: Name,
    pub(crate) digest: u64,
    face: Face,
}

#[derive(Clone)]
enum Face {
    Held(Arc<Interface>),
    Packed(Arc<Pack>, Place),
}

impl Outside {
    pub(crate) fn new(interface: Arc<Interface>) -> Self {
        Self { name: interface.name.clone(), digest: interface.digest(), face: Face::Held(interface) }
    }

    /// One that lies in a cache file.
    pub(crate) fn packed(name: Name, digest: u64, pack: Arc<Pack>, place: Place) -> Self {
        Self { name, digest, face: Face::Packed(pack, place) }
    }

    /// The interface, read from the cache file if need be.
    pub(crate) fn interface(&self) -> Arc<Interface> {
        match &self.face {
            Face::Held(interface) => interface.clone(),
            Face::Packed(pack, place) => pack.interface(*place),
        }
    }

    /// The bytes that stand for it in a cache file.
    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        match &self.face {
            Face::Held(interface) => postcard::to_allocvec(&**interface).ok(),
            Face::Packed(pack, place) => pack.bytes(*place),
        }
    }
}

/// What the rules said of one file, and what that rests on.
#[derive(Default)]
pub(crate) struct Judged {
    /// The findings.
    pub(crate) said: Said,
    /// How many findings are reported.
    pub(crate) counts: Vec<Count>,
    /// How many findings a comment accepts.
    pub(crate) accepted: usize,
    /// Why the rules could not be run to their end.
    pub(crate) problem: Option<Problem>,
    /// The families that apply to the file.
    pub(crate) applies: Families,
    /// The files that the rules looked at, as places in the sorted list of readable files.
    pub(crate) rests_on: Vec<u32>,
    /// What the project says of the file's own classes.
    pub(crate) classes: u64,
}

/// How many findings of a rule and a severity a file has.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Count {
    /// The place of the rule among all.
    pub(crate) rule: usize,
    pub(crate) severity: Severity,
    pub(crate) number: usize,
}

impl Count {
    /// What these findings count.
    pub(crate) fn all(findings: &[Finding]) -> Vec<Self> {
        let mut counts: Vec<Self> = Vec::new();
        for finding in findings {
            let Some(rule) = rules::place(finding.rule) else { continue };
            match counts.iter_mut().find(|c| c.rule == rule && c.severity == finding.severity) {
                Some(count) => count.number += 1,
                None => counts.push(Self { rule, severity: finding.severity, number: 1 }),
            }
        }
        counts
    }
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
