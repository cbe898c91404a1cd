//! Findings as diagnostics. Each carries the whole finding as `data`, as `hallmark check --format json` prints it.

use hallmark_core::digest;
use hallmark_diagnostics::{Finding, Problem, Severity};
use hallmark_standards::FileReport;
use lsp_types::{Diagnostic, DiagnosticSeverity, DiagnosticTag, NumberOrString};
use serde_json::json;

use crate::pages::Pages;
use crate::text::Text;

/// What every diagnostic names as its source.
pub(crate) const SOURCE: &str = "hallmark";

/// The diagnostics of one file.
pub(crate) fn of(report: &FileReport, text: &Text, pages: &mut Pages) -> Vec<Diagnostic> {
    let problems = report.problems.iter().map(|problem| of_problem(problem, text, pages));
    let mut all: Vec<Diagnostic> = problems.collect();
    all.extend(report.findings.iter().map(|finding| of_finding(finding, text, pages)));
    all
}

/// The diagnostic of a finding.
pub(crate) fn of_finding(finding: &Finding, text: &Text, pages: &mut Pages) -> Diagnostic {
    let (start, end) = bytes(finding, text);
    Diagnostic {
        range: text.range(start, end),
        severity: Some(match finding.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Info => DiagnosticSeverity::HINT,
        }),
        code: Some(NumberOrString::String(finding.rule.to_owned())),
        code_description: pages.link(finding.rule),
        source: Some(SOURCE.to_owned()),
        message: format!("{}\n{}\n{}", finding.message, sentence(finding.why), sentence(&finding.action)),
        tags: tag(finding.rule).map(|tag| vec![tag]),
        related_information: None,
        data: serde_json::to_value(finding).ok(),
    }
}

/// The bytes that a finding marks.
pub(crate) fn bytes(finding: &Finding, text: &Text) -> (usize, usize) {
    let start = text.byte_of(finding.start);
    (start, text.byte_of(finding.end).max(start))
}

fn of_problem(problem: &Problem, text: &Text, pages: &mut Pages) -> Diagnostic {
    let place = hallmark_diagnostics::Position { line: problem.line.unwrap_or(1), column: 1 };
    let (start, end) = text.line_at(text.byte_of(place));
    Diagnostic {
        range: text.range(start, end),
        severity: Some(DiagnosticSeverity::ERROR),
        code: Some(NumberOrString::String(problem.code.to_owned())),
        code_description: pages.link(problem.code),
        source: Some(SOURCE.to_owned()),
        message: problem.message.clone(),
        tags: None,
        related_information: None,
        data: Some(json!({ "problem": problem })),
    }
}

/// How editors should show what a rule finds: faded out, or struck through.
fn tag(rule: &str) -> Option<DiagnosticTag> {
    if rule.starts_with("unused-") {
        Some(DiagnosticTag::UNNECESSARY)
    } else if rule.starts_with("deprecated-") || rule.starts_with("removed-") {
        Some(DiagnosticTag::DEPRECATED)
    } else {
        None
    }
}

/// A text with a capital at its start and a full stop at its end.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?', ':', ';']) || text.is_empty() { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

/// A name for these diagnostics that is the same for the same ones.
pub(crate) fn result_id(items: &[Diagnostic]) -> String {
    let bytes = serde_json::to_vec(items).unwrap_or_default();
    digest::sha256(&bytes)[..16].to_owned()
}
