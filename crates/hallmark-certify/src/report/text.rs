//! The verdict for a terminal, and the next command.

use std::path::Path;

use hallmark_evidence::Verdict;

use super::view::{duration, gains, words};
use crate::Certificate;
use crate::certificate::SectionRecord;
use crate::section::State;

/// The width that the text keeps, in columns.
pub const WIDTH: usize = 80;

/// Refusals that are listed; the rest is in the report.
const REFUSALS_MAX: usize = 5;

/// The symbols of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symbols {
    /// `✓ ✗ ⊘ ○`, for a console that shows Unicode.
    Unicode,
    /// `[ok] [fail] [exempt] [n/m]`, byte for byte ASCII.
    Ascii,
}

impl Symbols {
    fn of(self, state: State) -> &'static str {
        match (self, state) {
            (Self::Unicode, State::Proven) => "✓",
            (Self::Unicode, State::Partial) => "◐",
            (Self::Unicode, State::Exempted) => "⊘",
            (Self::Unicode, State::NotMeasured) => "○",
            (Self::Unicode, _) => "✗",
            (Self::Ascii, State::Proven) => "[ok]",
            (Self::Ascii, State::Partial) => "[part]",
            (Self::Ascii, State::Exempted) => "[exempt]",
            (Self::Ascii, State::NotMeasured) => "[n/m]",
            (Self::Ascii, _) => "[fail]",
        }
    }
}

/// The verdict of a certificate in lines of at most [`WIDTH`] columns; `report` is the path of the HTML file to name.
#[must_use]
pub fn verdict(certificate: &Certificate, symbols: Symbols, report: Option<&Path>) -> String {
    let mut lines = vec![
        format!("{:<28}{:>8}{:>8}  {:<28}{:>6}", "PART", "WEIGHT", "PROVEN", "STATE", "CAUGHT"),
        rule(symbols),
    ];
    lines.extend(certificate.sections.iter().map(|record| section(record, symbols)));
    lines.push(rule(symbols));
    let claimed: f64 = certificate.claims.iter().filter_map(|c| c.claimed).sum();
    lines.push(format!(
        "{:<28}{:>8}{:>8.4}  {}, {claimed:.2} was claimed",
        "score", "", certificate.production_readiness_score, certificate.certification_level
    ));
    lines.push(counts(certificate));
    lines.push(String::new());
    lines.push(conclusion(certificate, symbols));
    lines.extend(refusals(certificate));
    if let Some(report) = report {
        lines.push(format!("report: {}", report.display()));
    }
    lines.push(format!("next: {}", next_command(certificate, report)));
    let text = lines.join("\n") + "\n";
    if symbols == Symbols::Ascii {
        text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect()
    } else {
        text
    }
}

/// The one command that brings this project further; `report` is where the page was written.
#[must_use]
pub fn next_command(certificate: &Certificate, report: Option<&Path>) -> String {
    if certificate.deployment_approved {
        let default = Path::new(".hallmark/certificates/latest").join(crate::certify::CERTIFICATE_FILE);
        let path = report.map_or(default, |report| report.with_file_name(crate::certify::CERTIFICATE_FILE));
        return format!("hallmark verify-certificate {}", path.display());
    }
    if !certificate.findings.problems.is_empty()
        || certificate.sections.iter().any(|s| !s.section.hard_failures.is_empty())
    {
        return "hallmark check".to_owned();
    }
    let best = gains(certificate).max_by(|a, b| a.0.total_cmp(&b.0));
    let command = best.map(|(_, _, evidence)| evidence.reproduce.clone()).filter(|c| !c.is_empty());
    command.unwrap_or_else(|| "hallmark certify".to_owned())
}

fn section(record: &SectionRecord, symbols: Symbols) -> String {
    let section = &record.section;
    let caught = section.controls.iter().filter(|c| c.caught).count();
    format!(
        "{:<28}{:>8.4}{:>8.4}  {:<28}{:>6}",
        cut(&section.title, 27),
        section.weight,
        record.points,
        format!("{} {}", symbols.of(record.state), record.state.words()),
        format!("{caught}/{}", section.controls.len())
    )
}

fn counts(certificate: &Certificate) -> String {
    let count = |v: Verdict| certificate.evidence().filter(|e| e.verdict == v).count();
    let each = Verdict::ALL.map(|v| format!("{} {}", count(v), words(v))).join(", ");
    format!("{} checks: {each} | {}", certificate.evidence().count(), duration(certificate.duration_ms))
}

fn conclusion(certificate: &Certificate, symbols: Symbols) -> String {
    let mark = |yes: bool| symbols.of(if yes { State::Proven } else { State::Failed });
    if certificate.deployment_approved {
        let operation = if certificate.operational_approval { "approved" } else { "not approved" };
        let until: String = certificate.next_review_date.chars().take(10).collect();
        format!("{} granted: deployment approved, operation {operation}, valid until {until}", mark(true))
    } else {
        format!("{} refused: deployment is not approved", mark(false))
    }
}

fn refusals(certificate: &Certificate) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (n, reason) in certificate.refusals.iter().take(REFUSALS_MAX).enumerate() {
        lines.extend(wrapped(&format!("{:>3}. ", n + 1), reason));
    }
    if certificate.refusals.len() > REFUSALS_MAX {
        lines.push(format!("     and {} more, in the report", certificate.refusals.len() - REFUSALS_MAX));
    }
    lines
}

/// The text in lines of [`WIDTH`], hung under its first line. A word longer than a line stays whole: a path must be copied.
fn wrapped(prefix: &str, text: &str) -> Vec<String> {
    let indent = " ".repeat(prefix.chars().count());
    let mut lines = Vec::new();
    let mut line = prefix.to_owned();
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, indent.clone()));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    lines.push(line);
    lines
}

fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        text.to_owned()
    } else {
        text.chars().take(columns - 2).collect::<String>() + ".."
    }
}

fn rule(symbols: Symbols) -> String {
    if symbols == Symbols::Unicode { "─".repeat(WIDTH) } else { "-".repeat(WIDTH) }
}
