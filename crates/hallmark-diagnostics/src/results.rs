//! What a renderer is given besides findings and problems.

use serde::Serialize;

use crate::{Finding, Problem, RuleInfo};

/// What made a finding known and accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Acceptance {
    /// A comment in the source.
    InSource,
    /// An entry of the baseline file.
    Baseline,
}

/// A finding that is not reported because somebody said why it may stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suppressed {
    /// What would have been reported.
    #[serde(flatten)]
    pub finding: Finding,
    /// What keeps it from being reported.
    pub by: Acceptance,
    /// The reason that was given; empty for an entry of a baseline that gives none.
    pub reason: String,
    /// Who answers for it, or empty.
    pub owner: String,
    /// The last day on which it holds, as `YYYY-MM-DD`, or empty.
    pub until: String,
}

/// One scan, as the machine formats and the page see it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Results<'a> {
    /// What breaks a standard.
    pub findings: &'a [Finding],
    /// What could not be judged.
    pub problems: &'a [Problem],
    /// What breaks a standard and was accepted.
    pub suppressed: &'a [Suppressed],
    /// Every rule that may have fired; the ones that did not are left out.
    pub rules: &'a [RuleInfo],
    /// The version of Hallmark.
    pub version: &'a str,
}

impl Results<'_> {
    /// The rules that fired, suppressed findings included, in the order of [`Results::rules`].
    #[must_use]
    pub fn fired(&self) -> Vec<&RuleInfo> {
        let names: std::collections::BTreeSet<&str> =
            self.findings.iter().chain(self.suppressed.iter().map(|s| &s.finding)).map(|f| f.rule).collect();
        self.rules.iter().filter(|r| names.contains(r.name)).collect()
    }
}

/// What the page says above the findings.
#[derive(Clone, Debug, Default)]
pub struct Overview {
    /// The project's name.
    pub title: String,
    /// The compliance score from 0 to 1, if it was measured.
    pub score: Option<f64>,
    /// Facts of the scan as label and value, in the order to show them.
    pub facts: Vec<(&'static str, String)>,
    /// One line for each family of rules.
    pub families: Vec<FamilyLine>,
}

/// How one family of rules stands.
#[derive(Clone, Debug, Default)]
pub struct FamilyLine {
    /// The family's name.
    pub name: &'static str,
    /// The requirement it checks.
    pub requirement: &'static str,
    /// Its weight in the score, from 0 to 1.
    pub weight: f64,
    /// Its score from 0 to 1, or `None` if it applies to no file.
    pub score: Option<f64>,
    /// Its error-level findings.
    pub errors: usize,
    /// Its warnings.
    pub warnings: usize,
}
