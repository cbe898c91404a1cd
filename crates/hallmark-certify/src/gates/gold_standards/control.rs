//! The scan must find a planted mock and a planted syntax error, and nothing in their clean twin.

use std::path::Path;
use std::time::Instant;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hallmark_core::{Result, fs};
use hallmark_diagnostics::Severity;
use hallmark_standards::{Report, ScanOptions, scan};

use super::MOCKING;
use crate::context::Context;
use crate::section::Control;

const TEST: &str = "tests/integration/test_planted.py";
const PLANTED: &str = "from unittest.mock import patch\n\n\ndef test_service():\n    with patch(\"app.database.connect\") as connect:\n        connect.return_value = None\n        assert connect() is None\n";
const CLEAN: &str =
    "import os\n\n\ndef test_service():\n    assert os.environ[\"DATABASE_URL\"].startswith(\"postgres\")\n";

/// Scans both folders with the rules and the profile that the project is judged by.
pub(super) fn run(context: &Context) -> BoxFuture<'_, Vec<Control>> {
    async move { vec![mock(context), syntax(context)] }.boxed()
}

fn mock(context: &Context) -> Control {
    let started = Instant::now();
    let outcome = compare(context).unwrap_or_else(|e| (false, e.to_string()));
    let planted = "a patch of a service in an integration test, in a scratch folder, beside a clean twin";
    Control::new("gold_standards.planted_mock", planted, started, outcome)
}

fn compare(context: &Context) -> Result<(bool, String)> {
    let (planted, clean) = (scanned(context, TEST, PLANTED)?, scanned(context, TEST, CLEAN)?);
    let doubles = |report: &Report| {
        report.findings.iter().filter(|f| f.family == MOCKING && f.severity == Severity::Error).count()
    };
    let (found, clean) =
        (doubles(&planted), clean.findings.iter().filter(|f| f.severity == Severity::Error).count());
    Ok((
        found > 0 && clean == 0,
        format!("{found} doubles found in the planted folder, {clean} errors in the clean twin"),
    ))
}

fn syntax(context: &Context) -> Control {
    let started = Instant::now();
    let planted = "a file that does not parse, in a scratch folder";
    let outcome = match scanned(context, "app/broken.py", "def broken(:\n    pass\n") {
        Ok(report) => (!report.problems.is_empty(), format!("{} problems", report.problems.len())),
        Err(error) => (false, error.to_string()),
    };
    Control::new("gold_standards.planted_syntax_error", planted, started, outcome)
}

/// A scan of a scratch folder with this one file, as the project is scanned.
pub(crate) fn scanned(context: &Context, name: &str, text: &str) -> Result<Report> {
    let folder = context.scratch_folder("planted")?;
    fs::write_atomic(&folder.join(name), text.as_bytes(), fs::Mode::Default)?;
    Ok(scan(&options(context, &folder)))
}

/// The project's rules, edition and profile; its own paths and tiers mean nothing here.
fn options(context: &Context, root: &Path) -> ScanOptions {
    let own = &context.scan_options;
    ScanOptions {
        root: root.to_path_buf(),
        edition: own.edition,
        profile: own.profile,
        select: own.select.clone(),
        ignore: own.ignore.clone(),
        ..ScanOptions::default()
    }
}
