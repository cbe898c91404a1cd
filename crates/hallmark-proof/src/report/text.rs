//! The report for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hallmark_services::Judgement;

use super::{Finding, Report, ServiceRow, TierRow};

/// The widest line, but for names that are longer.
const WIDTH: usize = 80;

/// Tests that the text names under each finding, and files that could not be collected or skipped themselves; the JSON has all.
const NAMED_MAX: usize = 10;

pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    tiers(&mut out, report);
    services(&mut out, report);
    files(&mut out, "Not collected", &report.not_collected);
    files(&mut out, "Files that skipped themselves", &report.skipped_files);
    failures(&mut out, report);
    findings(&mut out, report);
    conclusion(&mut out, report);
    out
}

fn tiers(out: &mut String, report: &Report) {
    let head = ["TIER", "DISCOVERED", "EXECUTABLE", "PASSED", "FAILED", "SKIPPED", "NO SERVICE", "PROVEN"];
    let cells = |row: &TierRow| {
        let numbers = [
            row.discovered,
            row.executable,
            row.passed,
            row.failed,
            row.skipped,
            row.skipped_for_service,
            row.proven,
        ];
        std::iter::once(row.tier.to_owned()).chain(numbers.map(|n| n.to_string())).collect::<Vec<_>>()
    };
    let mut rows: Vec<Vec<String>> = report.tiers.iter().map(cells).collect();
    if report.tiers.len() != 1 {
        rows.push(cells(&report.total));
    }
    table(out, &head, &rows);
    let total = &report.total;
    let mut notes = Vec::new();
    let mut note = |count: usize, words: &str| {
        if count > 0 {
            notes.push(format!("{count} {words}"));
        }
    };
    note(total.by_fixtures_only, "passed and reached a service through fixtures only");
    let unreached = report.tiers.iter().filter(|row| row.tier != "unit").map(|row| row.unreached).sum();
    note(unreached, "passed outside the unit tests and reached no service");
    note(total.xfailed, "failed as expected (xfail)");
    note(total.xpassed, "passed though expected to fail (xpass)");
    note(total.deselected, "left out by an option");
    note(total.not_run, "not run");
    paragraph(out, "", &notes.join("; "));
}

fn services(out: &mut String, report: &Report) {
    if report.services.is_empty() {
        paragraph(out, "\n", "No service has an address: nothing could be proven. next: hallmark up");
        return;
    }
    out.push('\n');
    let head = ["SERVICE", "SERVER", "CONNECTIONS", "CONFIRMED", "ANSWERED", "TESTS PROVEN"];
    let cells = |row: &ServiceRow| {
        let confirmed = if hallmark_services::witness::tells_connections(row.service) {
            row.confirmed.to_string()
        } else {
            "-".to_owned()
        };
        vec![
            row.service.title().to_owned(),
            word(row).to_owned(),
            row.connections.to_string(),
            confirmed,
            row.answered.to_string(),
            row.proven.to_string(),
        ]
    };
    table(out, &head, &report.services.iter().map(cells).collect::<Vec<_>>());
    for row in &report.services {
        if let Some(reason) = &row.reason {
            paragraph(out, "", &format!("{}: {reason}", row.service.title()));
        }
        let grown: Vec<String> =
            row.counters.iter().map(|(name, count)| format!("{name} +{count}")).collect();
        if !grown.is_empty() && row.connections > 0 {
            paragraph(out, "", &format!("{} itself counted {}", row.service.title(), short(&grown)));
        }
    }
}

fn short(parts: &[String]) -> String {
    let (shown, rest) = parts.split_at(parts.len().min(NAMED_MAX));
    let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    shown.join(", ") + &more
}

fn word(row: &ServiceRow) -> &'static str {
    match row.judgement {
        Some(Judgement::Genuine) => "genuine",
        Some(Judgement::StandIn) => "stand-in",
        Some(Judgement::Unproven) => "unproven",
        Some(Judgement::NotMeasured) => "not measured",
        None if row.reason.is_some() => "not relayed",
        None => "not reached",
    }
}

fn files(out: &mut String, what: &str, files: &BTreeMap<String, String>) {
    if files.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{what}: {}", files.len());
    for (name, reason) in files.iter().take(NAMED_MAX) {
        let _ = writeln!(out, "  {name}");
        paragraph(out, "    ", reason);
    }
    more(out, files.len());
}

fn failures(out: &mut String, report: &Report) {
    let failed: Vec<_> = report.tests.iter().filter(|t| matches!(t.outcome, "failed" | "error")).collect();
    if failed.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nFailed: {}", failed.len());
    for test in failed.iter().take(NAMED_MAX) {
        let _ = writeln!(out, "  {}", test.id);
        paragraph(out, "    ", &test.reason);
    }
    more(out, failed.len());
}

fn findings(out: &mut String, report: &Report) {
    let mut by_rule: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        by_rule.entry(finding.rule).or_default().push(finding);
    }
    for (rule, found) in by_rule {
        let _ = writeln!(out, "\n{rule}: {}", found.len());
        paragraph(out, "  ", &format!("why: {}", found[0].why));
        paragraph(out, "  ", &format!("next: {}", found[0].next));
        for finding in found.iter().take(NAMED_MAX) {
            let place = format!("  {}:{} {}", finding.path, finding.line, name(finding));
            let _ = writeln!(out, "{}", place.trim_end());
            paragraph(out, "    ", &finding.message);
        }
        more(out, found.len());
    }
}

/// The test's name without its file; nothing for a file.
fn name(finding: &Finding) -> &str {
    finding.test.split_once("::").map_or("", |(_, name)| name)
}

fn more(out: &mut String, count: usize) {
    if count > NAMED_MAX {
        let _ = writeln!(out, "  and {} more (--format json has all)", count - NAMED_MAX);
    }
}

fn conclusion(out: &mut String, report: &Report) {
    out.push('\n');
    let end = &report.end;
    if !end.finished {
        let how = match (end.how, end.signal) {
            ("interrupted", _) => "it was interrupted".to_owned(),
            ("at_limit", _) => "it reached its time limit".to_owned(),
            (_, Some(signal)) => format!("signal {signal} ended it"),
            _ => format!("pytest ended with status {}", end.status.unwrap_or_default()),
        };
        paragraph(
            out,
            "",
            &format!("The run did not come to its end: {how}. What it did not run is not proven."),
        );
    }
    let total = &report.total;
    let line = format!(
        "{} of {} passed tests proven on real services, {} findings, {:.1} s",
        total.proven,
        total.passed,
        report.findings.len(),
        report.duration_s
    );
    paragraph(out, "", &line);
}

/// A table whose last columns stand to the right.
fn table(out: &mut String, head: &[&str], rows: &[Vec<String>]) {
    let mut widths: Vec<usize> = head.iter().map(|h| h.len()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let number = |cell: &str| cell == "-" || cell.bytes().all(|b| b.is_ascii_digit());
    let line = |cells: &[String], head: bool| {
        let cell = |(at, cell): (usize, &String)| {
            let width = widths[at];
            let right = if head { rows.first().is_some_and(|r| number(&r[at])) } else { number(cell) };
            if right { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        };
        cells.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ")
    };
    let head: Vec<String> = head.iter().map(|h| (*h).to_owned()).collect();
    let _ = writeln!(out, "{}", line(&head, true).trim_end());
    for row in rows {
        let _ = writeln!(out, "{}", line(row, false).trim_end());
    }
}

/// Words in lines of at most [`WIDTH`], each after the indent; nothing for no words.
fn paragraph(out: &mut String, indent: &str, text: &str) {
    let (before, indent) = match indent.strip_prefix('\n') {
        Some(rest) => ("\n", rest),
        None => ("", indent),
    };
    let mut line = String::new();
    let mut first = true;
    for word in text.split_whitespace() {
        if !line.is_empty() && indent.len() + line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{}{indent}{line}", if first { before } else { "" });
            (line, first) = (String::new(), false);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        let _ = writeln!(out, "{}{indent}{line}", if first { before } else { "" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_to_the_width_and_numbers_stand_to_the_right() {
        let mut out = String::new();
        paragraph(&mut out, "    ", &"word ".repeat(40));
        assert!(out.lines().all(|l| l.len() <= WIDTH && l.starts_with("    word")), "{out}");
        let mut out = String::new();
        table(&mut out, &["TIER", "PASSED"], &[vec!["unit".into(), "7".into()]]);
        assert_eq!(out, "TIER  PASSED\nunit       7\n");
    }
}
