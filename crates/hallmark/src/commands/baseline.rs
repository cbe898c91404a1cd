//! `hallmark baseline`: make, shrink and explain the file of known findings.

use std::path::PathBuf;

use hallmark_core::{Error, ExitClass, Result};
use hallmark_standards::baseline::{Baseline, Entry, FILE_NAME};
use hallmark_standards::{Report, StandardsConfig, codes as standards_codes};

use crate::app::App;
use crate::args::{BaselineAction, BaselineArgs};
use crate::commands::{check, codes};

pub(crate) fn run(app: &App<'_>, args: &BaselineArgs) -> Result<ExitClass> {
    let file = file(app, args.file.as_ref())?;
    match &args.action {
        BaselineAction::Create { reason } => create(app, &file, reason.as_deref().unwrap_or_default())?,
        BaselineAction::Update { grow, reason } => {
            update(app, &file, reason.as_deref().filter(|_| *grow))?;
        }
        BaselineAction::Why { what } => why(app, &file, what)?,
    }
    Ok(ExitClass::Ok)
}

/// The file that was named, that the configuration names, or the usual one.
pub(crate) fn file(app: &App<'_>, named: Option<&PathBuf>) -> Result<PathBuf> {
    if let Some(named) = named {
        return Ok(std::path::absolute(named).unwrap_or_else(|_| named.clone()));
    }
    let config: StandardsConfig = app.config.section("standards")?;
    Ok(app.project.root().join(config.baseline.unwrap_or_else(|| PathBuf::from(FILE_NAME))))
}

/// The path as people name it.
pub(crate) fn shown(app: &App<'_>, file: &std::path::Path) -> String {
    file.strip_prefix(app.project.root()).unwrap_or(file).display().to_string()
}

/// A report of the whole project with everything that its configuration asks for.
fn whole(app: &App<'_>) -> Result<Report> {
    let options = check::options(app, None, None)?;
    options.validate()?;
    Ok(hallmark_standards::scan(&options))
}

fn create(app: &App<'_>, file: &std::path::Path, reason: &str) -> Result<()> {
    if file.exists() {
        let text = format!("{} is there already", shown(app, file));
        return Err(Error::new(&standards_codes::BASELINE_EXISTS, text).next("hallmark baseline update"));
    }
    let (baseline, forbidden) = Baseline::of(&whole(app)?, &today(), reason);
    baseline.store(file)?;
    app.ui.line(&format!("{} known findings in {}", baseline.len(), shown(app, file)));
    never(app, forbidden);
    app.ui.next(&format!("commit the file; then: {}", check_command(app, file)));
    Ok(())
}

fn update(app: &App<'_>, file: &std::path::Path, grow: Option<&str>) -> Result<()> {
    let mut baseline = Baseline::load(file)?;
    let before = baseline.clone();
    let update = baseline.update(&whole(app)?, &today(), grow);
    if baseline != before {
        baseline.store(file)?;
    }
    for entry in &update.removed {
        app.ui.line(&format!("- {} {}", entry.path, entry.rule));
    }
    let (removed, left) = (update.removed.len(), baseline.len());
    if grow.is_some() {
        app.ui.line(&format!("{removed} removed, {} added, {left} known", update.new));
    } else {
        app.ui.line(&format!("{removed} removed, {left} known, {} new and not added", update.new));
    }
    never(app, update.forbidden);
    if grow.is_none() && update.new > 0 {
        app.ui.next("hallmark check, or: hallmark baseline update --grow --reason \"...\"");
    }
    Ok(())
}

fn never(app: &App<'_>, forbidden: usize) {
    if forbidden > 0 {
        app.ui.line(&format!("{forbidden} findings of rules that can never be suppressed stay in sight"));
    }
}

fn check_command(app: &App<'_>, file: &std::path::Path) -> String {
    let name = shown(app, file);
    if name == FILE_NAME {
        "hallmark check --baseline".to_owned()
    } else {
        format!("hallmark check --baseline={name}")
    }
}

/// Says of a fingerprint, a file, or a place in one, what is known there, since when and why.
fn why(app: &App<'_>, file: &std::path::Path, what: &str) -> Result<()> {
    let baseline = Baseline::load(file)?;
    let report = whole(app)?;
    let (path, line) = match what.rsplit_once(':') {
        Some((path, line)) if line.parse::<u32>().is_ok() => (path, line.parse::<u32>().ok()),
        _ => (what, None),
    };
    let found = |entry: &Entry| report.findings.iter().find(|f| f.fingerprint == entry.fingerprint);
    let meant = |entry: &&Entry| {
        entry.fingerprint == what
            || (entry.path == path && line.is_none_or(|l| found(entry).is_some_and(|f| f.start.line == l)))
    };
    let entries: Vec<&Entry> = baseline.entries().filter(meant).collect();
    if entries.is_empty() {
        let text = format!("nothing in {} is about {what}", shown(app, file));
        return Err(Error::new(&codes::UNKNOWN_TOPIC, text).next("hallmark baseline why PATH[:LINE]"));
    }
    for entry in entries {
        let place = found(entry).map_or("gone: `hallmark baseline update` removes it".to_owned(), |f| {
            format!("line {}", f.start.line)
        });
        app.ui.line(&format!("{} {} ({place})", app.ui.strong(&entry.path), entry.rule));
        app.ui.line(&format!("  {}", entry.message));
        let reason = if entry.reason.is_empty() { "no reason was given" } else { &entry.reason };
        app.ui.line(&format!("  added {}: {reason}  [{}]", entry.added, entry.fingerprint));
    }
    Ok(())
}

/// Today in UTC.
pub(crate) fn today() -> String {
    hallmark_core::clock::now().get(..10).unwrap_or_default().to_owned()
}
