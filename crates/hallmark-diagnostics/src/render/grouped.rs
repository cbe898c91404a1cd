//! `--format grouped`: each file once, its findings below it, wrapped at the width of the terminal.

use std::fmt::Write as _;

use super::{Style, text};
use crate::limits::TEXT_WIDTH_COLUMNS;
use crate::{Finding, Problem};

/// What is said of one place, and where.
struct Row<'a> {
    place: String,
    head: String,
    message: &'a str,
}

/// Files in the order of their paths; in each the problems first. Ends by saying what was left out.
#[must_use]
pub fn grouped(findings: &[Finding], problems: &[Problem], style: Style) -> String {
    let mut files: std::collections::BTreeMap<&str, Vec<Row<'_>>> = std::collections::BTreeMap::new();
    for problem in problems {
        let place = problem.line.map_or("-".to_owned(), |n| n.to_string());
        let head = format!("problem[{}]", problem.code);
        files.entry(&problem.path).or_default().push(Row { place, head, message: &problem.message });
    }
    let (mut written, mut over) = (0, 0);
    for finding in findings.iter().filter(|f| f.severity >= style.minimum) {
        if style.limit > 0 && written == style.limit {
            over += 1;
            continue;
        }
        written += 1;
        let place = format!("{}:{}", finding.start.line, finding.start.column);
        let head = style.paint(finding.severity, &format!("{}[{}]", finding.severity, finding.rule));
        files.entry(&finding.path).or_default().push(Row { place, head, message: &finding.message });
    }
    let mut out = String::new();
    for (path, rows) in files {
        let _ = writeln!(out, "{}:", style.bold(&text::visible(path)));
        let width = rows.iter().map(|r| r.place.len()).max().unwrap_or_default();
        for row in rows {
            let _ = writeln!(out, "  {:>width$}  {}", row.place, row.head);
            let indent = width + 4;
            let room = TEXT_WIDTH_COLUMNS - indent;
            for line in text::wrap(&text::visible(row.message), room, room).lines() {
                let _ = writeln!(out, "{:indent$}{line}", "");
            }
        }
        out.push('\n');
    }
    out.push_str(&text::left_out(over, findings.iter().filter(|f| f.severity < style.minimum).count()));
    if style.unicode { out } else { text::ascii(&out) }
}
