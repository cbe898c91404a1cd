//! How the compliance of a project went: one entry for each check of the whole project that changed something.

use std::collections::BTreeMap;
use std::path::Path;

use hallmark_core::Result;
use hallmark_core::fs::{self, Mode};
use hallmark_diagnostics::Severity;
use serde::{Deserialize, Serialize};

use crate::{Report, limits};

/// The schema of an entry.
pub const SCHEMA: &str = "hallmark.history/1";

/// One check of the whole project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// [`SCHEMA`].
    pub schema: String,
    /// When, in UTC.
    pub at: String,
    /// The commit that was checked out, if one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The profile; scores of two profiles are not comparable.
    pub profile: String,
    /// The edition; scores of two editions are not comparable.
    pub edition: String,
    /// The compliance score.
    pub score: Option<f64>,
    /// Python files seen.
    pub files: usize,
    /// Error-level findings, those that a baseline hides included.
    pub errors: usize,
    /// Warnings, likewise.
    pub warnings: usize,
    /// Findings that a comment accepts.
    pub suppressed: usize,
    /// The score of each family that was measured.
    pub families: BTreeMap<String, f64>,
    /// Error-level findings by rule.
    pub rules: BTreeMap<String, usize>,
    /// Error-level findings by file and rule; older entries lose it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<BTreeMap<String, BTreeMap<String, usize>>>,
}

impl Entry {
    /// What a report of the whole project says, for keeping.
    #[must_use]
    pub fn of(report: &Report, at: String, commit: Option<String>) -> Self {
        let known = report.accepted.iter().filter(|s| s.by == hallmark_diagnostics::Acceptance::Baseline);
        let all = || report.findings.iter().chain(known.clone().map(|s| &s.finding));
        let count = |severity| all().filter(|f| f.severity == severity).count();
        let (mut rules, mut places) = (BTreeMap::new(), BTreeMap::<String, BTreeMap<String, usize>>::new());
        for finding in all().filter(|f| f.severity == Severity::Error) {
            *rules.entry(finding.rule.to_owned()).or_default() += 1;
            let file = places.entry(finding.path.to_string()).or_default();
            *file.entry(finding.rule.to_owned()).or_default() += 1;
        }
        let families = report.families.iter().filter_map(|f| Some((f.family.to_owned(), f.score?)));
        Self {
            schema: SCHEMA.to_owned(),
            at,
            commit,
            profile: report.profile.to_owned(),
            edition: report.edition.to_owned(),
            score: report.score,
            files: report.files,
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            suppressed: report.suppressed,
            families: families.collect(),
            rules,
            places: Some(places),
        }
    }

    /// Whether two entries say the same, whenever they were made.
    fn says_the_same(&self, other: &Self) -> bool {
        let timeless = |entry: &Self| Self { at: String::new(), commit: None, ..entry.clone() };
        timeless(self) == timeless(other)
    }

    /// Whether the scores of two entries may be compared.
    #[must_use]
    pub fn is_comparable(&self, other: &Self) -> bool {
        self.profile == other.profile && self.edition == other.edition
    }
}

/// What is kept, the oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Lines that could not be read, and are dropped when the file is written next.
    pub damaged: usize,
}

impl History {
    /// Reads a history file; one that is not there is empty, and lines of another version or half-written ones are counted.
    ///
    /// # Errors
    /// `HM-C012` if the file is there and cannot be read.
    pub fn load(file: &Path) -> Result<Self> {
        if !file.is_file() {
            return Ok(Self::default());
        }
        let mut history = Self::default();
        for line in fs::read_text(file)?.lines().filter(|l| !l.trim().is_empty()) {
            match serde_json::from_str::<Entry>(line) {
                Ok(entry) if entry.schema == SCHEMA => history.entries.push(entry),
                _ => history.damaged += 1,
            }
        }
        Ok(history)
    }

    /// Adds an entry, unless it says what the last comparable one says; whether it was added. Keeps at most
    /// [`limits::HISTORY_ENTRIES`], the places of findings only in the newest [`limits::HISTORY_PLACES`].
    pub fn push(&mut self, entry: Entry) -> bool {
        let last = self.entries.iter().rev().find(|e| e.is_comparable(&entry));
        if last.is_some_and(|last| last.says_the_same(&entry)) {
            return false;
        }
        self.entries.push(entry);
        let over = self.entries.len().saturating_sub(limits::HISTORY_ENTRIES);
        self.entries.drain(..over);
        let old = self.entries.len().saturating_sub(limits::HISTORY_PLACES);
        self.entries.iter_mut().take(old).for_each(|entry| entry.places = None);
        true
    }

    /// Adds an entry to a file, unless it says what the last comparable one says; whether it was added. The usual answer, that
    /// nothing changed, costs the reading of one line.
    ///
    /// # Errors
    /// As [`History::load`] and [`History::store`].
    pub fn append(file: &Path, entry: Entry) -> Result<bool> {
        if file.is_file() {
            let text = fs::read_text(file)?;
            let mut newest = text.lines().rev().filter_map(|line| serde_json::from_str::<Entry>(line).ok());
            if newest.find(|e| e.is_comparable(&entry)).is_some_and(|last| last.says_the_same(&entry)) {
                return Ok(false);
            }
        }
        let mut history = Self::load(file)?;
        let added = history.push(entry);
        history.store(file)?;
        Ok(added)
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// `HM-C010`, `HM-C011` if it cannot be written.
    pub fn store(&self, file: &Path) -> Result<()> {
        let mut text = String::new();
        for entry in &self.entries {
            // An entry holds texts and finite numbers, which are always JSON.
            text.push_str(&serde_json::to_string(entry).unwrap_or_default());
            text.push('\n');
        }
        fs::write_atomic(file, text.as_bytes(), Mode::Default)
    }
}

/// One rule, or one rule in one file, that has more or fewer errors than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Move {
    /// The file, or `None` if the rule as a whole is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The rule.
    pub rule: String,
    /// How many errors there were.
    pub before: usize,
    /// How many there are.
    pub after: usize,
}

/// The rules whose number of errors changed, the largest change first.
#[must_use]
pub fn moved_rules(before: &Entry, after: &Entry) -> Vec<Move> {
    let pairs = merged(&before.rules, &after.rules);
    sorted(pairs.map(|(rule, before, after)| Move { path: None, rule, before, after }).collect())
}

/// The files, with the rule, whose number of errors changed; `None` if one of the entries is too old to tell.
#[must_use]
pub fn moved_places(before: &Entry, after: &Entry) -> Option<Vec<Move>> {
    let (old, new) = (before.places.as_ref()?, after.places.as_ref()?);
    let nothing = BTreeMap::new();
    let paths: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let moves = paths.into_iter().flat_map(|path| {
        let pairs = merged(old.get(path).unwrap_or(&nothing), new.get(path).unwrap_or(&nothing));
        pairs
            .map(|(rule, before, after)| Move { path: Some(path.clone()), rule, before, after })
            .collect::<Vec<_>>()
    });
    Some(sorted(moves.collect()))
}

fn merged<'m>(
    old: &'m BTreeMap<String, usize>,
    new: &'m BTreeMap<String, usize>,
) -> impl Iterator<Item = (String, usize, usize)> + 'm {
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let pair = |name: &String| {
        let of = |counts: &BTreeMap<String, usize>| counts.get(name).copied().unwrap_or(0);
        (name.clone(), of(old), of(new))
    };
    names.into_iter().map(pair).filter(|(_, before, after)| before != after).collect::<Vec<_>>().into_iter()
}

fn sorted(mut moves: Vec<Move>) -> Vec<Move> {
    moves.sort_by_key(|m| (std::cmp::Reverse(m.before.abs_diff(m.after)), m.rule.clone(), m.path.clone()));
    moves
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: &str, errors: &[(&str, &str, usize)]) -> Entry {
        let (mut rules, mut places) = (BTreeMap::new(), BTreeMap::<String, BTreeMap<String, usize>>::new());
        for (path, rule, count) in errors {
            *rules.entry((*rule).to_owned()).or_default() += count;
            places.entry((*path).to_owned()).or_default().insert((*rule).to_owned(), *count);
        }
        Entry {
            schema: SCHEMA.to_owned(),
            at: at.to_owned(),
            commit: None,
            profile: "tiered".to_owned(),
            edition: "2026".to_owned(),
            score: Some(0.5),
            files: 3,
            errors: 0,
            warnings: 0,
            suppressed: 0,
            families: BTreeMap::new(),
            rules,
            places: Some(places),
        }
    }

    #[test]
    fn only_what_changes_is_kept_and_only_so_much() {
        let mut history = History::default();
        assert!(history.push(entry("1", &[("a.py", "x", 1)])));
        assert!(!history.push(entry("2", &[("a.py", "x", 1)])));
        let strict = Entry { profile: "strict".to_owned(), ..entry("3", &[]) };
        assert!(history.push(strict));
        assert!(!history.push(entry("4", &[("a.py", "x", 1)])), "another profile lies between them");
        for count in 2..limits::HISTORY_ENTRIES + 10 {
            assert!(history.push(entry("5", &[("a.py", "x", count)])));
        }
        assert_eq!(history.entries.len(), limits::HISTORY_ENTRIES);
        assert_eq!(history.entries.iter().filter(|e| e.places.is_some()).count(), limits::HISTORY_PLACES);
    }

    #[test]
    fn what_moved_is_named() {
        let before = entry("1", &[("a.py", "x", 3), ("b.py", "y", 1)]);
        let after = entry("2", &[("a.py", "x", 1), ("c.py", "y", 1), ("c.py", "z", 1)]);
        let named = |m: &Move| (m.path.clone().unwrap_or_default(), m.rule.clone(), m.before, m.after);
        let rules: Vec<_> = moved_rules(&before, &after).iter().map(named).collect();
        assert_eq!(rules, [(String::new(), "x".to_owned(), 3, 1), (String::new(), "z".to_owned(), 0, 1)]);
        let places: Vec<_> = moved_places(&before, &after).unwrap().iter().map(named).collect();
        assert_eq!(places[0], ("a.py".to_owned(), "x".to_owned(), 3, 1));
        assert_eq!(places.len(), 4);
        assert_eq!(moved_places(&Entry { places: None, ..before }, &after), None);
    }
}
