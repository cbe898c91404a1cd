//! `hallmark check [PATH …]`: the gold standards.

mod accept;
pub(crate) mod fix;
mod known;
mod output;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use hallmark_core::{Error, ExitClass, Project, Result};
use hallmark_diagnostics::Severity;
use hallmark_standards::{Edition, Profile, Report, ScanOptions, StandardsConfig, rules};

use crate::app::App;
use crate::args::CheckArgs;
use crate::commands::{codes, progress};

/// How many entries of the baseline without a finding are named.
const STALE_SHOWN: usize = 5;

pub(crate) fn run(app: &App<'_>, args: &CheckArgs) -> Result<ExitClass> {
    let mut options = options(app, args.edition.as_deref(), args.profile.as_deref())?;
    options.paths = absolute(&args.paths)?;
    options.everywhere(|standards| {
        if !args.select.is_empty() {
            standards.select.clone_from(&args.select);
        }
        standards.ignore.extend(args.ignore.iter().cloned());
        standards.preview |= args.preview;
    });
    options.validate()?;
    if args.fix.is_wanted() {
        let known = known::load(app, args)?.unwrap_or_default();
        return fix::run(app, args, options.clone(), &known, |report| {
            known::hide(app, args, &options, report)?;
            show(app, args, report)
        });
    }
    if args.timings {
        timings(app, &options);
        return Ok(ExitClass::Ok);
    }
    let mut report = match cache(&app.project).filter(|_| !args.no_cache) {
        Some(cache) => hallmark_standards::scan_cached(&options, &cache),
        None => hallmark_standards::scan(&options),
    };
    known::hide(app, args, &options, &mut report)?;
    if let Some(reason) = &args.add_suppression {
        return accept::run(app, args, reason, &options, &report);
    }
    if is_whole(args) {
        progress::note(app, &report);
    }
    show(app, args, &report)?;
    Ok(class(args, &report))
}

/// Whether a check is of the whole project, as its configuration wants it: only such checks make a history.
fn is_whole(args: &CheckArgs) -> bool {
    let as_configured = args.select.is_empty() && args.ignore.is_empty() && !args.preview;
    args.paths.is_empty() && as_configured && !args.no_history
}

/// The class that the process ends with.
fn class(args: &CheckArgs, report: &Report) -> ExitClass {
    if args.exit_zero {
        return ExitClass::Ok;
    }
    let warned = args.exit_non_zero_on_warning && report.count(Severity::Warning) > 0;
    let own = report.exit_classes().into_iter().max().unwrap_or(ExitClass::Ok);
    if warned { own.max(ExitClass::Findings) } else { own }
}

/// The scan that the configuration and these two options ask for.
pub(crate) fn options(app: &App<'_>, edition: Option<&str>, profile: Option<&str>) -> Result<ScanOptions> {
    let config: StandardsConfig = app.config.section("standards")?;
    let root = app.project.root().to_path_buf();
    let folders = hallmark_standards::nested(&root)?;
    let today = hallmark_core::clock::now().get(..10).map(str::to_owned);
    let mut options = ScanOptions { folders, today, ..ScanOptions::new(root, &config) };
    if let Some(name) = edition {
        let edition = match name {
            "2025" => Edition::E2025,
            "2026" => Edition::E2026,
            _ => return Err(unknown("--edition", name, "2025 or 2026")),
        };
        options.everywhere(|standards| standards.edition = edition);
    }
    if let Some(name) = profile {
        let profile = match name {
            "tiered" => Profile::Tiered,
            "strict" => Profile::Strict,
            _ => return Err(unknown("--profile", name, "tiered or strict")),
        };
        options.everywhere(|standards| standards.profile = profile);
    }
    Ok(options)
}

/// Where the standards keep what they know of the project between runs; nowhere, if the project may not be written to.
pub(crate) fn cache(project: &Project) -> Option<PathBuf> {
    project.state().ok().map(|state| state.join("cache/standards"))
}

/// Where the time goes: one row for each rule.
fn timings(app: &App<'_>, options: &ScanOptions) {
    let timings = hallmark_standards::timings(options);
    let milliseconds = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e3);
    let mut rows = vec![
        vec![milliseconds(timings.read), String::new(), "(read, parse, take facts)".to_owned()],
        vec![milliseconds(timings.join), String::new(), "(join files)".to_owned()],
    ];
    rows.extend(
        timings
            .rules
            .iter()
            .map(|(rule, took, found)| vec![milliseconds(*took), found.to_string(), rule.name.to_owned()]),
    );
    app.ui.table(&["MS", "FINDINGS", "RULE"], &rows);
}

fn unknown(option: &str, value: &str, takes: &str) -> Error {
    Error::new(&codes::UNKNOWN_VALUE, format!("{option} takes {takes}, not {value}"))
        .next("hallmark check --help")
}

fn absolute(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let resolve = |path: &PathBuf| {
        path.canonicalize().map_err(|e| {
            Error::new(&hallmark_core::codes::NOT_A_PROJECT, format!("{} does not exist", path.display()))
                .because(&e)
        })
    };
    paths.iter().map(resolve).collect()
}

fn show(app: &App<'_>, args: &CheckArgs, report: &Report) -> Result<()> {
    if args.statistics {
        statistics(app, report);
    } else {
        output::write(app, args, report)?;
    }
    let person = args.statistics || args.format.is_for_people();
    if person && args.output_file.is_none() {
        app.ui.line(&summary(report));
        stale(app, report);
        if let Some(text) = fix::fixable(report, args.fix).filter(|_| !args.fix.is_wanted()) {
            app.ui.note(&text);
        }
        if let Some(finding) = report.findings.first() {
            app.ui.next(&format!("hallmark rule {}", finding.rule));
        }
    }
    Ok(())
}

fn statistics(app: &App<'_>, report: &Report) {
    let mut counts: Vec<(usize, &str, usize)> = Vec::new();
    for rule in rules::all() {
        let of: Vec<&str> =
            report.findings.iter().filter(|f| f.rule == rule.name).map(|f| f.path.as_str()).collect();
        let mut files = of.clone();
        files.dedup();
        if !of.is_empty() {
            counts.push((of.len(), rule.name, files.len()));
        }
    }
    counts.sort_by(|a, b| b.cmp(a));
    let rows: Vec<Vec<String>> = counts
        .iter()
        .map(|(n, name, files)| vec![n.to_string(), files.to_string(), (*name).to_owned()])
        .collect();
    app.ui.table(&["FINDINGS", "FILES", "RULE"], &rows);
}

/// Says which entries of the baseline have outlived their findings.
fn stale(app: &App<'_>, report: &Report) {
    let Some(baseline) = report.baseline.as_ref().filter(|b| !b.stale.is_empty()) else { return };
    let number = baseline.stale.len();
    app.ui.line(&format!("{number} entries of {} are mended: hallmark baseline update", baseline.file));
    for entry in baseline.stale.iter().take(STALE_SHOWN) {
        app.ui.line(&format!("  {} {}", entry.path, entry.rule));
    }
    if number > STALE_SHOWN {
        app.ui.line(&format!("  ... and {} more", number - STALE_SHOWN));
    }
}

/// The last line: one sentence with numbers.
pub(crate) fn summary(report: &Report) -> String {
    let errors = report.count(Severity::Error);
    let mut files: Vec<&str> =
        report.findings.iter().filter(|f| f.severity == Severity::Error).map(|f| f.path.as_str()).collect();
    files.sort_unstable();
    files.dedup();
    let mut text = format!("{errors} violations in {} files", files.len());
    let warnings = report.count(Severity::Warning);
    if warnings > 0 {
        let _ = write!(text, ", {warnings} warnings");
    }
    let infos = report.count(Severity::Info);
    if infos > 0 {
        let _ = write!(text, ", {infos} notes");
    }
    if report.suppressed > 0 {
        let _ = write!(text, ", {} suppressed", report.suppressed);
    }
    if let Some(baseline) = &report.baseline {
        let _ = write!(text, ", {} known", baseline.known);
    }
    if !report.problems.is_empty() {
        let _ = write!(text, ", {} files with problems", report.problems.len());
    }
    let score = report.score.map_or("not measured".to_owned(), |s| format!("{s:.3}"));
    let took = output::duration(report.duration_ms);
    let _ = write!(text, " · compliance {score} · {} files in {took}", report.files);
    text
}
