//! The scan: read and parse every file once, join what they show, run the rules, place the findings, score.

use std::path::Path;
use std::time::Instant;

use crate::report::Report;
use crate::{ScanOptions, Survey, Workspace};

/// Scans a project. Never fails: what goes wrong is a problem in the report, and the rest is scanned.
///
/// Runs on threads of its own with stacks large enough for the deepest source that is followed. The report's order does not
/// depend on the number of threads.
#[must_use]
pub fn scan(options: &ScanOptions) -> Report {
    scan_surveyed(options, None, None)
}

/// [`scan`] with a cache file: what it knows and still holds is not worked out again. The report is the same.
///
/// A cache that cannot be read or written costs time and changes nothing.
#[must_use]
pub fn scan_cached(options: &ScanOptions, cache: &Path) -> Report {
    scan_surveyed(options, Some(cache), None)
}

/// [`scan_cached`] where the root may have been walked already, just now.
#[must_use]
pub fn scan_surveyed(options: &ScanOptions, cache: Option<&Path>, mut survey: Option<Survey>) -> Report {
    let started = Instant::now();
    let stored = survey.as_mut().and_then(|survey| survey.stored.take());
    let mut workspace = match cache {
        Some(cache) => Workspace::with_stored(options.clone(), cache, stored),
        None => Workspace::new(options.clone()),
    };
    workspace.surveyed(survey);
    workspace.refresh();
    if let Some(cache) = cache.filter(|_| workspace.has_news()) {
        // Whoever may not write here scans as fast as without a cache.
        let _ = workspace.store(cache);
    }
    let mut report = workspace.into_report();
    report.duration_ms = (started.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    report
}

/// The Python files that a scan reads, sorted, relative to the root with forward slashes.
#[must_use]
pub fn files(options: &ScanOptions) -> Vec<String> {
    Survey::of(&options.root).files(options).files
}
