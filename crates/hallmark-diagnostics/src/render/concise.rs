//! `--format concise`: one line a finding, `path:line:column: severity[rule] message`.

use std::fmt::Write as _;

use super::{Style, text};
use crate::{Finding, Problem};

/// One line for each problem and finding; control characters in paths and messages are replaced.
#[must_use]
pub fn concise(findings: &[Finding], problems: &[Problem], style: Style) -> String {
    let mut out = String::new();
    for problem in problems {
        let line = problem.line.map(|n| format!(":{n}")).unwrap_or_default();
        let _ = writeln!(out, "{}{line}: problem[{}] {}", problem.path, problem.code, problem.message);
    }
    let shown = findings.iter().filter(|f| f.severity >= style.minimum);
    let (mut written, mut over) = (0, 0);
    for finding in shown {
        if style.limit > 0 && written == style.limit {
            over += 1;
            continue;
        }
        written += 1;
        let Finding { path, start, severity, rule, message, .. } = finding;
        let _ = writeln!(out, "{path}:{}:{}: {severity}[{rule}] {message}", start.line, start.column);
    }
    out.push_str(&text::left_out(over, findings.iter().filter(|f| f.severity < style.minimum).count()));
    let out = out.replace(|c: char| c.is_control() && c != '\n', "?");
    if style.unicode { out } else { text::ascii(&out) }
}
