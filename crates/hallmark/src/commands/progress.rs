//! `hallmark progress`: how the compliance of the project went, and what moved it.

use std::path::Path;

use hallmark_core::{Error, ExitClass, Result};
use hallmark_standards::Report;
use hallmark_standards::history::{Entry, History, Move, moved_places, moved_rules};
use serde_json::{Value, json};

use crate::app::App;
use crate::args::{Format, ProgressArgs};
use crate::commands::codes;
use crate::ui::Ui;

/// The number of entries that a trend shows.
const TREND_ENTRIES: usize = 40;

/// The number of entries in the trend of one family.
const FAMILY_TREND_ENTRIES: usize = 20;

/// The widest path of a file in the list of what moved.
const PATH_WIDTH_MAX: usize = 42;

/// Notes a check of the whole project. Whoever may not write here checks without a history.
pub(crate) fn note(app: &App<'_>, report: &Report) {
    let Ok(state) = app.project.state() else { return };
    let entry = Entry::of(report, hallmark_core::clock::now(), commit(app.project.root()));
    let _ = History::append(&state.join("history.jsonl"), entry);
}

pub(crate) fn run(app: &App<'_>, args: &ProgressArgs) -> Result<ExitClass> {
    let history = History::load(&app.project.state_path().join("history.jsonl"))?;
    let Some(now) = history.entries.last() else {
        return Err(Error::new(&codes::UNKNOWN_TOPIC, "no check of the whole project has been noted yet")
            .next("hallmark check"));
    };
    // Scores of another profile or edition say nothing about this one.
    let entries: Vec<&Entry> = history.entries.iter().filter(|e| e.is_comparable(now)).collect();
    let before = before(&entries, args.since.as_deref())?;
    match args.format {
        Format::Json => app.ui.json(&document(&entries, before).to_string()),
        Format::Text => show(app, &entries, before, args.limit),
    }
    Ok(ExitClass::Ok)
}

/// The entry to compare the last one with.
fn before<'e>(entries: &[&'e Entry], since: Option<&str>) -> Result<Option<&'e Entry>> {
    let earlier = &entries[..entries.len().saturating_sub(1)];
    let Some(wanted) = since else { return Ok(earlier.last().copied()) };
    let by_number = wanted.parse::<usize>().ok().filter(|n| (1..=earlier.len()).contains(n));
    let found = by_number
        .map(|n| earlier[earlier.len() - n])
        .or_else(|| {
            earlier.iter().rev().find(|e| e.commit.as_deref().is_some_and(|c| c.starts_with(wanted))).copied()
        })
        // The state on that day: the last entry that is not after it.
        .or_else(|| is_time(wanted).then(|| state_at(earlier, wanted)).flatten());
    found.map(Some).ok_or_else(|| {
        let text = format!("no entry of the history is {wanted}; there are {}", earlier.len());
        Error::new(&codes::UNKNOWN_TOPIC, text).next("hallmark progress --format json lists them")
    })
}

fn is_time(text: &str) -> bool {
    text.len() >= 10 && hallmark_python::suppression::is_day(&text[..10])
}

fn state_at<'e>(earlier: &[&'e Entry], time: &str) -> Option<&'e Entry> {
    let cut = |at: &str| at[..at.len().min(time.len())].to_owned();
    earlier.iter().rev().find(|e| cut(&e.at).as_str() <= time).or(earlier.first()).copied()
}

fn show(app: &App<'_>, entries: &[&Entry], before: Option<&Entry>, limit: usize) {
    let (ui, Some(now)) = (app.ui, entries.last()) else { return };
    let scores: Vec<f64> = entries.iter().filter_map(|e| e.score).collect();
    let score = now.score.map_or("not measured".to_owned(), |s| format!("{s:.4}"));
    let title = format!("{} compliance {score}", app.project.name());
    let change = before.and_then(|b| Some(now.score? - b.score?)).map(signed).unwrap_or_default();
    ui.line(format!("{} {change}", ui.strong(&title)).trim_end());
    ui.line(&format!(
        "{} violations, {} warnings, {} suppressed in {} files; {} profile, edition {}",
        now.errors, now.warnings, now.suppressed, now.files, now.profile, now.edition
    ));
    if scores.len() > 1 {
        let shown = &scores[scores.len().saturating_sub(TREND_ENTRIES)..];
        let first = entries[entries.len().saturating_sub(shown.len())];
        let (low, high) = bounds(shown);
        ui.line(&format!("{low:.4} {} {high:.4}  since {}", sparkline(ui, shown), day(first)));
    }
    ui.line("");
    families(ui, entries, before);
    let Some(before) = before else {
        ui.line("");
        ui.line("This is the first entry: there is nothing to compare it with yet.");
        return;
    };
    let rules = moved_rules(before, now);
    ui.line("");
    ui.line(&format!("What moved it since {}", when(before)));
    if before.files != now.files {
        ui.line(&format!("  files scanned {} → {}", before.files, now.files));
    }
    if rules.is_empty() {
        ui.line("  no rule has more or fewer violations");
    }
    moves(ui, &rules, limit);
    match moved_places(before, now) {
        Some(places) if !places.is_empty() => {
            ui.line("");
            moves(ui, &places, limit);
        }
        Some(_) => {}
        None => ui.line("  the older entry no longer says in which files"),
    }
}

fn families(ui: &Ui, entries: &[&Entry], before: Option<&Entry>) {
    let Some(now) = entries.last() else { return };
    let rows: Vec<Vec<String>> = now
        .families
        .iter()
        .map(|(name, score)| {
            let all: Vec<f64> = entries.iter().filter_map(|e| e.families.get(name).copied()).collect();
            let shown = &all[all.len().saturating_sub(FAMILY_TREND_ENTRIES)..];
            let change =
                before.and_then(|b| b.families.get(name)).map(|b| signed(score - b)).unwrap_or_default();
            vec![name.clone(), format!("{score:.4}"), change, sparkline(ui, shown)]
        })
        .collect();
    ui.table(&["FAMILY", "NOW", "CHANGE", "TREND"], &rows);
}

/// `-` for what was mended, `+` for what is new.
fn moves(ui: &Ui, all: &[Move], limit: usize) {
    let shown = if limit == 0 { all.len() } else { limit };
    for one in all.iter().take(shown) {
        let sign = if one.after < one.before { "-" } else { "+" };
        let counts = format!("{} → {}", one.before, one.after);
        ui.line(&match &one.path {
            None => format!("  {sign} {:<34} {counts}", one.rule),
            Some(path) => format!("  {sign} {:<PATH_WIDTH_MAX$} {} {counts}", tail(path), one.rule),
        });
    }
    if all.len() > shown {
        ui.line(&format!("  ... and {} more (--limit 0 shows all)", all.len() - shown));
    }
}

/// The end of a long path, which tells files apart.
fn tail(path: &str) -> String {
    let length = path.chars().count();
    if length <= PATH_WIDTH_MAX {
        return path.to_owned();
    }
    std::iter::once('…').chain(path.chars().skip(length + 1 - PATH_WIDTH_MAX)).collect()
}

fn signed(change: f64) -> String {
    // A change that the digits cannot show is none.
    if change.abs() < 5e-5 { "0".to_owned() } else { format!("{change:+.4}") }
}

fn bounds(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)))
}

/// Bars between the lowest and the highest value; in ASCII characters of growing weight.
fn sparkline(ui: &Ui, values: &[f64]) -> String {
    let steps: Vec<char> = if ui.ascii() { "_.-:=+*#" } else { "▁▂▃▄▅▆▇█" }.chars().collect();
    let (low, high) = bounds(values);
    let step = |value: &f64| {
        let share = if high > low { (value - low) / (high - low) } else { 0.5 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of seven steps")]
        let at = (share * 7.0).round() as usize;
        steps[at.min(steps.len() - 1)]
    };
    values.iter().map(step).collect()
}

fn day(entry: &Entry) -> &str {
    entry.at.get(..10).unwrap_or(&entry.at)
}

fn when(entry: &Entry) -> String {
    let minute = entry.at.get(..16).unwrap_or(&entry.at).replace('T', " ");
    match &entry.commit {
        Some(commit) => format!("{minute} UTC (commit {})", commit.get(..9).unwrap_or(commit)),
        None => format!("{minute} UTC"),
    }
}

fn document(entries: &[&Entry], before: Option<&Entry>) -> Value {
    let list: Vec<Value> = entries
        .iter()
        .map(|e| {
            json!({
                "at": e.at, "commit": e.commit, "score": e.score, "files": e.files, "errors": e.errors,
                "warnings": e.warnings, "suppressed": e.suppressed, "families": e.families, "rules": e.rules,
            })
        })
        .collect();
    let moved = before.zip(entries.last()).map(|(before, now)| {
        json!({
            "since": before.at,
            "score": before.score.zip(now.score).map(|(b, n)| ((n - b) * 1e4).round() / 1e4),
            "rules": moved_rules(before, now),
            "files": moved_places(before, now),
        })
    });
    json!({ "schema": "hallmark.progress/1", "entries": list, "moved": moved })
}

/// The commit that is checked out, read from the repository's own files; none outside of one.
fn commit(root: &Path) -> Option<String> {
    let git = root.ancestors().map(|folder| folder.join(".git")).find(|path| path.exists())?;
    let git = if git.is_dir() {
        git
    } else {
        // A work tree of its own names the folder that it belongs to.
        let text = std::fs::read_to_string(&git).ok()?;
        git.parent()?.join(text.strip_prefix("gitdir:")?.trim())
    };
    let head = std::fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(name) = head.strip_prefix("ref:").map(str::trim) else { return Some(head.trim().to_owned()) };
    let common = std::fs::read_to_string(git.join("commondir")).ok();
    let common = common.map_or(git.clone(), |path| git.join(path.trim()));
    let loose = [&git, &common].into_iter().find_map(|at| std::fs::read_to_string(at.join(name)).ok());
    loose.map(|text| text.trim().to_owned()).or_else(|| {
        let packed = std::fs::read_to_string(common.join("packed-refs")).ok()?;
        packed.lines().find_map(|line| line.strip_suffix(name)?.strip_suffix(' ').map(str::to_owned))
    })
}
