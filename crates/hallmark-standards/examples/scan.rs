//! One scan as `hallmark check --format concise --limit 0` makes it, for profilers: this builds in a fraction of the time that the
//! binary takes.
//!
//! `scan FOLDER [CACHE]`, where CACHE is the file that a check with a cache would keep.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use hallmark_diagnostics::Severity;
use hallmark_diagnostics::render::{self, Style};
use hallmark_standards::{ScanOptions, StandardsConfig, Survey};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let Some(root) = arguments.next() else { return ExitCode::from(2) };
    let cache = arguments.next();
    let survey = match &cache {
        Some(cache) => Survey::remembered(&root, cache),
        None => Survey::of(&root),
    };
    let Ok(folders) = hallmark_standards::nested_in(&root, &survey) else { return ExitCode::FAILURE };
    let options = ScanOptions { folders, ..ScanOptions::new(root, &StandardsConfig::default()) };
    let report = hallmark_standards::scan_surveyed(&options, cache.as_deref(), Some(survey));
    let style = Style { colour: false, unicode: true, limit: 0, minimum: Severity::Warning };
    let text = render::concise(&report.findings, &report.problems, style);
    let written = std::io::stdout().lock().write_all(text.as_bytes());
    std::mem::forget(report);
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
