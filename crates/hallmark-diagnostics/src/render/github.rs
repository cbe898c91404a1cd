//! `--format github`: workflow commands that GitHub Actions turns into annotations.

use std::fmt::Write as _;

use crate::{Finding, Problem, Severity};

/// One `::error` or `::warning` command for each problem and finding; informational findings become `::notice`.
#[must_use]
pub fn github(findings: &[Finding], problems: &[Problem]) -> String {
    let mut out = String::new();
    for problem in problems {
        let line = problem.line.unwrap_or(1);
        let path = property(&problem.path);
        let _ = writeln!(
            out,
            "::error file={path},line={line},title={}::{}",
            problem.code,
            data(&problem.message)
        );
    }
    for finding in findings {
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        let _ = writeln!(
            out,
            "::{command} file={},line={},col={},endLine={},title={}::{}",
            property(&finding.path),
            finding.start.line,
            finding.start.column,
            finding.end.line,
            finding.rule,
            data(&format!("{}\nwhy: {}\nfix: {}", finding.message, finding.why, finding.action)),
        );
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
