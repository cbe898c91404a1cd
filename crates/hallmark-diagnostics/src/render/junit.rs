//! `--format junit`: one test case for each file with findings or problems.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::{Finding, Problem, Severity};

/// JUnit XML in which an error-level finding is a failure and a problem is an error; lesser findings go to `system-out`.
#[must_use]
pub fn junit(findings: &[Finding], problems: &[Problem]) -> String {
    let mut files: BTreeMap<&str, (Vec<&Finding>, Vec<&Problem>)> = BTreeMap::new();
    for finding in findings {
        files.entry(&finding.path).or_default().0.push(finding);
    }
    for problem in problems {
        files.entry(&problem.path).or_default().1.push(problem);
    }
    let failures = findings.iter().filter(|f| f.severity == Severity::Error).count();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuite name=\"hallmark check\" tests=\"{}\" failures=\"{failures}\" errors=\"{}\">",
        files.len(),
        problems.len()
    );
    for (path, (findings, problems)) in files {
        let _ = writeln!(out, "  <testcase classname=\"hallmark\" name=\"{}\">", escape(path));
        for problem in problems {
            let (code, text) = (problem.code, escape(&problem.message));
            let _ = writeln!(out, "    <error type=\"{code}\" message=\"{text}\"/>");
        }
        let mut lesser = String::new();
        for finding in findings {
            let place = format!("{}:{}:{}", finding.path, finding.start.line, finding.start.column);
            let text = format!("{place}: {}\nwhy: {}\nfix: {}", finding.message, finding.why, finding.action);
            if finding.severity == Severity::Error {
                let (rule, message) = (finding.rule, escape(&finding.message));
                let _ = writeln!(
                    out,
                    "    <failure type=\"{rule}\" message=\"{message}\">{}</failure>",
                    escape(&text)
                );
            } else {
                let _ =
                    writeln!(lesser, "{}[{}] {place}: {}", finding.severity, finding.rule, finding.message);
            }
        }
        if !lesser.is_empty() {
            let _ = writeln!(out, "    <system-out>{}</system-out>", escape(&lesser));
        }
        out.push_str("  </testcase>\n");
    }
    out.push_str("</testsuite>\n");
    out
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
