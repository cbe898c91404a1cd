//! `hallmark check --statistics`: a count for each rule in the place of the findings.

use std::collections::BTreeSet;

use hallmark_core::Result;
use hallmark_diagnostics::{Applicability, Severity};
use hallmark_standards::{Report, rules};
use serde::Serialize;

use super::output;
use crate::app::App;
use crate::args::{CheckArgs, CheckFormat};

/// What one rule found.
#[derive(Serialize)]
struct Row {
    rule: &'static str,
    family: &'static str,
    errors: usize,
    warnings: usize,
    infos: usize,
    files: usize,
    fixable: usize,
    suppressed: usize,
}

impl Row {
    fn findings(&self) -> usize {
        self.errors + self.warnings + self.infos
    }
}

/// Writes the counts, as JSON where that was asked for.
pub(super) fn write(app: &App<'_>, args: &CheckArgs, report: &Report) -> Result<()> {
    let mut rows: Vec<Row> =
        rules::all().iter().map(|rule| row(rule.name, rule.family.name(), report)).collect();
    rows.retain(|row| row.findings() + row.suppressed > 0);
    rows.sort_by_key(|row| (std::cmp::Reverse((row.errors, row.findings())), row.rule));
    if matches!(args.format, CheckFormat::Json | CheckFormat::JsonLines) {
        let document = serde_json::json!({
            "schema": "hallmark.statistics/1",
            "rules": rows,
            "families": report.families,
            "score": report.score,
            "files": report.files,
        });
        return output::put(app, args, &format!("{document}\n"));
    }
    let number = |n: usize| if n == 0 { "-".to_owned() } else { n.to_string() };
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|r| {
            let counts = [r.errors, r.warnings, r.infos, r.files, r.fixable];
            counts.into_iter().map(number).chain([r.rule.to_owned()]).collect()
        })
        .collect();
    app.ui.table(&["ERRORS", "WARNINGS", "NOTES", "FILES", "FIXABLE", "RULE"], &cells);
    Ok(())
}

fn row(rule: &'static str, family: &'static str, report: &Report) -> Row {
    let own = || report.findings.iter().filter(|f| f.rule == rule);
    let of = |severity| own().filter(|f| f.severity == severity).count();
    let safe = |f: &&hallmark_diagnostics::Finding| {
        f.fix.as_ref().is_some_and(|fix| fix.applicability == Applicability::Safe)
    };
    Row {
        rule,
        family,
        errors: of(Severity::Error),
        warnings: of(Severity::Warning),
        infos: of(Severity::Info),
        files: own().map(|f| &*f.path).collect::<BTreeSet<_>>().len(),
        fixable: own().filter(safe).count(),
        suppressed: report.accepted.iter().filter(|s| s.finding.rule == rule).count(),
    }
}
