//! Known findings, kept in a file that may only shrink: what it names is hidden, what is new is not.
//!
//! An entry names a finding by its fingerprint: rule, path, text of the line and which one of several like it. It survives edits
//! elsewhere in the file, and not an edit of the line itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use hallmark_core::fs::{self, Mode};
use hallmark_core::{Error, Result};
use hallmark_diagnostics::{Acceptance, Finding, Severity, Suppressed};
use serde::{Deserialize, Serialize};

use crate::report::{BaselineSummary, Report};
use crate::{codes, rules};

/// The name of the file, in the project's folder, unless another is given.
pub const FILE_NAME: &str = "hallmark-baseline.json";

/// The schema of the file.
pub const SCHEMA: &str = "hallmark.baseline/1";

/// A finding that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The file, relative to the project, with forward slashes.
    pub path: String,
    /// The rule.
    pub rule: String,
    /// The finding's fingerprint.
    pub fingerprint: String,
    /// What the finding says.
    pub message: String,
    /// The day it was added, as `YYYY-MM-DD`.
    pub added: String,
    /// Why it was added.
    pub reason: String,
}

impl Entry {
    fn of(finding: &Finding, today: &str, reason: &str) -> Self {
        Self {
            path: finding.path.to_string(),
            rule: finding.rule.to_owned(),
            fingerprint: finding.fingerprint.clone(),
            message: finding.message.clone(),
            added: today.to_owned(),
            reason: reason.to_owned(),
        }
    }

    fn names(&self, finding: &Finding) -> bool {
        self.fingerprint == finding.fingerprint && self.rule == finding.rule && *self.path == *finding.path
    }
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// Looked at before the rest is read.
    #[serde(rename = "schema")]
    _schema: String,
    findings: Vec<Entry>,
}

/// The known findings of a project, by fingerprint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline(BTreeMap<String, Entry>);

/// What [`Baseline::update`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// Entries whose finding is gone; they were removed.
    pub removed: Vec<Entry>,
    /// Findings that are not in the baseline; added only if growing was asked for.
    pub new: usize,
    /// New findings of rules that can neither be suppressed nor be known.
    pub forbidden: usize,
}

impl Baseline {
    /// Reads a baseline file.
    ///
    /// # Errors
    /// `HM-G022` if it is not there, `HM-G020` with line and column if it is damaged or of another version, `HM-C012` if it cannot
    /// be read.
    pub fn load(file: &Path) -> Result<Self> {
        if !file.exists() {
            return Err(Error::new(&codes::NO_BASELINE, format!("{} does not exist", file.display()))
                .next("hallmark baseline create"));
        }
        Self::parse(&fs::read_text(file)?, &file.display().to_string())
    }

    fn parse(text: &str, name: &str) -> Result<Self> {
        let damaged = |place: String, text: String| {
            Error::new(&codes::BASELINE_DAMAGED, text).at(place).next(format!(
                "restore {name} from version control, or delete it and run: hallmark baseline create"
            ))
        };
        if let Some(line) = text.lines().position(|l| l.starts_with("<<<<<<< ") || l.starts_with(">>>>>>> "))
        {
            let message = "a merge was not finished in this file".to_owned();
            return Err(damaged(format!("{name}:{}", line + 1), message));
        }
        // The version is asked for first: a newer form must not be called damaged.
        let value: serde_json::Value = serde_json::from_str(text)
            .map_err(|e| damaged(format!("{name}:{}:{}", e.line(), e.column()), format!("not JSON: {e}")))?;
        let schema = value.get("schema").and_then(serde_json::Value::as_str).unwrap_or("none");
        if schema != SCHEMA {
            let message = format!("its schema is {schema}, and this Hallmark reads {SCHEMA}");
            return Err(damaged(name.to_owned(), message));
        }
        let document: Document = serde_json::from_str(text)
            .map_err(|e| damaged(format!("{name}:{}:{}", e.line(), e.column()), e.to_string()))?;
        let mut entries = BTreeMap::new();
        for entry in document.findings {
            if let Some(twin) = entries.insert(entry.fingerprint.clone(), entry) {
                let message = format!("{} is in it twice", twin.fingerprint);
                return Err(damaged(name.to_owned(), message));
            }
        }
        Ok(Self(entries))
    }

    /// The file's text: one line for each entry, sorted by path, rule and fingerprint, so that two versions compare well.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut entries: Vec<&Entry> = self.0.values().collect();
        entries.sort_by_key(|e| (&e.path, &e.rule, &e.fingerprint));
        let mut text = format!("{{\n  \"schema\": \"{SCHEMA}\",\n  \"findings\": [");
        for (index, entry) in entries.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            // An entry holds texts only, which are always JSON.
            let _ = write!(text, "{comma}\n    {}", serde_json::to_string(entry).unwrap_or_default());
        }
        text.push_str(if entries.is_empty() { "]\n}\n" } else { "\n  ]\n}\n" });
        text
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// `HM-C010`, `HM-C011` if it cannot be written.
    pub fn store(&self, file: &Path) -> Result<()> {
        fs::write_atomic(file, self.to_text().as_bytes(), Mode::Default)
    }

    /// The baseline of everything that a report finds, notes and what can never be suppressed aside; and how many findings were
    /// left out for the latter reason.
    #[must_use]
    pub fn of(report: &Report, today: &str, reason: &str) -> (Self, usize) {
        let mut baseline = Self::default();
        let update = baseline.update(report, today, Some(reason));
        (baseline, update.forbidden)
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries, by fingerprint.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.0.values()
    }

    /// Whether a finding is known.
    #[must_use]
    pub fn knows(&self, finding: &Finding) -> bool {
        self.entry(finding).is_some()
    }

    fn entry(&self, finding: &Finding) -> Option<&Entry> {
        self.0.get(&finding.fingerprint).filter(|e| e.names(finding) && may_be_known(finding))
    }

    /// Hides what is known from a report, and says in it what was hidden and what is stale. The score stays as it is: what is
    /// known is not mended.
    ///
    /// `ran` says whether the report can tell that an entry is stale: its file was scanned, or is gone, and its rule ran.
    pub fn apply(&self, report: &mut Report, file: &str, ran: impl Fn(&Entry) -> bool) {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut known = Vec::new();
        report.findings.retain(|finding| {
            let Some(entry) = self.entry(finding) else { return true };
            seen.insert(&entry.fingerprint);
            known.push(Suppressed {
                finding: finding.clone(),
                by: Acceptance::Baseline,
                reason: entry.reason.clone(),
                owner: String::new(),
                until: String::new(),
            });
            false
        });
        let stale = self.0.values().filter(|e| !seen.contains(e.fingerprint.as_str()) && ran(e));
        let stale = stale.cloned().collect();
        report.baseline = Some(BaselineSummary { file: file.to_owned(), known: known.len(), stale });
        report.accepted.append(&mut known);
    }

    /// Removes the entries whose finding is gone. With a reason it also takes in what is new.
    ///
    /// The report must be of the whole project, with every rule, and not yet have a baseline applied.
    pub fn update(&mut self, report: &Report, today: &str, reason: Option<&str>) -> Update {
        let mut update = Update::default();
        let findings: BTreeMap<&str, &Finding> =
            report.findings.iter().map(|f| (f.fingerprint.as_str(), f)).collect();
        self.0.retain(|fingerprint, entry| {
            let stays = findings.get(fingerprint.as_str()).is_some_and(|f| entry.names(f));
            if !stays {
                update.removed.push(entry.clone());
            }
            stays
        });
        let new = report.findings.iter().filter(|f| f.severity > Severity::Info);
        for finding in new.filter(|f| !self.0.contains_key(&f.fingerprint)).collect::<Vec<_>>() {
            if !may_be_known(finding) {
                update.forbidden += 1;
                continue;
            }
            update.new += 1;
            if let Some(reason) = reason {
                self.0.insert(finding.fingerprint.clone(), Entry::of(finding, today, reason));
            }
        }
        update
    }
}

/// Whether a finding may be in a baseline: what no comment can suppress cannot be known either.
fn may_be_known(finding: &Finding) -> bool {
    rules::find(finding.rule).is_some_and(|rule| rule.suppressible)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        Baseline::parse(text, "b.json").map_or_else(|e| e.code().id, |_| "read")
    }

    #[test]
    fn what_is_written_is_read_again() {
        let entry = |path: &str, fingerprint: &str| Entry {
            path: path.to_owned(),
            rule: "star-import".to_owned(),
            fingerprint: fingerprint.to_owned(),
            message: "\"quoted\" \u{e9}".to_owned(),
            added: "2026-11-27".to_owned(),
            reason: String::new(),
        };
        let entries = [entry("b.py", "1"), entry("a.py", "2")];
        let baseline = Baseline(entries.into_iter().map(|e| (e.fingerprint.clone(), e)).collect());
        let text = baseline.to_text();
        assert!(text.find("a.py") < text.find("b.py"), "{text}");
        assert_eq!((Baseline::parse(&text, "b").unwrap(), text.lines().count()), (baseline, 7));
        let empty = Baseline::default();
        assert_eq!(Baseline::parse(&empty.to_text(), "b").unwrap(), empty);
    }

    #[test]
    fn damage_is_told_from_another_version() {
        assert_eq!(code("{\"schema\": \"hallmark.baseline/1\", \"findings\": ["), "HM-G020");
        assert_eq!(code("{\"schema\": \"hallmark.baseline/2\", \"entries\": []}"), "HM-G020");
        assert_eq!(code("{\"schema\": \"hallmark.baseline/1\", \"findings\": [{}]}"), "HM-G020");
        let merge = Baseline::parse("{\n<<<<<<< HEAD\n", "b.json").unwrap_err();
        assert_eq!(merge.place(), Some("b.json:2"));
        let newer = Baseline::parse("{\"schema\": \"hallmark.baseline/2\"}", "b.json").unwrap_err();
        assert!(newer.message().contains("hallmark.baseline/2"), "{newer}");
    }
}
