//! `--format junit`: JUnit XML for Jenkins, GitLab and whatever else reads test results.
//!
//! GitLab tells test cases apart by `classname` and `name`, compares them between branches and shows one failure of each, so
//! every finding is a test case of its own, named by what stays the same when lines move.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::{Finding, Problem, Severity};

/// One suite for each file. An error-level finding is a failed test case, a problem one that ended in an error; lesser findings
/// pass and say what they are in `system-out`. Without any of these there is one test case that passed: Jenkins takes a file
/// without test cases for a broken build.
#[must_use]
pub fn junit(findings: &[Finding], problems: &[Problem]) -> String {
    let mut files: BTreeMap<&str, (Vec<&Finding>, Vec<&Problem>)> = BTreeMap::new();
    for finding in findings {
        files.entry(&finding.path).or_default().0.push(finding);
    }
    for problem in problems {
        files.entry(&problem.path).or_default().1.push(problem);
    }
    let failed = |findings: &[&Finding]| findings.iter().filter(|f| f.severity == Severity::Error).count();
    let all: Vec<&Finding> = findings.iter().collect();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let count = |tests: usize, failures: usize, errors: usize| {
        format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"0\"")
    };
    let totals = count((findings.len() + problems.len()).max(1), failed(&all), problems.len());
    let _ = writeln!(out, "<testsuites name=\"hallmark check\" {totals}>");
    if files.is_empty() {
        let _ = writeln!(out, "  <testsuite name=\"hallmark\" {}>", count(1, 0, 0));
        out.push_str("    <testcase classname=\"hallmark\" name=\"gold standards\"/>\n  </testsuite>\n");
    }
    for (path, (findings, problems)) in files {
        let totals = count(findings.len() + problems.len(), failed(&findings), problems.len());
        let path = escape(path);
        let _ = writeln!(out, "  <testsuite name=\"{path}\" {totals}>");
        for problem in problems {
            push_problem(&mut out, &path, problem);
        }
        for finding in findings {
            push_finding(&mut out, &path, finding);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn push_problem(out: &mut String, path: &str, problem: &Problem) {
    let (code, text) = (problem.code, escape(&problem.message));
    let line = problem.line.unwrap_or(1);
    let name = format!("{code} line {line}");
    let _ = writeln!(
        out,
        "    <testcase classname=\"{path}\" name=\"{name}\" file=\"{path}\" line=\"{line}\">\n      \
         <error type=\"{code}\" message=\"{text}\">{path}:{line}: {text}</error>\n    </testcase>"
    );
}

fn push_finding(out: &mut String, path: &str, finding: &Finding) {
    let (rule, line, column) = (finding.rule, finding.start.line, finding.start.column);
    let message = escape(&finding.message);
    let text = escape(&format!("why: {}\nfix: {}", finding.why, finding.action));
    let text = format!("{path}:{line}:{column}: {message}\n{text}");
    let body = if finding.severity == Severity::Error {
        format!("<failure type=\"{rule}\" message=\"{message}\">{text}</failure>")
    } else {
        format!("<system-out>{}[{rule}] {text}</system-out>", finding.severity)
    };
    let name = format!("{rule} {}", finding.fingerprint);
    let _ = writeln!(
        out,
        "    <testcase classname=\"{path}\" name=\"{name}\" file=\"{path}\" line=\"{line}\">\n      {body}\n    </testcase>"
    );
}

/// Escapes for text and attributes; characters that XML 1.0 cannot hold become `?`.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('?'),
            c => out.push(c),
        }
    }
    out
}
