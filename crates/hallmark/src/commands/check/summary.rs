//! The last lines of a check: what was found, in one sentence with numbers.

use hallmark_diagnostics::Severity;
use hallmark_standards::Report;

use super::output;
use crate::app::App;
use crate::ui::WIDTH_MAX;

/// How many entries of the baseline without a finding are named.
const STALE_SHOWN: usize = 5;

/// The sentence; on two lines if one is too narrow for it.
pub(super) fn text(report: &Report) -> String {
    let errors = report.count(Severity::Error);
    let mut files: Vec<&str> =
        report.findings.iter().filter(|f| f.severity == Severity::Error).map(|f| &*f.path).collect();
    files.sort_unstable();
    files.dedup();
    let mut parts = vec![format!("{} in {}", count(errors, "violation"), count(files.len(), "file"))];
    let mut more = |number: usize, text: String| {
        if number > 0 {
            parts.push(text);
        }
    };
    let (warnings, infos) = (report.count(Severity::Warning), report.count(Severity::Info));
    more(warnings, count(warnings, "warning"));
    more(infos, count(infos, "note"));
    more(report.suppressed, format!("{} suppressed", report.suppressed));
    if let Some(baseline) = &report.baseline {
        more(1, format!("{} known", baseline.known));
    }
    let problems = report.problems.len();
    more(problems, format!("{} with problems", count(problems, "file")));
    let score = report.score.map_or("not measured".to_owned(), |s| format!("{s:.3}"));
    let took = output::duration(report.duration_ms);
    let (found, rest) =
        (parts.join(", "), format!("compliance {score} · {} in {took}", count(report.files, "file")));
    let between = if found.chars().count() + 3 + rest.chars().count() > WIDTH_MAX { "\n" } else { " · " };
    format!("{found}{between}{rest}")
}

/// Says which entries of the baseline have outlived their findings.
pub(super) fn stale(app: &App<'_>, report: &Report) {
    let Some(baseline) = report.baseline.as_ref().filter(|b| !b.stale.is_empty()) else { return };
    let number = baseline.stale.len();
    let are = if number == 1 { "entry is" } else { "entries are" };
    app.ui.line(&format!("{number} baseline {are} mended: hallmark baseline update"));
    for entry in baseline.stale.iter().take(STALE_SHOWN) {
        app.ui.line(&format!("  {} {}", entry.path, entry.rule));
    }
    if number > STALE_SHOWN {
        app.ui.line(&format!("  ... and {} more", number - STALE_SHOWN));
    }
}

/// `1 file`, `2 files`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
