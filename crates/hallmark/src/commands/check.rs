//! `hallmark check [PATH …]`: the gold standards.

mod accept;
pub(crate) mod fix;
mod known;
mod output;
mod statistics;
mod stdin;
mod summary;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use hallmark_core::{Error, ExitClass, Project, Result};
use hallmark_diagnostics::Severity;
use hallmark_standards::{Edition, Profile, Report, ScanOptions, StandardsConfig, Survey};

use crate::app::App;
use crate::args::CheckArgs;
use crate::commands::{codes, progress};

pub(crate) fn run(app: &App<'_>, args: &CheckArgs) -> Result<ExitClass> {
    let cache = if keeps(args) { cache(&app.project) } else { None };
    let root = app.project.root();
    let survey = cache.as_ref().map_or_else(|| Survey::of(root), |cache| Survey::remembered(root, cache));
    let options = asked(app, args, &survey)?;
    if args.watch {
        return watch::run(app, args, options);
    }
    if let Some(name) = &args.stdin_filename {
        let mut report = stdin::scan(app, options.clone(), name)?;
        known::hide(app, args, &options, &mut report)?;
        show(app, args, &report)?;
        return Ok(class(args, &report));
    }
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
    let mut report = hallmark_standards::scan_surveyed(&options, cache.as_deref(), Some(survey));
    known::hide(app, args, &options, &mut report)?;
    if let Some(reason) = &args.add_suppression {
        return accept::run(app, args, reason, &options, &report);
    }
    if is_whole(args) {
        progress::note(app, &report);
    }
    show(app, args, &report)?;
    let class = class(args, &report);
    // The process ends: what it holds need not be given back piece by piece.
    std::mem::forget(report);
    Ok(class)
}

/// Whether a check has a cache. Who wants none wants no state folder made for one either.
fn keeps(args: &CheckArgs) -> bool {
    let is_plain = !args.watch && !args.timings && !args.fix.is_wanted() && args.stdin_filename.is_none();
    is_plain && !args.no_cache
}

/// The scan that the configuration and the whole command line ask for.
fn asked(app: &App<'_>, args: &CheckArgs, survey: &Survey) -> Result<ScanOptions> {
    let mut options = options_in(app, survey, args.edition.as_deref(), args.profile.as_deref())?;
    options.paths = absolute(&args.paths)?;
    options.everywhere(|standards| {
        if !args.select.is_empty() {
            standards.select.clone_from(&args.select);
        }
        standards.ignore.extend(args.ignore.iter().cloned());
        standards.preview |= args.preview;
    });
    options.validate()?;
    Ok(options)
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
    options_in(app, &Survey::of(app.project.root()), edition, profile)
}

/// [`options`], where the project was walked already.
fn options_in(
    app: &App<'_>,
    survey: &Survey,
    edition: Option<&str>,
    profile: Option<&str>,
) -> Result<ScanOptions> {
    let config: StandardsConfig = app.config.section("standards")?;
    let root = app.project.root().to_path_buf();
    let folders = hallmark_standards::nested_in(&root, survey)?;
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

/// Where the time goes: the parts of a scan, single files, and one row for each rule.
fn timings(app: &App<'_>, options: &ScanOptions) {
    let timings = hallmark_standards::timings(options);
    let milliseconds = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e3);
    let mut rows = vec![
        vec![milliseconds(timings.read), String::new(), "(read, parse, take facts)".to_owned()],
        vec![milliseconds(timings.join), String::new(), "(join files)".to_owned()],
    ];
    for (share, name) in [(50, "p50"), (99, "p99"), (100, "most")] {
        let last = timings.files.len().saturating_sub(1);
        let took = timings.files.get(last * share / 100).copied().unwrap_or_default();
        rows.push(vec![milliseconds(took), String::new(), format!("(one file, {name})")]);
    }
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
        hallmark_core::platform::canonicalize(path).map_err(|e| {
            Error::new(&hallmark_core::codes::NOT_A_PROJECT, format!("{} does not exist", path.display()))
                .because(&e)
        })
    };
    paths.iter().map(resolve).collect()
}

fn show(app: &App<'_>, args: &CheckArgs, report: &Report) -> Result<()> {
    if args.statistics {
        statistics::write(app, args, report)?;
    } else {
        output::write(app, args, report)?;
    }
    if args.format.is_for_people() && args.output_file.is_none() {
        app.ui.line(&summary::text(report));
        summary::stale(app, report);
        if let Some(text) = fix::fixable(report, args.fix).filter(|_| !args.fix.is_wanted()) {
            app.ui.note(&text);
        }
        if let Some(finding) = report.findings.first() {
            app.ui.next(&format!("hallmark rule {}", finding.rule));
        }
    }
    Ok(())
}
