//! `hallmark check --add-suppression "reason"`: a comment for each finding, written through the journal.

use std::collections::BTreeMap;

use hallmark_core::{Error, ExitClass, Result};
use hallmark_diagnostics::{Edit, Finding, Severity};
use hallmark_fix::suppress::{self, Place};
use hallmark_fix::{Change, Note, Transaction, document};
use hallmark_python::source;
use hallmark_python::suppression::{self, is_day};
use hallmark_standards::{Report, ScanOptions, rules};

use super::summary::count;
use crate::app::App;
use crate::args::CheckArgs;
use crate::commands::{baseline, codes};

/// Writes the comments, scans again, and says what is left.
pub(super) fn run(
    app: &App<'_>,
    args: &CheckArgs,
    reason: &str,
    options: &ScanOptions,
    report: &Report,
) -> Result<ExitClass> {
    let tail = tail(args, reason)?;
    let mut files: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    let wanted = |f: &&Finding| f.severity > Severity::Info || args.show_info;
    for finding in report.findings.iter().filter(wanted).filter(|f| may_be_suppressed(f)) {
        files.entry(&finding.path).or_default().push(finding);
    }
    let mut class = ExitClass::Ok;
    let mut changes = Vec::new();
    for (path, findings) in files {
        match change(options, path, &findings, &tail) {
            Ok(change) => changes.extend(change),
            Err(error) => {
                app.ui.error(&error);
                class = class.max(error.code().exit);
            }
        }
    }
    let written = if changes.is_empty() {
        hallmark_fix::Written::default()
    } else {
        Transaction::new(&app.project, changes).commit(&mut |_| {})?
    };
    for error in &written.refused {
        app.ui.error(error);
        class = class.max(error.code().exit);
    }
    let mut after = hallmark_standards::scan(options);
    super::known::hide(app, args, options, &mut after)?;
    let before = report.findings.len();
    let (gone, left) =
        (before.saturating_sub(after.findings.len()), after.findings.iter().filter(wanted).count());
    let (accepted, files) = (count(gone, "finding"), count(written.files.len(), "file"));
    app.ui.line(&format!("{accepted} accepted in {files}, {left} left"));
    if left > 0 {
        app.ui.line("what is left is inside strings, or of rules that can never be suppressed");
    }
    if let Some(run) = &written.run {
        app.ui.next(&format!("hallmark undo {run}"));
    }
    Ok(class.max(super::class(args, &after)))
}

fn may_be_suppressed(finding: &Finding) -> bool {
    rules::find(finding.rule).is_some_and(|rule| rule.suppressible)
}

/// What stands behind the bracket; refused if the scanner would read it otherwise.
fn tail(args: &CheckArgs, reason: &str) -> Result<String> {
    let wrong = |option: &str, text: &str| {
        Err(Error::new(&codes::UNKNOWN_VALUE, format!("{option} {text}")).next("hallmark check --help"))
    };
    let mut tail = reason.trim().to_owned();
    if let Some(owner) = &args.owner {
        tail.push_str(&format!("; owner={}", owner.trim()));
    }
    if let Some(until) = &args.until {
        if !is_day(until) || *until < baseline::today() {
            return wrong("--until", "takes a day that is not over, as YYYY-MM-DD");
        }
        tail.push_str(&format!("; until={until}"));
    }
    let comment = format!("# hallmark: allow[rule] {tail}");
    let read = suppression::parse(&comment).filter(|_| !tail.contains(['\n', '\r']));
    let as_meant = read.is_some_and(|d| {
        d.reason == reason.trim()
            && !d.reason.is_empty()
            && d.owner == args.owner.as_deref().unwrap_or_default().trim()
            && d.until == args.until.as_deref().unwrap_or_default()
    });
    if as_meant {
        Ok(tail)
    } else {
        wrong("--add-suppression", "takes one line without \" #\" and \"; owner=\"")
    }
}

/// The file with a comment for each line that has findings; `None` if nothing can be written into it.
fn change(options: &ScanOptions, path: &str, findings: &[&Finding], tail: &str) -> Result<Option<Change>> {
    let Ok(before) = std::fs::read(options.root.join(path)) else { return Ok(None) };
    let Ok(text) = source::decode(&before) else { return Ok(None) };
    let mut lines: BTreeMap<u32, Place<'_>> = BTreeMap::new();
    for finding in findings {
        let Some(at) = offset(&text, finding) else { continue };
        let place = lines.entry(finding.start.line).or_insert_with(|| Place { at, rules: Vec::new() });
        if !place.rules.contains(&finding.rule) {
            place.rules.push(finding.rule);
        }
    }
    let places: Vec<Place<'_>> = lines.into_values().collect();
    let written = suppress::accept_all(&text, &places, tail);
    let mut edits: Vec<Edit> = Vec::new();
    let mut notes = Vec::new();
    for (place, edit) in places.iter().zip(written) {
        if let Some(edit) = edit {
            edits.push(edit);
            let title = "Accept what is found here".to_owned();
            notes.extend(
                place.rules.iter().map(|rule| Note { rule: (*rule).to_owned(), title: title.clone() }),
            );
        }
    }
    if edits.is_empty() {
        return Ok(None);
    }
    edits.sort();
    document::check_syntax(path, &text, &hallmark_fix::edit::apply(&text, &edits))?;
    let after = document::rewrite(path, &before, &edits)?;
    Ok(Some(Change { path: path.to_owned(), before, after, notes }))
}

/// The byte at which a finding starts.
fn offset(text: &str, finding: &Finding) -> Option<usize> {
    let lines = finding.start.line.checked_sub(1)? as usize;
    let start = if lines == 0 { 0 } else { text.match_indices('\n').nth(lines - 1)?.0 + 1 };
    let before = finding.start.column.checked_sub(1)? as usize;
    let line = text.get(start..)?;
    Some(start + line.char_indices().nth(before).map_or(line.len(), |(at, _)| at))
}
