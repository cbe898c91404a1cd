//! `hallmark doctor`: what works on this machine, what does not, and the command that mends it.

use hallmark_core::{ExitClass, Result};
use hallmark_services::stack::{Check, DOCTOR_SCHEMA, Examination, Outcome, Risk, Verdict};
use serde_json::json;

use crate::app::App;
use crate::args::{DoctorArgs, Format};
use crate::ui::{Mark, WIDTH_MAX, wrap};
use crate::wiring;

/// The columns of a line before its text.
const NAME: usize = 24;

pub(crate) fn run(app: &App<'_>, args: &DoctorArgs) -> Result<ExitClass> {
    let found = app.block_on(async { wiring::stack(app)?.examine_from(args.from.as_deref()).await })?;
    let failed = count(&found, Verdict::Fail) > 0;
    let exit = if failed { ExitClass::Unavailable } else { ExitClass::Ok };
    if args.format == Format::Json {
        app.ui.json(&as_json(&found, args.risks).to_string());
        return Ok(exit);
    }
    if args.risks {
        for risk in &found.risks {
            show_risk(app, risk);
        }
        app.ui.note("score = probability (1-5) x impact (1-5); true at the moment of the check only");
        return Ok(exit);
    }
    for check in &found.checks {
        show(app, check);
    }
    app.ui.note(&format!(
        "{} ok, {} warn, {} fail, {} not checked; true at the moment of the check only",
        count(&found, Verdict::Ok),
        count(&found, Verdict::Warn),
        count(&found, Verdict::Fail),
        count(&found, Verdict::NotChecked),
    ));
    Ok(exit)
}

fn count(found: &Examination, verdict: Verdict) -> usize {
    found.checks.iter().filter(|check| check.verdict == verdict).count()
}

fn as_json(found: &Examination, risks: bool) -> serde_json::Value {
    let mut value = json!({
        "schema": DOCTOR_SCHEMA,
        "counts": {
            "ok": count(found, Verdict::Ok),
            "warn": count(found, Verdict::Warn),
            "fail": count(found, Verdict::Fail),
            "not_checked": count(found, Verdict::NotChecked),
        },
        "checks": found.checks,
    });
    if risks {
        value["risks"] = json!(found.risks);
    }
    value
}

const fn mark(verdict: Verdict) -> Mark {
    match verdict {
        Verdict::Ok => Mark::Ok,
        Verdict::Warn => Mark::Warn,
        Verdict::Fail => Mark::Fail,
        Verdict::NotChecked => Mark::Unknown,
    }
}

fn show(app: &App<'_>, check: &Check) {
    let head = format!("{} {:<NAME$}", app.ui.padded_mark(mark(check.verdict)), check.name);
    paragraph(app, &head, &check.detail);
    if let Some(command) = &check.mend {
        command_line(app, &head, "mend: ", command);
    }
}

fn show_risk(app: &App<'_>, risk: &Risk) {
    let head = format!("{:>2} {} {:<NAME$}", risk.score, app.ui.padded_mark(mark(risk.verdict)), risk.name);
    let weighed = format!("{}: {} x {}; {}", risk.monitor, risk.probability, risk.impact, risk.detail);
    paragraph(app, &head, &weighed);
    if risk.verdict != Verdict::Ok {
        command_line(app, &head, "mitigation: ", &risk.mitigation);
    }
    for (number, one) in risk.fallbacks.iter().enumerate() {
        let mark = match one.outcome {
            Outcome::Serves => Mark::Ok,
            Outcome::Ready => Mark::Unknown,
            Outcome::Unavailable => Mark::Fail,
        };
        let chosen = if one.chosen { ", chosen" } else { "" };
        let text = format!(
            "{}. {} {} {}{chosen}: {}",
            number + 1,
            app.ui.mark(mark),
            one.provider,
            one.outcome,
            one.said
        );
        paragraph(app, &" ".repeat(crate::ui::visible(&head)), &text);
    }
}

/// The text behind its head, wrapped under itself.
fn paragraph(app: &App<'_>, head: &str, text: &str) {
    let indent = crate::ui::visible(head) + 1;
    for (number, part) in wrap(text, WIDTH_MAX.saturating_sub(indent)).iter().enumerate() {
        let head = if number == 0 { head.to_owned() } else { " ".repeat(indent - 1) };
        app.ui.line(format!("{head} {part}").trim_end());
    }
}

/// A command is copied, so it is never broken; a long one gets a line of its own.
fn command_line(app: &App<'_>, head: &str, label: &str, command: &str) {
    let indent = crate::ui::visible(head) + 1;
    if indent + label.len() + command.chars().count() <= WIDTH_MAX {
        app.ui.line(&format!("{}{label}{command}", " ".repeat(indent)));
    } else {
        app.ui.line(&format!("    {label}{command}"));
    }
}
