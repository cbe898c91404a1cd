//! The page of a rule, on what it found and on the comment that silences it.

use hallmark_standards::FileReport;
use lsp_types::{Hover, HoverContents, MarkupContent, MarkupKind, Position, Range};

use crate::pages::Pages;
use crate::text::Text;
use crate::{diagnostics, suppression};

/// What is to be said of a place, if anything.
pub(crate) fn of(text: &Text, report: &FileReport, position: Position, pages: &Pages) -> Option<Hover> {
    let at = text.offset(position);
    let mut parts = Vec::new();
    let mut range = None;
    for finding in &report.findings {
        let (start, end) = diagnostics::bytes(finding, text);
        if !(start..=end).contains(&at) {
            continue;
        }
        range.get_or_insert(text.range(start, end));
        parts.push(format!(
            "**{}** · {} · {}\n\n{}\n\n{}\n\n{}",
            finding.rule,
            finding.severity,
            finding.requirement,
            diagnostics::sentence(&finding.message),
            diagnostics::sentence(&finding.action),
            pages.text(finding.rule).map(|page| body(&page)).unwrap_or_default()
        ));
    }
    if let Some((on_comment, place)) = of_comment(text, at, pages) {
        range.get_or_insert(place);
        parts.push(on_comment);
    }
    if parts.is_empty() {
        return None;
    }
    let contents = MarkupContent { kind: MarkupKind::Markdown, value: parts.join("\n\n---\n\n") };
    Some(Hover { contents: HoverContents::Markup(contents), range })
}

fn of_comment(text: &Text, at: usize, pages: &Pages) -> Option<(String, Range)> {
    let comments = suppression::comments(text.content());
    let comment = comments.iter().find(|c| c.holds(at))?;
    let rules: Vec<&str> = match comment.rule_at(at) {
        Some(rule) => vec![rule],
        None => comment.fact.directive.rules.iter().map(String::as_str).collect(),
    };
    let mut parts = vec![match comment.fact.directive.reason.as_str() {
        "" => "Suppresses nothing yet: write the reason behind the bracket.".to_owned(),
        reason => format!("Suppressed here, because: {reason}"),
    }];
    let directive = &comment.fact.directive;
    for (word, value) in [("Owner", &directive.owner), ("Until", &directive.until)] {
        if !value.is_empty() {
            parts.push(format!("{word}: {value}"));
        }
    }
    for rule in rules {
        parts.push(pages.text(rule).unwrap_or_else(|| format!("There is no rule called `{rule}`.")));
    }
    let span = comment.fact.span;
    Some((parts.join("\n\n"), text.range(span.start as usize, span.end as usize)))
}

/// A page without its title.
fn body(page: &str) -> String {
    page.split_once("\n\n").map_or(page, |(_, rest)| rest).trim().to_owned()
}
