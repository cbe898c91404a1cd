//! `hallmark certify [PATH]`: brings up what it needs, runs all gates, issues a certificate or refuses it with reasons.

use std::sync::Arc;
use std::time::Duration;

use hallmark_certify::report::text::Symbols;
use hallmark_certify::section::State;
use hallmark_certify::{CertifyConfig, Event, Input, Outcome};
use hallmark_core::{ExitClass, Result};

use crate::app::App;
use crate::args::{CertifyArgs, Format};
use crate::commands::{check, up};
use crate::deployment::Deployed;
use crate::ui::Mark;
use crate::wiring;

pub(crate) fn run(app: &App<'_>, args: &CertifyArgs) -> Result<ExitClass> {
    app.ui.note(&app.ui.strong(&format!("Certifying {}", app.project.name())));
    let config: CertifyConfig = app.config.section("certify")?;
    let scan = check::options(app, args.edition.as_deref(), args.profile.as_deref())?;
    up::bring_up(app, args.yes)?;
    let endpoints = wiring::endpoints(app)?;
    let outcome: Outcome = app.block_on(async {
        let deployed = Deployed::open(app, &endpoints).await;
        if let Some(error) = deployed.error() {
            app.ui.note(&format!(
                "the channels cannot be served, so that nothing of them is measured: {error}"
            ));
        }
        let input = Input {
            project: app.project.clone(),
            config,
            endpoints: endpoints.clone(),
            handles: hallmark_services::Handles::connect(&endpoints)?,
            scan,
            deployment: deployed.deployment(),
            dataflow: deployed.dataflow(),
            registry: deployed.registry(),
            redis_server: None,
            output: args.out.clone(),
            progress: Arc::new(progress(app)),
        };
        let outcome = hallmark_certify::certify(input).await;
        deployed.stop().await;
        outcome
    })?;
    show(app, args.format, &outcome);
    Ok(if outcome.certificate.deployment_approved { ExitClass::Ok } else { ExitClass::Findings })
}

fn show(app: &App<'_>, format: Format, outcome: &Outcome) {
    if format == Format::Json {
        app.ui.json(&serde_json::to_string(&outcome.certificate).unwrap_or_default());
        return;
    }
    let symbols = if app.ui.ascii() { Symbols::Ascii } else { Symbols::Unicode };
    app.ui.data(&outcome.text(symbols));
}

/// Prints a line when a section begins and when it is done.
fn progress(app: &App<'_>) -> impl Fn(&Event) + Send + Sync + 'static {
    let ui = *app.ui;
    move |event| match event {
        Event::Planned { titles } => ui.note(&format!("{} parts to measure", titles.len())),
        Event::Measuring { title, .. } => {
            ui.progress(&format!("{} {title}: measuring", ui.note_mark(Mark::Busy)));
        }
        Event::Controlling { title, .. } => {
            ui.progress(&format!(
                "{} {title}: planting defects that must be caught",
                ui.note_mark(Mark::Busy)
            ));
        }
        Event::Measured { title, state, checks, controls, duration_ms, .. } => {
            let mark = if *state == State::Proven { Mark::Ok } else { Mark::Fail };
            let took = Duration::from_secs_f64(duration_ms / 1000.0);
            ui.settle(&format!(
                "{} {title}: {}, checks {}/{}, controls {}/{} ({:.1} s)",
                ui.note_mark(mark),
                state.words(),
                checks[0],
                checks[1],
                controls[0],
                controls[1],
                took.as_secs_f64(),
            ));
        }
        Event::Writing => ui.progress("signing and writing"),
    }
}
