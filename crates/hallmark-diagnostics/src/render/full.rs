//! `--format full`: a code frame with what, why, and what to do.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Style, text};
use crate::limits::TEXT_WIDTH_COLUMNS;
use crate::{Applicability, Finding, Fix, Problem, Severity};

/// Problems first, then a frame for each finding up to the limit; ends by saying what was left out.
#[must_use]
pub fn full(findings: &[Finding], problems: &[Problem], style: Style) -> String {
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    let decor = if style.unicode { DecorStyle::Unicode } else { DecorStyle::Ascii };
    let renderer = renderer.term_width(TEXT_WIDTH_COLUMNS).decor_style(decor);
    let clean = |s: &str| {
        let text = text::visible(s);
        if style.unicode { text.into_owned() } else { text::ascii(&text) }
    };
    let mut out = String::new();
    for problem in problems {
        out.push_str(&show_problem(&renderer, problem, clean));
    }
    let mut over = 0;
    let shown = findings.iter().filter(|f| f.severity >= style.minimum);
    for (index, finding) in shown.enumerate() {
        if style.limit > 0 && index >= style.limit {
            over += 1;
        } else {
            out.push_str(&show_finding(&renderer, finding, clean));
        }
    }
    out.push_str(&text::left_out(over, findings.iter().filter(|f| f.severity < style.minimum).count()));
    out
}

fn show_problem(renderer: &Renderer, problem: &Problem, clean: impl Fn(&str) -> String) -> String {
    let used = "problem[HM-P000]: ".len();
    let message = text::wrap(&clean(&problem.message), TEXT_WIDTH_COLUMNS - used, TEXT_WIDTH_COLUMNS - used);
    let (path, docs) = (clean(&problem.path), format!("hallmark explain {}", problem.code));
    let origin = Origin::path(path.as_str());
    let origin = match problem.line {
        Some(line) => origin.line(line as usize),
        None => origin,
    };
    let level = Level::WARNING.with_name("problem");
    let group = level
        .primary_title(message.as_str())
        .id(problem.code)
        .element(origin)
        .element(Level::NOTE.with_name("docs").message(docs.as_str()));
    renderer.render(&[group]) + "\n\n"
}

fn show_finding(renderer: &Renderer, finding: &Finding, clean: impl Fn(&str) -> String) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let used = finding.severity.name().len() + finding.rule.len() + 4;
    let message = text::wrap(&clean(&finding.message), TEXT_WIDTH_COLUMNS - used, TEXT_WIDTH_COLUMNS - used);
    let (path, source, label) = (clean(&finding.path), &finding.excerpt.text, clean(&finding.excerpt.label));
    // The gutter is as wide as the line number; "= auto:  " follows it.
    let gutter = finding.start.line.to_string().len() + 10;
    let foot = |s: &str| text::wrap(&clean(s), TEXT_WIDTH_COLUMNS - gutter, TEXT_WIDTH_COLUMNS - gutter);
    let (why, action, docs) =
        (foot(finding.why), foot(&finding.action), format!("hallmark rule {}", finding.rule));
    let line = finding.start.line as usize;
    let (source, span) = ascii_line(source, finding.excerpt.start..finding.excerpt.end, &clean);
    let group = Group::with_title(level.primary_title(message.as_str()).id(finding.rule));
    let group = if source.is_empty() {
        group.element(Origin::path(path.as_str()).line(line).char_column(finding.start.column as usize))
    } else {
        let mark = AnnotationKind::Primary.span(span);
        let mark = if label.is_empty() { mark } else { mark.label(label.as_str()) };
        group.element(Snippet::source(source.as_str()).line_start(line).path(path.as_str()).annotation(mark))
    };
    let mut group = group
        .element(Level::NOTE.with_name("why").message(why.as_str()))
        .element(Level::HELP.with_name("fix").message(action.as_str()));
    let auto = finding.fix.as_ref().map(|fix| foot(&by_command(fix)));
    if let Some(auto) = &auto {
        group = group.element(Level::HELP.with_name("auto").message(auto.as_str()));
    }
    let group = group.element(Level::NOTE.with_name("docs").message(docs.as_str()));
    renderer.render(&[group]) + "\n\n"
}

/// The command that makes the edit, and what it does.
fn by_command(fix: &Fix) -> String {
    let more = match fix.applicability {
        Applicability::Safe => "",
        Applicability::Unsafe => " --unsafe-fixes",
    };
    format!("hallmark check --fix{more}: {}", fix.title)
}

/// The line and the span after cleaning, which may change the number of bytes before the span.
fn ascii_line(
    line: &str,
    span: std::ops::Range<usize>,
    clean: impl Fn(&str) -> String,
) -> (String, std::ops::Range<usize>) {
    let (before, rest) = line.split_at_checked(span.start).unwrap_or((line, ""));
    let (marked, after) = rest.split_at_checked(span.end.saturating_sub(span.start)).unwrap_or((rest, ""));
    let (before, marked, after) = (clean(before), clean(marked), clean(after));
    let range = before.len()..before.len() + marked.len();
    (before + &marked + &after, range)
}
