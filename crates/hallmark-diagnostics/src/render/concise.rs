//! `--format concise`: one line a finding, `path:line:column: severity[rule] message`.

use std::fmt::Write as _;

use super::{Style, text};
use crate::{Finding, Problem, Severity};

/// One line for each problem and finding; control characters in paths and messages are replaced.
#[must_use]
pub fn concise(findings: &[Finding], problems: &[Problem], style: Style) -> String {
    let mut out = String::new();
    for problem in problems {
        let line = problem.line.map(|n| format!(":{n}")).unwrap_or_default();
        let (path, message) = (text::visible(&problem.path), text::visible(&problem.message));
        let head = style.paint(Severity::Error, &format!("problem[{}]", problem.code));
        let _ = writeln!(out, "{path}{line}: {head} {message}");
    }
    let shown = findings.iter().filter(|f| f.severity >= style.minimum);
    let (mut written, mut over) = (0, 0);
    for finding in shown {
        if style.limit > 0 && written == style.limit {
            over += 1;
            continue;
        }
        written += 1;
        let (path, message) = (text::visible(&finding.path), text::visible(&finding.message));
        let head = style.paint(finding.severity, &format!("{}[{}]", finding.severity, finding.rule));
        let _ = writeln!(out, "{path}:{}:{}: {head} {message}", finding.start.line, finding.start.column);
    }
    out.push_str(&text::left_out(over, findings.iter().filter(|f| f.severity < style.minimum).count()));
    if style.unicode { out } else { text::ascii(&out) }
}
