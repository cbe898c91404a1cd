//! The baseline, applied to a report.

use std::path::PathBuf;

use hallmark_core::Result;
use hallmark_standards::baseline::{Baseline, Entry};
use hallmark_standards::{Report, ScanOptions, StandardsConfig, rules};

use crate::app::App;
use crate::args::CheckArgs;
use crate::commands::baseline;

/// Hides what the baseline knows, if one was asked for on the command line or in the configuration.
///
/// # Errors
/// Those of [`Baseline::load`]: a baseline that was asked for is never silently left out.
pub(super) fn hide(
    app: &App<'_>,
    args: &CheckArgs,
    options: &ScanOptions,
    report: &mut Report,
) -> Result<()> {
    let Some(file) = file(app, args)? else { return Ok(()) };
    let known = Baseline::load(&file)?;
    let rules: Vec<&str> = rules::selected(options).iter().map(|r| r.name).collect();
    let root = &options.root;
    let asked: Vec<PathBuf> = options.paths.clone();
    let unread: Vec<String> = report.problems.iter().map(|p| p.path.clone()).collect();
    // Whether the report can tell that an entry's finding is gone.
    let ran = |entry: &Entry| {
        let scanned = asked.is_empty() || asked.iter().any(|path| root.join(&entry.path).starts_with(path));
        scanned
            && !unread.contains(&entry.path)
            && (rules.contains(&&*entry.rule) || rules::find(&entry.rule).is_none())
    };
    known.apply(report, &baseline::shown(app, &file), ran);
    Ok(())
}

/// What is known, if a baseline was asked for.
///
/// # Errors
/// As [`hide`].
pub(super) fn load(app: &App<'_>, args: &CheckArgs) -> Result<Option<Baseline>> {
    file(app, args)?.map(|file| Baseline::load(&file)).transpose()
}

fn file(app: &App<'_>, args: &CheckArgs) -> Result<Option<PathBuf>> {
    if args.no_baseline {
        return Ok(None);
    }
    match &args.baseline {
        Some(named) => baseline::file(app, named.as_ref()).map(Some),
        None => {
            let config: StandardsConfig = app.config.section("standards")?;
            Ok(config.baseline.map(|file| app.project.root().join(file)))
        }
    }
}
