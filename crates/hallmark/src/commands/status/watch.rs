//! `hallmark status --watch`: the services live. On a terminal the screen is redrawn in place; elsewhere each change is a line.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use hallmark_core::{ExitClass, Result, clock};
use hallmark_services::ServiceKind;
use hallmark_services::monitor::{Health, Snapshot};
use hallmark_services::platform::Ends;
use hallmark_services::stack::{Stack, Watched};

use super::{health_mark, why};
use crate::app::App;
use crate::args::Format;
use crate::ui::{Ui, WIDTH_MAX, visible, wrap};

/// How often the monitors are asked.
const PERIOD: Duration = Duration::from_millis(250);

/// Another screen, without a cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// The other screen as long as it is shown: whatever ends the command, the terminal is as it was.
struct Screen;

impl Screen {
    fn open() -> Self {
        put(ENTER);
        Self
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        put(LEAVE);
    }
}

fn put(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Shows until it is interrupted, which is a success.
pub(super) fn run(app: &App<'_>, stack: &Stack, format: Format) -> Result<ExitClass> {
    let screen = std::io::stdout().is_terminal() && format == Format::Text;
    app.block_on(async {
        let mut watched = stack.watch().await?;
        let screen = screen.then(Screen::open);
        let ended = tokio::select! {
            ended = interrupted() => ended,
            ended = follow(app, &mut watched, screen.is_some(), format) => ended,
        };
        drop(screen);
        ended
    })
}

/// Waits for Ctrl-C, for the end of the terminal, or to be asked to end.
async fn interrupted() -> Result<ExitClass> {
    let failed = |e: std::io::Error| {
        hallmark_core::Error::new(&hallmark_core::codes::INTERNAL, "signals cannot be received").because(&e)
    };
    Ends::hear(true).map_err(failed)?.next().await;
    Ok(ExitClass::Ok)
}

async fn follow(app: &App<'_>, watched: &mut Watched, screen: bool, format: Format) -> Result<ExitClass> {
    let mut shown: BTreeMap<ServiceKind, Health> = BTreeMap::new();
    let mut ticks = tokio::time::interval(PERIOD);
    loop {
        ticks.tick().await;
        let snapshots = watched.look().await?;
        if screen {
            put(&frame(app.ui, &snapshots, watched.is_own()));
            continue;
        }
        for snapshot in snapshots {
            if shown.insert(snapshot.service, snapshot.health) != Some(snapshot.health)
                && !line(app.ui, &snapshot, format)
            {
                return Ok(ExitClass::Ok);
            }
        }
    }
}

/// Writes a change as one line; `false` if nobody reads any more.
fn line(ui: &Ui, snapshot: &Snapshot, format: Format) -> bool {
    let text = if format == Format::Json {
        serde_json::to_string(snapshot).unwrap_or_default()
    } else {
        let why = snapshot.reason.as_deref().map(|reason| format!("  {reason}")).unwrap_or_default();
        let mark = ui.mark(health_mark(snapshot.health));
        format!("{} {mark} {:<9} {}{why}", snapshot.since, snapshot.service.name(), snapshot.health)
    };
    if format == Format::Json { ui.try_json(&text) } else { ui.try_line(&text) }
}

/// The whole screen: one line a service, and what is wrong below.
fn frame(ui: &Ui, snapshots: &[Snapshot], own: bool) -> String {
    let mut lines =
        vec![ui.strong("SERVICE    STATE           SINCE     LATENCY     P99         LAST CHECKS")];
    for snapshot in snapshots {
        lines.push(row(ui, snapshot));
    }
    for snapshot in snapshots.iter().filter(|snapshot| snapshot.health != Health::Healthy) {
        let Some(reason) = &snapshot.reason else { continue };
        lines.push(String::new());
        let name = snapshot.service.name();
        let sentence = snapshot.cause.as_ref().map_or(reason, |cause| &cause.sentence);
        lines.extend(wrap(&format!("{name}: {sentence}"), WIDTH_MAX));
        if let Some(mend) = snapshot.cause.as_ref().and_then(|cause| cause.mend.as_ref()) {
            lines.extend(wrap(&format!("  mend: {mend}"), WIDTH_MAX));
        }
    }
    let healthy = snapshots.iter().filter(|snapshot| snapshot.health == Health::Healthy).count();
    let by = if own { "watched from here" } else { "watched by the supervisor" };
    lines.push(String::new());
    let now = clock::now();
    let now = now.get(11..19).unwrap_or_default();
    lines.push(format!("{healthy} of {} healthy, {by}, {now} UTC; Ctrl-C ends", snapshots.len()));
    let text = ui.plain(&lines.join("\x1b[K\r\n"));
    format!("\x1b[H{text}\x1b[K\x1b[J")
}

fn row(ui: &Ui, snapshot: &Snapshot) -> String {
    let ms = |value: Option<f64>| value.map_or("-".to_owned(), |ms| format!("{ms:.1} ms"));
    let cells = [
        snapshot.service.name(),
        snapshot.health.name(),
        &age(&snapshot.since),
        &ms(snapshot.latency_ms),
        &ms(snapshot.latency.quantile_ms(0.99)),
    ];
    let line = columns(&ui.padded_mark(health_mark(snapshot.health)), cells);
    let room = WIDTH_MAX.saturating_sub(visible(&line));
    format!("{line}{}", plot(ui, snapshot, room))
}

/// Service, mark, state, since, latency and 99 %, each in its column.
fn columns(mark: &str, [service, state, since, latency, p99]: [&str; 5]) -> String {
    format!("{service:<9} {mark} {state:<12} {since:>8} {latency:>10} {p99:>10}  ")
}

/// The time since then, for people.
fn age(since: &str) -> String {
    let ms = hallmark_services::monitor::age_ms(since);
    if ms < 60_000 { format!("{} s", ms / 1_000) } else { why::span(ms) }
}

/// The last checks as a line of bars: higher is slower, a cross is no answer. Each decade of a millisecond is two steps.
fn plot(ui: &Ui, snapshot: &Snapshot, room: usize) -> String {
    let bars: Vec<char> =
        if ui.ascii() { "_.:-=+*#".chars().collect() } else { "▁▂▃▄▅▆▇█".chars().collect() };
    let skip = snapshot.recent_ms.len().saturating_sub(room);
    let bar = |ms: f64| {
        let step = ((ms.max(0.1).log10() + 1.0) * 2.0).floor() as usize;
        bars[step.min(bars.len() - 1)]
    };
    let recent = snapshot.recent_ms.iter().skip(skip);
    recent.map(|check| check.map_or(if ui.ascii() { 'x' } else { '×' }, bar)).collect()
}
