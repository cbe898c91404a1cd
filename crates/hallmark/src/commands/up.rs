//! `hallmark up`: installs, starts and proves the services.

use std::io::{BufRead as _, IsTerminal as _};

use hallmark_core::{ExitClass, Result};
use hallmark_services::stack::{Consent, Event, Observer, Plan, StackStatus, UpOptions, UpReport};
use hallmark_services::{ServiceKind, State};

use crate::app::App;
use crate::args::UpArgs;
use crate::commands::{logs, status};
use crate::ui::{Mark, Ui};
use crate::wiring;

pub(crate) fn run(app: &App<'_>, args: &UpArgs) -> Result<ExitClass> {
    let only = args.only.iter().map(|name| logs::service(name)).collect::<Result<Vec<_>>>()?;
    let stack = wiring::stack(app)?;
    let options = UpOptions { assume_yes: args.yes, only, new_ports: args.new_ports };
    let exit = app.block_on(async {
        let report = stack.up(&options, &Watcher { ui: *app.ui }).await?;
        let now = stack.status().await?;
        status::show(app, &now);
        let lost = no_longer_usable(&report, &now);
        for service in &lost {
            app.ui.note(&format!("{service}: was usable and is not any more: was it stopped meanwhile?"));
        }
        if args.foreground {
            app.ui.note("press Ctrl-C to stop the services");
            stack.stay().await?;
            app.ui.note("the services are stopped; their data stays");
        }
        Ok(if report.failed.is_empty() && lost.is_empty() { ExitClass::Ok } else { ExitClass::Unavailable })
    })?;
    Ok(exit)
}

/// The services that were made usable and are not so in the table: what it shows decides the exit code, too.
fn no_longer_usable(report: &UpReport, now: &StackStatus) -> Vec<ServiceKind> {
    let usable = |kind| now.services.iter().any(|s| s.service == kind && s.state == State::Usable);
    report.usable.iter().map(|(kind, _)| *kind).filter(|kind| !usable(*kind)).collect()
}

/// Makes all services usable, with progress; what could not be made so is in the report.
pub(crate) fn bring_up(app: &App<'_>, assume_yes: bool) -> Result<UpReport> {
    bring_up_with(app, &UpOptions { assume_yes, ..UpOptions::default() })
}

/// [`bring_up`] with all its options.
pub(crate) fn bring_up_with(app: &App<'_>, options: &UpOptions) -> Result<UpReport> {
    let stack = wiring::stack(app)?;
    app.block_on(stack.up(options, &Watcher { ui: *app.ui }))
}

/// Prints what `up` tells, and asks once before anything is installed.
struct Watcher {
    ui: Ui,
}

impl Observer for Watcher {
    fn event(&self, event: &Event) {
        let ui = &self.ui;
        match event {
            Event::Installing { what } => {
                ui.progress(&format!("{} installing {what}", ui.note_mark(Mark::Busy)));
            }
            Event::Installed { what, duration_ms } => {
                ui.settle(&format!(
                    "{} installed {what} ({})",
                    ui.note_mark(Mark::Ok),
                    seconds(*duration_ms)
                ));
            }
            Event::Starting { service, provider } => {
                ui.progress(&format!(
                    "{} {}: starting ({provider})",
                    ui.note_mark(Mark::Busy),
                    service.name()
                ));
            }
            Event::Waiting { service, step, elapsed_ms } => {
                let mark = ui.note_mark(Mark::Busy);
                ui.progress(&format!("{mark} {}: {step} ({})", service.name(), seconds(*elapsed_ms)));
            }
            Event::Usable { service, endpoint, duration_ms } => {
                let mark = ui.note_mark(Mark::Ok);
                ui.settle(&format!(
                    "{mark} {:<9} usable at {endpoint} ({})",
                    service.name(),
                    seconds(*duration_ms)
                ));
            }
            Event::Failed { service, error, duration_ms } => {
                let mark = ui.note_mark(Mark::Fail);
                let (name, code) = (service.name(), error.code().id);
                ui.settle(&format!("{mark} {name:<9} {error} [{code}] ({})", seconds(*duration_ms)));
                for cause in error.causes() {
                    ui.note(&format!("    because: {cause}"));
                }
                if let Some(next) = error.next_step() {
                    ui.note(&format!("    mend: {next}"));
                }
            }
            Event::Note { text } => ui.settle(text),
            Event::NotMeasured { service, reason } => {
                ui.settle(&format!(
                    "{} {:<9} not measured: {reason}",
                    ui.note_mark(Mark::Unknown),
                    service.name()
                ));
            }
        }
    }

    fn consent(&self, plan: &Plan) -> Consent {
        if !std::io::stdin().is_terminal() {
            return Consent::NobodyToAsk;
        }
        self.ui.note("Hallmark needs to install:");
        for item in &plan.items {
            self.ui.note(&format!(
                "  {} ({}, {} MB, to {})",
                item.name, item.licence, item.download_mb, item.target
            ));
        }
        self.ui.note("Install it? [y/N]");
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        match (read, answer.trim()) {
            (Ok(_), "y" | "Y" | "yes") => Consent::Given,
            _ => Consent::Refused,
        }
    }
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use hallmark_services::stack::{Provider, ServiceStatus, SupervisorStatus};

    use super::*;

    fn row(service: ServiceKind, state: State) -> ServiceStatus {
        ServiceStatus {
            service,
            state,
            provider: Provider::Native,
            endpoint: None,
            since: None,
            latency_ms: 0.0,
            identity: String::new(),
            version: String::new(),
            processes: Vec::new(),
            restarts: 0,
            reason: None,
            next: None,
            notes: Vec::new(),
            fallbacks: Vec::new(),
            probe: None,
        }
    }

    #[test]
    fn what_the_table_shows_as_stopped_is_not_usable() {
        let (redis, postgres) = (ServiceKind::Redis, ServiceKind::Postgres);
        let usable = vec![(redis, String::new()), (postgres, String::new())];
        let report = UpReport { usable, ..UpReport::default() };
        let supervisor = SupervisorStatus { running: false, identity: None, metrics: None };
        let services = vec![row(redis, State::NotMeasured), row(postgres, State::Usable)];
        let (project, checked_at) = (String::new(), String::new());
        let now =
            StackStatus { format: 1, project, home: None, checked_at, pending: None, supervisor, services };
        assert_eq!(no_longer_usable(&report, &now), [redis]);
        assert!(no_longer_usable(&UpReport::default(), &now).is_empty(), "nobody asked for the others");
    }
}
