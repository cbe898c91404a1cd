//! `--format concise`: one line a finding, `path:line:column: severity[rule] message`.

use std::fmt::Write as _;

use super::{Style, text};
use crate::{Finding, Problem, Severity};

/// What a line takes at most, mostly, besides its path and message.
const LINE_BYTES: usize = 48;

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
    if style.limit == 0 {
        out.reserve(shown.clone().map(|f| f.path.len() + f.message.len() + LINE_BYTES).sum());
    }
    let (mut written, mut over) = (0, 0);
    for finding in shown {
        if style.limit > 0 && written == style.limit {
            over += 1;
            continue;
        }
        written += 1;
        let (path, message) = (text::visible(&finding.path), text::visible(&finding.message));
        let shade = style.shade(finding.severity);
        let (line, column) = (finding.start.line, finding.start.column);
        let (severity, rule) = (finding.severity, finding.rule);
        let _ = writeln!(out, "{path}:{line}:{column}: {shade}{severity}[{rule}]{shade:#} {message}");
    }
    out.push_str(&text::left_out(over, findings.iter().filter(|f| f.severity < style.minimum).count()));
    if style.unicode { out } else { text::ascii(&out) }
}
