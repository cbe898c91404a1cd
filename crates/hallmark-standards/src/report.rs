//! What a scan gives.

use hallmark_core::ExitClass;
use hallmark_diagnostics::{Finding, Problem, Severity, Suppressed};
use serde::Serialize;

use crate::baseline::Entry;
use crate::scope::Scopes;
use crate::workspace::Record;
use crate::{ScanOptions, score};

/// The schema of the report's JSON.
pub const SCHEMA: &str = "hallmark.check/1";

/// Everything a scan found out, in a deterministic order. Serialises as `hallmark.check/1`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The edition applied.
    pub edition: &'static str,
    /// The profile applied.
    pub profile: &'static str,
    /// The version of the SDK whose names were used.
    pub sdk_version: &'static str,
    /// The compliance score from 0 to 1, or `None` if no file was there to judge.
    pub score: Option<f64>,
    /// Python files seen.
    pub files: usize,
    /// Files that could not be parsed whole; they count as not compliant.
    pub unparsed_files: usize,
    /// Bytes read.
    pub bytes: u64,
    /// Findings that a comment with a reason suppressed.
    pub suppressed: usize,
    /// What the baseline hides, if one was applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineSummary>,
    /// How long the scan took.
    pub duration_ms: f64,
    /// One entry for each family of rules.
    pub families: Vec<FamilySummary>,
    /// What could not be judged, by path and line.
    pub problems: Vec<Problem>,
    /// What breaks a standard, by path and place.
    pub findings: Vec<Finding>,
    /// What breaks a standard and was accepted, with who said why.
    pub accepted: Vec<Suppressed>,
}

/// What a baseline did to a report.
#[derive(Clone, Debug, Serialize)]
pub struct BaselineSummary {
    /// The file, relative to the project.
    pub file: String,
    /// The findings that it hides.
    pub known: usize,
    /// Its entries whose finding is gone.
    pub stale: Vec<Entry>,
}

/// The state of one family of rules.
#[derive(Clone, Debug, Serialize)]
pub struct FamilySummary {
    /// The family's name.
    pub family: &'static str,
    /// The requirement it checks.
    pub requirement: &'static str,
    /// Findings by severity.
    pub errors: usize,
    /// Findings by severity.
    pub warnings: usize,
    /// Findings by severity.
    pub infos: usize,
    /// Files that the family applies to.
    pub applicable_files: usize,
    /// Those of them without an error-level finding of the family that could be parsed.
    pub compliant_files: usize,
    /// The family's weight in the score.
    pub weight: f64,
    /// What the applicable files keep, over their number, or `None` if there is none. A compliant file keeps 1; one with errors
    /// loses the largest weight of their rules.
    pub score: Option<f64>,
}

/// The plain figures that a gate takes as evidence.
#[derive(Clone, Debug, Serialize)]
pub struct EvidenceSummary {
    /// Python files seen.
    pub files: usize,
    /// Files that could not be parsed whole.
    pub unparsed_files: usize,
    /// Error-level findings.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// Problems.
    pub problems: usize,
    /// Suppressed findings.
    pub suppressed: usize,
    /// The score.
    pub score: Option<f64>,
    /// One entry for each family.
    pub families: Vec<FamilySummary>,
    /// Distinct files with an error-level finding of the mocking family.
    pub mocking_files: usize,
}

/// Puts together what is known of the files that the caller wants to hear about, but for the findings themselves.
pub(crate) fn build(
    records: &[&Record],
    walked: &[Problem],
    options: &ScanOptions,
    scopes: &Scopes,
) -> Report {
    let judged = || records.iter().filter_map(|r| r.judged.as_ref());
    let families = score::families(records, scopes);
    let mut problems: Vec<Problem> = walked.to_vec();
    problems.extend(records.iter().flat_map(|r| r.problems.iter().cloned()));
    problems.extend(judged().filter_map(|j| j.problem.clone()));
    problems.sort_unstable();
    Report {
        schema: SCHEMA,
        edition: options.edition.name(),
        profile: options.profile.name(),
        sdk_version: options.edition.sdk_version(),
        score: score::overall(&families),
        files: records.len(),
        unparsed_files: records.iter().filter(|r| !r.problems.is_empty()).count(),
        bytes: records.iter().map(|r| r.bytes).sum(),
        suppressed: judged().map(|j| j.accepted).sum(),
        baseline: None,
        duration_ms: 0.0,
        families,
        problems,
        findings: Vec::new(),
        accepted: Vec::new(),
    }
}

impl Report {
    /// How many findings have this severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|f| f.severity == severity).count()
    }

    /// Every exit class that applies, lowest first; empty when all is well.
    #[must_use]
    pub fn exit_classes(&self) -> Vec<ExitClass> {
        let mut classes = Vec::new();
        if self.count(Severity::Error) > 0 {
            classes.push(ExitClass::Findings);
        }
        if !self.problems.is_empty() {
            classes.push(ExitClass::Unreadable);
        }
        classes
    }

    /// The plain figures that a gate takes as evidence.
    #[must_use]
    pub fn to_evidence_summary(&self) -> EvidenceSummary {
        let mut mocking: Vec<&str> = self
            .findings
            .iter()
            .filter(|f| f.family == "mocking" && f.severity == Severity::Error)
            .map(|f| &*f.path)
            .collect();
        mocking.sort_unstable();
        mocking.dedup();
        EvidenceSummary {
            files: self.files,
            unparsed_files: self.unparsed_files,
            errors: self.count(Severity::Error),
            warnings: self.count(Severity::Warning),
            problems: self.problems.len(),
            suppressed: self.suppressed,
            score: self.score,
            families: self.families.clone(),
            mocking_files: mocking.len(),
        }
    }
}
