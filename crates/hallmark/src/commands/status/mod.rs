//! `hallmark status`: how each service stands at this moment, why, and how that changes.

mod watch;
mod why;

use hallmark_core::{ExitClass, Result};
use hallmark_services::State;
use hallmark_services::monitor::{DASHBOARD, Health};
use hallmark_services::stack::{ServiceStatus, StackStatus};

use crate::app::App;
use crate::args::{Format, StatusArgs, StatusFormat};
use crate::commands::logs;
use crate::ui::Mark;
use crate::{readings, wiring};

pub(crate) fn run(app: &App<'_>, args: &StatusArgs) -> Result<ExitClass> {
    let stack = wiring::stack(app)?;
    let format = match args.format {
        StatusFormat::Text => Format::Text,
        StatusFormat::Json => Format::Json,
        StatusFormat::Prometheus => {
            app.ui.data(&app.block_on(stack.metrics())?);
            return Ok(ExitClass::Ok);
        }
        StatusFormat::Grafana => {
            app.ui.data(DASHBOARD);
            return Ok(ExitClass::Ok);
        }
    };
    if let Some(name) = &args.why {
        return why::run(app, &stack, logs::service(name)?, format);
    }
    if args.watch {
        return watch::run(app, &stack, format);
    }
    let status = app.block_on(stack.status())?;
    let exit = if status.all_usable() { ExitClass::Ok } else { ExitClass::Unavailable };
    if format == Format::Json {
        app.ui.json(&status.to_json().to_string());
        return Ok(exit);
    }
    show(app, &status);
    Ok(exit)
}

/// The table of services with what a reader should know besides.
pub(crate) fn show(app: &App<'_>, status: &StackStatus) {
    let rows: Vec<Vec<String>> = status.services.iter().map(|s| row(app, s)).collect();
    app.ui.table(&["SERVICE", "STATE", "BY", "ENDPOINT", "LATENCY", "VERSION"], &rows);
    for service in &status.services {
        let name = service.service.name();
        if let Some(reason) = &service.reason {
            app.ui.note(&format!("{name}: {reason}"));
        }
        if service.restarts > 0 {
            app.ui.note(&format!("{name}: restarted {} times", service.restarts));
        }
        for sentence in &service.fallbacks {
            app.ui.note(&format!("{name}: {sentence}"));
        }
        for note in &service.notes {
            app.ui.note(&format!("{name}: {note}"));
        }
    }
    let count = |state| status.services.iter().filter(|s| s.state == state).count();
    let (usable, unmeasured) = (count(State::Usable), count(State::NotMeasured));
    app.ui.note(&format!("{usable} of {} usable, {unmeasured} not measured", status.services.len()));
    if let Some(pending) = &status.pending {
        app.ui.note(&format!("{} {pending}", app.ui.note_mark(Mark::Warn)));
    }
    let next = status.services.iter().find(|s| s.state != State::Usable).and_then(|s| s.next.clone());
    let otherwise = if status.pending.is_some() { "hallmark up" } else { "hallmark certify" };
    app.ui.next(next.as_deref().unwrap_or(otherwise));
}

fn row(app: &App<'_>, service: &ServiceStatus) -> Vec<String> {
    let mark = app.ui.mark(mark(service.state));
    let measured = service.state != State::NotMeasured && service.latency_ms > 0.0;
    vec![
        service.service.name().to_owned(),
        format!("{mark} {}", readings::state(service.state)),
        service.provider.to_string(),
        service.endpoint.as_deref().map_or("-", readings::authority).to_owned(),
        if measured { format!("{:.1} ms", service.latency_ms) } else { "-".to_owned() },
        service.version.split(" (").next().unwrap_or_default().to_owned(),
    ]
}

/// The mark of a monitored state: only `healthy` is green.
fn health_mark(health: Health) -> Mark {
    match health {
        Health::Healthy => Mark::Ok,
        Health::Degraded => Mark::Warn,
        Health::Down => Mark::Fail,
        Health::NotMeasured => Mark::Unknown,
    }
}

/// The mark of a state: only `usable` is green.
pub(crate) fn mark(state: State) -> Mark {
    match state {
        State::Usable => Mark::Ok,
        State::Degraded => Mark::Warn,
        State::Down => Mark::Fail,
        State::NotMeasured => Mark::Unknown,
    }
}
