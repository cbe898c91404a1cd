//! What was written and acknowledged, and the judge of what is read back. The judge is pure.
//!
//! A record has a number, and two parts that are written in one transaction; the same transaction sets a register to the
//! record's number. What each part must hold follows from seed, service and number.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use hallmark_services::ServiceKind;

use crate::failure::Outcome;
use hallmark_core::random::mixed;

/// The parts of each record.
pub(crate) const PARTS: u8 = 2;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// An acknowledged record, or a part of it, is not there.
    Lost { number: u64 },
    /// A part does not hold what was written.
    Altered { number: u64, got: String },
    /// The register is older than what was acknowledged before it was read, and no label says so.
    Stale { got: u64, acknowledged: u64 },
    /// Something is there that nobody wrote.
    Invented { number: u64 },
    /// Of a transaction that was not acknowledged one part is there.
    Torn { number: u64 },
    /// The model API answered with something else than before the faults.
    Answer { what: String },
}

impl Violation {
    /// Whether it is a lost write; else it is a wrong answer.
    pub(crate) const fn is_loss(&self) -> bool {
        matches!(self, Self::Lost { .. })
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lost { number } => write!(f, "record {number} was acknowledged and is lost"),
            Self::Altered { number, got } => write!(f, "record {number} came back as {got:?}"),
            Self::Stale { got, acknowledged } => {
                write!(f, "{got} was served as fresh after {acknowledged} was acknowledged")
            }
            Self::Invented { number } => write!(f, "record {number} is there and was never written"),
            Self::Torn { number } => write!(f, "half of the transaction of record {number} is there"),
            Self::Answer { what } => write!(f, "wrong answer: {what}"),
        }
    }
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The server itself, or something that says no other: it must be fresh.
    Unlabelled,
    /// A fallback that said so: it may be old, and must be right.
    #[cfg_attr(not(test), expect(dead_code, reason = "no client that the load uses has a fallback yet"))]
    Labelled,
}

/// What a store holds of the records: number, part, content.
pub(crate) type Stored = BTreeMap<u64, BTreeMap<u8, String>>;

/// The numbers at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    /// Every acknowledged number.
    pub(crate) acknowledged: BTreeSet<u64>,
    /// The highest number of which a write was begun; 0 if none was.
    pub(crate) begun: u64,
}

/// The numbers of one service, in memory and, line by line, in a file.
pub(crate) struct Ledger {
    seed: u64,
    service: ServiceKind,
    page: Mutex<Page>,
    file: Mutex<File>,
}

impl Ledger {
    /// An empty ledger that writes to this file.
    pub(crate) fn new(seed: u64, service: ServiceKind, path: &Path) -> Outcome<Self> {
        Ok(Self { seed, service, page: Mutex::default(), file: Mutex::new(File::create(path)?) })
    }

    /// Begins the next record.
    pub(crate) fn begin(&self) -> u64 {
        let mut page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        page.begun += 1;
        page.begun
    }

    /// Takes note of an acknowledgement.
    pub(crate) fn acknowledge(&self, number: u64) -> Outcome {
        let line = format!("{{\"number\":{number},\"at\":\"{}\"}}\n", hallmark_core::clock::now());
        self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes())?;
        self.page.lock().unwrap_or_else(PoisonError::into_inner).acknowledged.insert(number);
        Ok(())
    }

    /// The numbers as they are now.
    pub(crate) fn page(&self) -> Page {
        self.page.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The highest acknowledged number and the highest begun one.
    pub(crate) fn bounds(&self) -> (u64, u64) {
        let page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        (page.acknowledged.last().copied().unwrap_or(0), page.begun)
    }

    /// How many were acknowledged.
    pub(crate) fn count(&self) -> u64 {
        self.page.lock().unwrap_or_else(PoisonError::into_inner).acknowledged.len() as u64
    }

    /// The acknowledged number at this place, counted from the first.
    pub(crate) fn pick(&self, place: usize) -> Option<u64> {
        let page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        let count = page.acknowledged.len();
        (count > 0).then(|| page.acknowledged.iter().nth(place % count).copied()).flatten()
    }

    /// What a part of a record must hold.
    pub(crate) fn content(&self, number: u64, part: u8) -> String {
        let salt = mixed(self.seed ^ (self.service as u64) << 56 ^ u64::from(part) << 48);
        format!("{}-{number}-{part}-{:016x}", self.service, mixed(salt ^ number))
    }

    /// Judges one acknowledged record that was read.
    pub(crate) fn judge_record(&self, number: u64, got: &BTreeMap<u8, String>) -> Vec<Violation> {
        if (0..PARTS).any(|part| !got.contains_key(&part)) {
            return vec![Violation::Lost { number }];
        }
        self.altered(number, got)
    }

    /// Judges the register: `acknowledged` before it was read, `begun` after.
    pub(crate) fn judge_register(
        got: Option<u64>,
        acknowledged: u64,
        begun: u64,
        source: Source,
    ) -> Vec<Violation> {
        let got = got.unwrap_or(0);
        if got > begun {
            return vec![Violation::Invented { number: got }];
        }
        if got < acknowledged && source == Source::Unlabelled {
            return vec![Violation::Stale { got, acknowledged }];
        }
        Vec::new()
    }

    /// Judges everything that a store holds: `before` was taken before it was read, `after` behind it. `whole`: the store
    /// has transactions.
    pub(crate) fn judge_all(
        &self,
        stored: &Stored,
        before: &Page,
        after: &Page,
        whole: bool,
    ) -> Vec<Violation> {
        let nothing = BTreeMap::new();
        let mut found: Vec<Violation> = before
            .acknowledged
            .iter()
            .flat_map(|number| self.judge_record(*number, stored.get(number).unwrap_or(&nothing)))
            .collect();
        for (number, parts) in stored.iter().filter(|(number, _)| !before.acknowledged.contains(number)) {
            if *number > after.begun || *number == 0 {
                found.push(Violation::Invented { number: *number });
            } else if whole && parts.len() != usize::from(PARTS) {
                found.push(Violation::Torn { number: *number });
            }
            found.extend(self.altered(*number, parts));
        }
        found
    }

    fn altered(&self, number: u64, got: &BTreeMap<u8, String>) -> Vec<Violation> {
        let wrong = got.iter().filter(|(part, content)| **content != self.content(number, **part));
        wrong.map(|(_, content)| Violation::Altered { number, got: content.clone() }).collect()
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
