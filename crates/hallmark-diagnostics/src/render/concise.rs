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
    // By the number of the severity: there may be tens of thousands of findings, and colours are put together once.
    let heads = [Severity::Info, Severity::Warning, Severity::Error].map(|severity| {
        let shade = style.shade(severity);
        (format!("{shade}{severity}["), format!("]{shade:#} "))
    });
    let (mut written, mut over) = (0, 0);
    for finding in shown {
        if style.limit > 0 && written == style.limit {
            over += 1;
            continue;
        }
        written += 1;
        let (path, message) = (text::visible(&finding.path), text::visible(&finding.message));
        let (before, after) = &heads[finding.severity as usize];
        out.push_str(&path);
        let _ = write!(out, ":{}:{}: ", finding.start.line, finding.start.column);
        for part in [before, finding.rule, after, &message, "\n"] {
            out.push_str(part);
        }
    }
    out.push_str(&text::left_out(over, findings.iter().filter(|f| f.severity < style.minimum).count()));
    if style.unicode { out } else { text::ascii(&out) }
}
