//! A report in the format that was asked for, on the standard output or in a file.

use std::path::Path;

use hallmark_core::fs::{Mode, write_atomic};
use hallmark_core::{ExitClass, Result};
use hallmark_diagnostics::render::{self, Style, Syntax};
use hallmark_diagnostics::{FamilyLine, Overview, Results, Severity};
use hallmark_standards::{Report, rules};

use crate::app::App;
use crate::args::{CheckArgs, CheckFormat};

/// The report with every exit class that applied: the process can end with one only.
#[derive(serde::Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a Report,
    exit_classes: Vec<u8>,
}

impl<'a> Document<'a> {
    fn of(report: &'a Report) -> Self {
        let exit_classes = report.exit_classes().into_iter().map(ExitClass::code).collect();
        Self { report, exit_classes }
    }
}

/// Writes the report where the arguments say.
///
/// # Errors
/// `HM-C010`, `HM-C011` if the file cannot be written.
pub(super) fn write(app: &App<'_>, args: &CheckArgs, report: &Report) -> Result<()> {
    put(app, args, &text(app, args, report))
}

/// Writes a text to the standard output or into the file that was named.
pub(super) fn put(app: &App<'_>, args: &CheckArgs, text: &str) -> Result<()> {
    match &args.output_file {
        None => app.ui.data(text),
        Some(file) => {
            let absolute = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            write_atomic(&absolute, text.as_bytes(), Mode::Default)?;
            app.ui.note(&format!("wrote {}", shown(file)));
        }
    }
    Ok(())
}

fn shown(file: &Path) -> String {
    file.display().to_string()
}

/// The report as text, in ASCII if the terminal or the user wants that, by the escapes of the format's own syntax.
fn text(app: &App<'_>, args: &CheckArgs, report: &Report) -> String {
    let (findings, problems) = (report.findings.as_slice(), report.problems.as_slice());
    let style = Style {
        colour: app.ui.color() && args.output_file.is_none(),
        unicode: !app.ui.ascii(),
        limit: args.limit,
        minimum: if args.show_info { Severity::Info } else { Severity::Warning },
    };
    let rules: Vec<_> = rules::all().iter().map(|r| r.info()).collect();
    let results = Results {
        findings,
        problems,
        suppressed: &report.accepted,
        rules: &rules,
        version: env!("CARGO_PKG_VERSION"),
    };
    let (text, syntax) = match args.format {
        CheckFormat::Full => (render::full(findings, problems, style), Syntax::Plain),
        CheckFormat::Concise => (render::concise(findings, problems, style), Syntax::Plain),
        CheckFormat::Grouped => (render::grouped(findings, problems, style), Syntax::Plain),
        CheckFormat::Json => (render::json(&Document::of(report)), Syntax::Json),
        CheckFormat::JsonLines => {
            (render::json_lines(findings, problems, &Document::of(report)), Syntax::Json)
        }
        CheckFormat::Sarif => (render::sarif(&results), Syntax::Json),
        CheckFormat::Junit => (render::junit(findings, problems), Syntax::Markup),
        CheckFormat::Github => (render::github(findings, problems), Syntax::Plain),
        CheckFormat::Gitlab => (render::gitlab(findings, problems), Syntax::Json),
        CheckFormat::Html => (render::html(&results, &overview(app, report)), Syntax::Markup),
    };
    if app.ui.ascii() { render::ascii(&text, syntax) } else { text }
}

/// What the page says above the findings.
fn overview(app: &App<'_>, report: &Report) -> Overview {
    let families = report.families.iter().filter(|f| f.weight > 0.0 || f.errors + f.warnings > 0);
    Overview {
        title: app.project.name(),
        score: report.score,
        facts: vec![
            ("Files", report.files.to_string()),
            ("Profile", report.profile.to_owned()),
            ("Edition", format!("{} (SDK {})", report.edition, report.sdk_version)),
            ("Scanned", format!("{} UTC", hallmark_core::clock::now()[..16].replace('T', " "))),
            ("Took", duration(report.duration_ms)),
        ],
        families: families
            .map(|f| FamilyLine {
                name: f.family,
                requirement: f.requirement,
                weight: f.weight,
                score: f.score,
                errors: f.errors,
                warnings: f.warnings,
            })
            .collect(),
    }
}

/// Milliseconds below a second, seconds above.
pub(super) fn duration(ms: f64) -> String {
    if ms < 1000.0 { format!("{ms:.0} ms") } else { format!("{:.2} s", ms / 1000.0) }
}
