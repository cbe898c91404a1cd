//! `hallmark status --why SERVICE`: what happened, the last log lines, the cause, and the command that mends it.

use hallmark_core::{ExitClass, Result};
use hallmark_services::ServiceKind;
use hallmark_services::monitor::{Entry, Health};
use hallmark_services::stack::{Phase, Stack, Why};

use super::health_mark;
use crate::app::App;
use crate::args::Format;
use crate::ui::{Mark, WIDTH_MAX, wrap};

/// The column in which the text of a timeline begins.
const TEXT_COLUMN: usize = 22;

pub(super) fn run(app: &App<'_>, stack: &Stack, service: ServiceKind, format: Format) -> Result<ExitClass> {
    let why = app.block_on(stack.why(service))?;
    let exit = match why.health {
        Health::Healthy | Health::Degraded => ExitClass::Ok,
        Health::Down | Health::NotMeasured => ExitClass::Unavailable,
    };
    if format == Format::Json {
        app.ui.json(&serde_json::to_value(&why).unwrap_or_default().to_string());
    } else {
        show(app, &why);
    }
    Ok(exit)
}

fn show(app: &App<'_>, why: &Why) {
    let mark = app.ui.mark(health_mark(why.health));
    let place = why.endpoint.as_deref().map(|place| format!(", {place}")).unwrap_or_default();
    app.ui.line(&format!("{mark} {} is {} ({}{place})", why.service.title(), why.health, why.provider));
    for record in &why.processes {
        if record.phase == Phase::Stopped && record.last_exit.is_none() {
            app.ui.line(&format!("  {}: not started", record.process));
            continue;
        }
        let phase = format!("{:?}", record.phase).to_lowercase();
        let pid = record.alive().map(|identity| format!(", pid {}", identity.pid)).unwrap_or_default();
        let restarts = if record.restarts > 0 {
            format!(", restarted {} times", record.restarts)
        } else {
            String::new()
        };
        app.ui.line(&format!("  {}: {phase} since {}{pid}{restarts}", record.process, time(&record.since)));
    }
    for sentence in why.pending.iter().chain(&why.fallbacks) {
        text(app, &format!("  {} ", app.ui.mark(Mark::Warn)), 4, sentence);
    }
    if let Some(monitor) = &why.monitor {
        let (checks, latency) = (monitor.checks, &monitor.latency);
        let quantile = |share| latency.quantile_ms(share).map_or("-".to_owned(), |ms| format!("{ms:.1} ms"));
        let counted = [(checks.late, "late"), (checks.failed, "failed"), (checks.cut, "cut")];
        let counted = counted.map(|(count, how)| format!(", {count} {how}")).concat();
        app.ui.line(&format!("  checks: {} answered{counted}", checks.answered));
        app.ui.line(&format!("  answers: half within {}, 99 % within {}", quantile(0.5), quantile(0.99)));
    }
    probe(app, why);
    timeline(app, &why.timeline);
    for log in why.logs.iter().filter(|log| !log.lines.is_empty()) {
        heading(app, &format!("LOG {}", log.path.display()));
        for line in &log.lines {
            app.ui.line(&format!("  {line}"));
        }
    }
    app.ui.line("");
    let Some(cause) = &why.cause else {
        app.ui.line(&format!("{} nothing is wrong", app.ui.mark(Mark::Ok)));
        return;
    };
    text(app, &app.ui.strong("cause: "), "cause: ".len(), &cause.sentence);
    match &cause.mend {
        Some(mend) => text(app, &app.ui.strong("mend:  "), "mend:  ".len(), mend),
        None => app.ui.line("mend:  nothing is known that would"),
    }
}

fn heading(app: &App<'_>, title: &str) {
    app.ui.line("");
    app.ui.line(&app.ui.strong(title));
}

fn probe(app: &App<'_>, why: &Why) {
    let Some(probe) = &why.probe else { return };
    heading(app, "PROBE, made just now");
    for step in &probe.steps {
        let mark = app.ui.mark(if step.ok { Mark::Ok } else { Mark::Fail });
        let head = format!("  {mark} {:<15} {:>7.1} ms  ", step.name, step.duration_ms);
        text(app, &head, 33, &step.detail);
    }
}

fn timeline(app: &App<'_>, entries: &[Entry]) {
    heading(app, "TIMELINE");
    if entries.is_empty() {
        app.ui.line("  nothing was noted yet: monitors run while the supervisor does (hallmark up)");
    }
    for entry in entries {
        let (mark, words) = match entry {
            Entry::Change { to, reason, lasted_ms, from, .. } => {
                let lasted = span(*lasted_ms);
                (health_mark(*to), format!("{to}: {reason} ({from} for {lasted})"))
            }
            Entry::Samples { health, over_ms, counts, p50_ms, max_ms, .. } => {
                let ms = |value: &Option<f64>| value.map_or("-".to_owned(), |ms| format!("{ms:.1} ms"));
                let failed = counts.failed + counts.cut;
                let all = counts.answered + failed;
                let bad = match (counts.late, failed) {
                    (0, 0) => String::new(),
                    (late, failed) => format!(", {late} late, {failed} failed"),
                };
                let words = format!(
                    "{all} checks in {}{bad}; median {}, slowest {}",
                    span(*over_ms),
                    ms(p50_ms),
                    ms(max_ms)
                );
                (health_mark(*health), words)
            }
            Entry::Note { text, .. } => (Mark::Busy, text.clone()),
        };
        let head = format!("  {} {} ", time(entry.at()), app.ui.mark(mark));
        text(app, &head, TEXT_COLUMN, &words);
    }
}

/// Text after a head, wrapped under itself.
fn text(app: &App<'_>, head: &str, column: usize, text: &str) {
    for (number, part) in wrap(text, WIDTH_MAX.saturating_sub(column)).iter().enumerate() {
        let head = if number == 0 { head.to_owned() } else { " ".repeat(column) };
        app.ui.line(&format!("{head}{part}"));
    }
}

/// Date and time of day, to the second, in UTC.
fn time(at: &str) -> String {
    let (date, rest) = at.split_once('T').unwrap_or(("", at));
    let clock = rest.split(['.', 'Z']).next().unwrap_or(rest);
    format!("{} {clock}", date.get(5..).unwrap_or(date))
}

/// A span of time for people.
pub(super) fn span(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{:.1} s", ms as f64 / 1e3),
        60_000..3_600_000 => format!("{} min", ms / 60_000),
        3_600_000..86_400_000 => format!("{} h {} min", ms / 3_600_000, ms / 60_000 % 60),
        _ => format!("{} d {} h", ms / 86_400_000, ms / 3_600_000 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_spans_are_short() {
        assert_eq!(time("2026-11-29T10:42:03.123Z"), "11-29 10:42:03");
        assert_eq!(time("nonsense"), " nonsense");
        assert_eq!(
            [5, 1_250, 61_000, 7_260_000, 90_000_000].map(span),
            ["5 ms", "1.2 s", "1 min", "2 h 1 min", "1 d 1 h"]
        );
    }
}
