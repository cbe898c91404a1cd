//! `--format gitlab`: a Code Quality report, as GitLab's merge requests read it.

use hallmark_core::digest;
use serde_json::{Value, json};

use crate::{Finding, Problem, Severity};

/// A JSON array with one entry for each problem (`critical`) and finding (`major`, `minor` or `info`).
///
/// GitLab compares entries by `fingerprint`, so each is unique in the report and does not change when lines move.
#[must_use]
pub fn gitlab(findings: &[Finding], problems: &[Problem]) -> String {
    let problems = problems.iter().map(problem);
    let entries: Vec<Value> = problems.chain(findings.iter().map(finding)).collect();
    super::json(&entries)
}

fn finding(finding: &Finding) -> Value {
    let severity = match finding.severity {
        Severity::Error => "major",
        Severity::Warning => "minor",
        Severity::Info => "info",
    };
    json!({
        "check_name": finding.rule,
        "description": format!("{}. {}. {}", finding.message, finding.why.trim_end_matches('.'), finding.action),
        "fingerprint": finding.fingerprint,
        "severity": severity,
        "location": {
            "path": finding.path,
            "lines": { "begin": finding.start.line, "end": finding.end.line.max(finding.start.line) },
        },
    })
}

fn problem(problem: &Problem) -> Value {
    let line = problem.line.unwrap_or(1);
    // A file has at most one problem of a code on a line; the message may name figures that change.
    let key = format!("{}\n{}\n{line}", problem.code, problem.path);
    json!({
        "check_name": problem.code,
        "description": problem.message,
        "fingerprint": &digest::sha256(key.as_bytes())[..32],
        "severity": "critical",
        "location": { "path": problem.path, "lines": { "begin": line } },
    })
}
