//! `hallmark check --fix` and `--diff`: rounds of fixes in memory, then one run of the journal.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use hallmark_core::{ExitClass, Result};
use hallmark_diagnostics::{Applicability, Problem};
use hallmark_fix::rounds::{self, Candidate, Fixed};
use hallmark_fix::{Change, Transaction, Written, diff};
use hallmark_python::source;
use hallmark_standards::baseline::Baseline;
use hallmark_standards::{FileReport, Report, ScanOptions, Workspace};

use crate::app::App;
use crate::args::CheckArgs;

/// Whether and how `hallmark check` mends what it finds.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct FixArgs {
    /// Mend what has a safe fix; `hallmark undo` takes it back
    #[arg(long, help_heading = "Mending")]
    pub(crate) fix: bool,
    /// With --fix or --diff: apply fixes that may change what the code does, too
    #[arg(long, help_heading = "Mending")]
    pub(crate) unsafe_fixes: bool,
    /// Print what --fix would write as a unified diff, and write nothing; ends with 1 if there is anything,
    /// with 3 if a file cannot be read
    #[arg(long, help_heading = "Mending")]
    pub(crate) diff: bool,
}

impl FixArgs {
    /// Whether anything is to be mended or shown as mended.
    pub(crate) fn is_wanted(self) -> bool {
        self.fix || self.diff
    }

    fn takes(self, applicability: Applicability) -> bool {
        self.unsafe_fixes || applicability == Applicability::Safe
    }
}

/// Mends, or shows what would be mended; `show` prints what is left.
pub(crate) fn run(
    app: &App<'_>,
    args: &CheckArgs,
    options: ScanOptions,
    known: &Baseline,
    show: impl FnOnce(&mut Report) -> Result<()>,
) -> Result<ExitClass> {
    let began = std::time::Instant::now();
    let cache = super::cache(&app.project).filter(|_| !args.no_cache);
    let mut workspace = match &cache {
        Some(cache) => Workspace::with_cache(options, cache),
        None => Workspace::new(options),
    };
    workspace.refresh();
    let mut class = ExitClass::Ok;
    let mut changes: Vec<Change> = Vec::new();
    let mut diffs = String::new();
    let mut dependents = BTreeSet::new();
    for path in fixable_files(&workspace.report(), args.fix, known) {
        match fix_file(&mut workspace, &path, args.fix, known, &mut dependents) {
            Ok(Some(fixed)) => {
                diffs.push_str(&diff::unified(&path, &fixed.before, &fixed.after));
                if let Some(error) = &fixed.refused {
                    app.ui.error(error);
                    class = class.max(error.code().exit);
                }
                changes.extend(fixed.change);
            }
            Ok(None) => {}
            Err(error) => {
                app.ui.error(&error);
                class = class.max(error.code().exit);
            }
        }
    }
    if args.fix.diff {
        app.ui.verbatim(&diffs);
        let (files, fixes) = (changes.len(), changes.iter().map(|c| c.notes.len()).sum::<usize>());
        app.ui.note(&format!("{} in {} would be mended", count(fixes, "finding"), count(files, "file")));
        for problem in &workspace.summary().problems {
            app.ui.note(&told(problem));
            class = if args.exit_zero { class } else { class.max(ExitClass::Unreadable) };
        }
        return Ok(if files > 0 { class.max(ExitClass::Findings) } else { class });
    }
    let fixes: Vec<(String, usize)> = changes.iter().map(|c| (c.path.clone(), c.notes.len())).collect();
    let written = if changes.is_empty() {
        Written::default()
    } else {
        Transaction::new(&app.project, changes).commit(&mut |_| {})?
    };
    for error in &written.refused {
        app.ui.error(error);
        class = class.max(error.code().exit);
    }
    for (path, _) in &fixes {
        workspace.overlay(path, None);
    }
    // What was mended may be what other files rest on.
    for path in &dependents {
        workspace.forget_file(path);
    }
    workspace.refresh();
    if let Some(cache) = &cache {
        // Whoever may not write here scans as fast as without a cache.
        let _ = workspace.store(cache);
    }
    let mut report = workspace.report();
    report.duration_ms = (began.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    show(&mut report)?;
    say(app, &written, &fixes, &report, args.fix);
    Ok(class.max(super::class(args, &report)))
}

/// A file that could not be read or parsed, so that nothing in it could be mended: in a line.
fn told(problem: &Problem) -> String {
    let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
    format!("{}{line}: problem[{}] {}", problem.path, problem.code, problem.message)
}

/// The files with a finding that may be mended, sorted.
fn fixable_files(report: &Report, args: FixArgs, known: &Baseline) -> Vec<String> {
    let paths: BTreeSet<&str> = report
        .findings
        .iter()
        .filter(|f| f.fix.as_ref().is_some_and(|fix| args.takes(fix.applicability)) && !known.knows(f))
        .map(|f| &*f.path)
        .collect();
    paths.into_iter().map(str::to_owned).collect()
}

/// Mends one file in memory, and notes the files that rest on what changed; `None` if it can no longer be read.
fn fix_file(
    workspace: &mut Workspace,
    path: &str,
    args: FixArgs,
    known: &Baseline,
    dependents: &mut BTreeSet<String>,
) -> Result<Option<Fixed>> {
    let Ok(bytes) = std::fs::read(workspace.options().root.join(path)) else { return Ok(None) };
    let Ok(text) = source::decode(&bytes).map(std::borrow::Cow::into_owned) else { return Ok(None) };
    // The file may have changed since the scan: its fixes are those of the very bytes that are edited.
    let mut scan = |text: &str| {
        workspace.overlay(path, Some(text.into()));
        dependents.extend(workspace.refresh_file(path));
        workspace.file(path).map(|file| candidates(file, args, known)).unwrap_or_default()
    };
    let first = scan(&text);
    rounds::fix(path, bytes, first, &mut scan).map(Some)
}

/// What is known is hidden, and left as it is.
fn candidates(file: FileReport, args: FixArgs, known: &Baseline) -> Vec<Candidate> {
    let fixes = file
        .findings
        .into_iter()
        .filter(|f| !known.knows(f))
        .filter_map(|finding| Some((finding.rule, finding.fix?)));
    fixes
        .filter(|(_, fix)| args.takes(fix.applicability))
        .map(|(rule, fix)| Candidate { rule, title: fix.title, edits: fix.edits })
        .collect()
}

fn say(app: &App<'_>, written: &Written, fixes: &[(String, usize)], report: &Report, args: FixArgs) {
    let fixed: usize =
        fixes.iter().filter(|(path, _)| written.files.contains(path)).map(|(_, count)| count).sum();
    let mut text = format!("{} fixed in {}", count(fixed, "finding"), count(written.files.len(), "file"));
    let left = report.findings.iter().filter(|f| f.fix.as_ref().is_some_and(|x| args.takes(x.applicability)));
    match left.count() {
        0 => {}
        left => {
            let _ = write!(text, ", {left} left unfixed");
        }
    }
    if let Some(more) = fixable(report, args) {
        let _ = write!(text, "; {more}");
    }
    app.ui.note(&text);
    if let Some(run) = &written.run {
        app.ui.next(&format!("hallmark undo {run}"));
    }
}

/// What is left that a flag would mend: the end of a summary.
pub(crate) fn fixable(report: &Report, args: FixArgs) -> Option<String> {
    let with = |wanted: Applicability| {
        report.findings.iter().filter(|f| f.fix.as_ref().is_some_and(|x| x.applicability == wanted)).count()
    };
    let (safe, more) = (with(Applicability::Safe), with(Applicability::Unsafe));
    match (if args.fix { 0 } else { safe }, if args.unsafe_fixes { 0 } else { more }) {
        (0, 0) => None,
        (safe, 0) => Some(format!("{safe} fixable with --fix")),
        (0, more) => Some(format!("{more} fixable with --fix --unsafe-fixes")),
        (safe, more) => Some(format!("{safe} fixable with --fix, {more} more with --unsafe-fixes")),
    }
}

fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}
