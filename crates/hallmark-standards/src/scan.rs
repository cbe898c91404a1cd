//! The scan: read and parse every file once, join what they show, run the rules, place the findings, score.

use std::path::Path;
use std::time::Instant;

use crate::report::Report;
use crate::{ScanOptions, Workspace, walk};

/// Scans a project. Never fails: what goes wrong is a problem in the report, and the rest is scanned.
///
/// Runs on threads of its own with stacks large enough for the deepest source that is followed. The report's order does not
/// depend on the number of threads.
#[must_use]
pub fn scan(options: &ScanOptions) -> Report {
    let started = Instant::now();
    let mut workspace = Workspace::new(options.clone());
    workspace.refresh();
    finish(workspace, started)
}

/// [`scan`] with a cache file: what it knows and still holds is not worked out again. The report is the same.
///
/// A cache that cannot be read or written costs time and changes nothing.
#[must_use]
pub fn scan_cached(options: &ScanOptions, cache: &Path) -> Report {
    let started = Instant::now();
    let mut workspace = Workspace::with_cache(options.clone(), cache);
    workspace.refresh();
    if workspace.has_news() {
        // Whoever may not write here scans as fast as without a cache.
        let _ = workspace.store(cache);
    }
    finish(workspace, started)
}

/// The Python files that a scan reads, sorted, relative to the root with forward slashes.
#[must_use]
pub fn files(options: &ScanOptions) -> Vec<String> {
    walk::files(options).0
}

fn finish(workspace: Workspace, started: Instant) -> Report {
    let mut report = workspace.into_report();
    report.duration_ms = (started.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    report
}
