//! `hallmark bench`: the targets of the requirements, measured on the running stack.

use std::time::Duration;

use hallmark_certify::LOG_EVIDENCE;
use hallmark_core::{Error, ExitClass, Result};
use hallmark_evidence::Log;
use hallmark_services::bench::{self, Figure, Options, Report, Statistic, Verdict, limits};
use hallmark_services::stack::Provider;
use hallmark_services::{ServiceKind, Stack};
use serde_json::json;

use crate::app::App;
use crate::args::{BenchArgs, Format};
use crate::commands::{codes, logs};
use crate::ui::{Mark, WIDTH_MAX, wrap};
use crate::wiring;

pub(crate) fn run(app: &App<'_>, args: &BenchArgs) -> Result<ExitClass> {
    let stack = wiring::stack(app)?;
    let mut services = args.service.iter().map(|name| logs::service(name)).collect::<Result<Vec<_>>>()?;
    if services.is_empty() {
        services.extend(ServiceKind::ALL.iter().filter(|kind| stack.provider(**kind) != Provider::Off));
    }
    if args.purge {
        let endpoints = wiring::endpoints(app)?;
        app.block_on(bench::purge(&endpoints, &services, &app.project.id()))?;
        app.ui.note("what measurements had loaded is gone");
        return Ok(ExitClass::Ok);
    }
    let options = options(app, args, &stack, services)?;
    let (ui, endpoints) = (*app.ui, wiring::endpoints(app)?);
    let report = app.block_on(bench::run(&endpoints, &options, &move |what| ui.progress(what)))?;
    app.ui.progress("");
    keep(app, &report)?;
    match args.format {
        Format::Json => app.ui.json(&json!(report).to_string()),
        Format::Text => show(app, &report),
    }
    Ok(if !report.not_measured.is_empty() || report.count(Verdict::NotMeasured) > 0 {
        ExitClass::Unavailable
    } else if report.count(Verdict::Missed) + report.count(Verdict::Undecided) > 0 {
        ExitClass::Findings
    } else {
        ExitClass::Ok
    })
}

fn options(app: &App<'_>, args: &BenchArgs, stack: &Stack, services: Vec<ServiceKind>) -> Result<Options> {
    let refused =
        |sentence: String| Err(Error::new(&codes::UNKNOWN_VALUE, sentence).next("hallmark bench --help"));
    if args.duration == 0 || args.duration > limits::DURATION_MAX_S {
        return refused(format!("--duration takes 1 to {} seconds", limits::DURATION_MAX_S));
    }
    if let Some(users) = args.users.iter().find(|users| **users == 0 || **users > limits::USERS_MAX) {
        return refused(format!("--users takes 1 to {}, not {users}", limits::USERS_MAX));
    }
    let own = |kind: &ServiceKind| matches!(stack.provider(*kind), Provider::Native | Provider::Docker);
    Ok(Options {
        leave_nothing: services.iter().copied().filter(|kind| !own(kind)).collect(),
        services,
        users: args.users.clone(),
        products: bench::PRODUCTS,
        duration: Duration::from_secs(args.duration),
        project: app.project.id(),
    })
}

/// Puts what was measured into the project's log of evidence.
fn keep(app: &App<'_>, report: &Report) -> Result<()> {
    let entries: Vec<_> =
        report.evidence().into_iter().map(|one| (LOG_EVIDENCE.to_owned(), json!(one))).collect();
    if !entries.is_empty() {
        Log::open_in(&app.project.state()?)?.append_all(entries)?;
    }
    Ok(())
}

fn show(app: &App<'_>, report: &Report) {
    let machine = &report.machine;
    let build = if machine.optimised { "" } else { ", this build not optimised" };
    paragraph(
        app,
        &format!(
            "{} processors ({}), {} MiB, {} {}, load before {:.1}{build}; {} s each, confidence {:.0} %",
            machine.processors,
            machine.processor,
            machine.memory_mib,
            machine.os,
            machine.release,
            machine.load,
            report.duration_s,
            report.confidence * 100.0
        ),
    );
    for data in &report.data {
        let how = if data.loaded { "loaded" } else { "there already" };
        app.ui.line(&format!("{}: {} items, {how} ({:.1} s)", data.service, data.items, data.seconds));
    }
    table(app, report);
    for load in &report.load {
        app.ui.line(&format!(
            "{} users: {:.0} requests a second answered, {:.0} offered",
            load.users, load.answered_per_second, load.offered_per_second
        ));
    }
    for absent in &report.not_measured {
        let code = absent.code.map(|code| format!(" [{code}]")).unwrap_or_default();
        paragraph(app, &format!("{} was not measured: {}{code}", absent.service, absent.reason));
    }
    app.ui.note(&format!(
        "{} met, {} missed, {} undecided, {} not measured",
        report.count(Verdict::Met),
        report.count(Verdict::Missed),
        report.count(Verdict::Undecided),
        report.count(Verdict::NotMeasured) + report.not_measured.len(),
    ));
    match report.not_measured.first().and_then(|absent| absent.code) {
        Some(_) => app.ui.next("hallmark status"),
        None if report.not_measured.is_empty() => app.ui.next("hallmark certify"),
        None => app.ui.next("hallmark up"),
    }
}

fn table(app: &App<'_>, report: &Report) {
    let header = format!(
        "{:<23} {:>5} {:>7} {:>8} {:>8} {:>8}  HELD TO",
        "  TARGET (ms)", "USERS", "SAMPLES", "P50", "P95", "P99"
    );
    app.ui.line(&app.ui.strong(&header));
    for figure in &report.figures {
        row(app, figure);
    }
}

fn row(app: &App<'_>, figure: &Figure) {
    let mark = app.ui.padded_mark(match (figure.is_held(), figure.verdict) {
        (true, Verdict::Met) => Mark::Ok,
        (true, Verdict::Missed) => Mark::Fail,
        (true, Verdict::Undecided) => Mark::Warn,
        _ => Mark::Unknown,
    });
    app.ui.line(&format!(
        "{mark} {:<21} {:>5} {:>7} {:>8} {:>8} {:>8}  {}",
        figure.id,
        figure.users,
        figure.samples,
        short(figure.p50_ms),
        short(figure.p95_ms),
        short(figure.p99_ms),
        held_to(figure)
    ));
    for bound in figure.bounds.iter().filter(|bound| bound.statistic == Statistic::Rate) {
        app.ui.line(&format!("    {:.0} a second", bound.interval.value));
    }
    if figure.is_held() && figure.verdict != Verdict::Met {
        let reason = figure.reason.clone().unwrap_or_default();
        let code = figure.code.map(|code| format!(" [{code}]")).unwrap_or_default();
        let text = format!("{}: {reason}{code}", figure.verdict.name());
        for line in wrap(&text, WIDTH_MAX - 4) {
            app.ui.line(&format!("    {line}"));
        }
    }
}

/// The strictest limit, short; all of them are in the JSON.
fn held_to(figure: &Figure) -> String {
    let strictest =
        figure.bounds.iter().max_by_key(|bound| (bound.verdict, bound.statistic == Statistic::P95));
    match strictest {
        Some(bound) if bound.statistic == Statistic::Rate => format!("{}/s", bound.limit),
        Some(bound) => format!("{} < {}", bound.statistic.name(), bound.limit),
        None => String::new(),
    }
}

/// Milliseconds in at most seven characters.
fn short(ms: f64) -> String {
    if ms < 100.0 { format!("{ms:.2}") } else { format!("{ms:.0}") }
}

fn paragraph(app: &App<'_>, text: &str) {
    for line in wrap(text, WIDTH_MAX) {
        app.ui.line(&line);
    }
}
