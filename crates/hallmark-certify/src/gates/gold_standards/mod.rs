//! Gate 1: the gold standards hold, family by family, as the scan measures it.

mod control;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hallmark_diagnostics::{Finding, Severity};
use hallmark_evidence::{Evidence, Verdict};
use hallmark_standards::{FamilySummary, Report};
use serde_json::json;

use crate::context::{Context, Instrument, Measured};
use crate::limits::PLACES_LISTED_MAX;
use crate::section::{HardFailure, Kind};

pub(crate) use control::scanned;

/// The gate.
pub(crate) static GATE: Instrument = Instrument {
    id: "gold_standards",
    title: "Gold standards",
    kind: Kind::Gate,
    weight: 0.15,
    measure,
    control: control::run,
};

/// The family of rules on test doubles.
const MOCKING: &str = "mocking";

/// The requirement on test doubles.
const REQ_TESTS: &str = "NO-MOCKING";

/// The time that the requirements give a full scan.
const SCAN_MS_MAX: f64 = 10_000.0;

fn measure(context: &Context) -> BoxFuture<'_, Measured> {
    async move {
        let report = context.scan().await;
        let mut evidence = vec![parsed(report), in_time(report)];
        evidence.extend(
            report
                .families
                .iter()
                // A family without weight is about Hallmark's own comments, not about a requirement.
                .filter(|family| family.weight > 0.0)
                .map(|family| of_family(family, report, "gold_standards", family.requirement)),
        );
        Measured { evidence, hard_failures: hard_failures(report), ..Measured::default() }
    }
    .boxed()
}

/// One family as evidence for a requirement. A family that applies to no file is left out, and said to be.
pub(crate) fn of_family(
    family: &FamilySummary,
    report: &Report,
    section: &str,
    requirement: &str,
) -> Evidence {
    let evidence = Evidence::new(
        requirement,
        format!("{section}.{}", family.family),
        format!("no file breaks the standards of the family \"{}\"", family.family),
    )
    .threshold("0 findings of severity error")
    .reproduce("hallmark check")
    .weight(family.weight);
    if family.applicable_files == 0 {
        let exempted = Evidence { verdict: Verdict::Exempted, ..evidence };
        return exempted.because("it applies to no file of this project");
    }
    let measured = json!({
        "errors": family.errors, "warnings": family.warnings, "infos": family.infos,
        "applicable_files": family.applicable_files, "compliant_files": family.compliant_files,
    });
    let own: Vec<&Finding> = report.findings.iter().filter(|f| f.family == family.family).collect();
    let raw = serde_json::to_vec(&own).unwrap_or_default();
    let evidence = evidence.measured(measured, family.errors == 0).raw(&raw);
    match own.iter().find(|f| f.severity == Severity::Error) {
        Some(first) if family.errors > 0 => evidence.because(format!(
            "{} errors, the first at {}: {}",
            family.errors,
            place(first),
            first.message
        )),
        _ => evidence,
    }
}

fn parsed(report: &Report) -> Evidence {
    let evidence =
        Evidence::new("REQ-GS-001", "gold_standards.readable", "every Python file can be read and parsed")
            .threshold("at least 1 file, 0 problems")
            .reproduce("hallmark check");
    if report.files == 0 {
        return evidence.because("the project has no Python file");
    }
    let measured = json!({"files": report.files, "unparsed_files": report.unparsed_files, "problems": report.problems.len()});
    let evidence = evidence.measured(measured, report.problems.is_empty() && report.unparsed_files == 0);
    match report.problems.first() {
        Some(first) => evidence.because(format!(
            "{}:{} {}: {}",
            first.path,
            first.line.unwrap_or(1),
            first.code,
            first.message
        )),
        None => evidence,
    }
}

fn in_time(report: &Report) -> Evidence {
    let evidence = Evidence::new("REQ-GS-001", "gold_standards.scan_time", "a full scan ends in time")
        .threshold("< 10 s, < 100 ms a file")
        .reproduce("hallmark check");
    if report.files == 0 {
        return evidence.because("the project has no Python file");
    }
    let each = report.duration_ms / report.files as f64;
    let holds = report.duration_ms < SCAN_MS_MAX && each < 100.0;
    evidence.measured(json!({"duration_ms": report.duration_ms, "files": report.files, "ms_per_file": each, "bytes": report.bytes}), holds)
}

/// Doubles where real services must be used, doubles in production, and files that nobody can judge.
fn hard_failures(report: &Report) -> Vec<HardFailure> {
    let doubles = |tiers: &[&str]| -> Vec<String> {
        let hard =
            |f: &&Finding| f.family == MOCKING && f.severity == Severity::Error && tiers.contains(&f.tier);
        report.findings.iter().filter(hard).map(place).collect()
    };
    let unparsed = report.problems.iter().map(|p| format!("{}:{}", p.path, p.line.unwrap_or(1))).collect();
    let all = [
        (
            "gold_standards.mocking",
            "test doubles in integration and end-to-end tests",
            doubles(&["integration", "end-to-end"]),
        ),
        (
            "gold_standards.production_doubles",
            "production code stands doubles in for services",
            doubles(&["production"]),
        ),
        (
            "gold_standards.readable",
            "files that cannot be read or parsed",
            if report.unparsed_files > 0 { unparsed } else { Vec::new() },
        ),
    ];
    let failure = |(check, what, places): (&str, &str, Vec<String>)| HardFailure {
        requirement: REQ_TESTS.to_owned(),
        check: check.to_owned(),
        what: what.to_owned(),
        count: places.len(),
        places: places.into_iter().take(PLACES_LISTED_MAX).collect(),
    };
    all.into_iter().filter(|(_, _, places)| !places.is_empty()).map(failure).collect()
}

fn place(finding: &Finding) -> String {
    format!("{}:{}", finding.path, finding.start.line)
}
