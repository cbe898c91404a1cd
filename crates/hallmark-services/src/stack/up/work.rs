//! One service on its way up.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use hallmark_core::{Error, Result};

use super::elapsed_ms;
use crate::stack::config::Provider;
use crate::stack::credentials::{self, Credentials};
use crate::stack::events::{Event, Observer};
use crate::stack::home::Home;
use crate::stack::install::{self, Cache, Tools};
use crate::stack::process::{self, Process, Site};
use crate::stack::state::StackState;
use crate::stack::supervisor::{Phase, Request, connect, records, start};
use crate::stack::{Stack, address, codes, docker, limits};
use crate::{Endpoints, ProbeReport, ServiceKind, State, Step, probe};

/// What became of a service.
pub(super) enum Outcome {
    Usable(String),
    Failed(Arc<Error>),
    NotMeasured(String),
}

/// Everything that the work on the services shares.
pub(in crate::stack) struct Work<'a> {
    pub(in crate::stack) stack: &'a Stack,
    pub(super) observer: &'a dyn Observer,
    pub(in crate::stack) home: Home,
    pub(super) cache: Cache,
    pub(super) tools: Tools,
    pub(super) credentials: Credentials,
    pub(in crate::stack) endpoints: Endpoints,
    /// Why a service cannot even be tried.
    pub(super) barred: BTreeMap<ServiceKind, Arc<Error>>,
    /// The services whose ports are not those they run on.
    pub(in crate::stack) moved: BTreeSet<ServiceKind>,
}

impl Work<'_> {
    /// Starts the service, as its provider does, and waits until it is usable.
    pub(super) async fn bring(&self, service: ServiceKind, engine: &Result<(), Arc<Error>>) -> Outcome {
        let begin = Instant::now();
        let provider = self.stack.provider(service);
        let done = match (self.barred.get(&service), provider, engine) {
            (Some(error), _, _) => Err(Arc::clone(error)),
            (None, Provider::Docker, Err(error)) => Err(Arc::clone(error)),
            (None, Provider::External, _) => self.external(service, begin).await.map_err(Arc::new),
            (None, Provider::Docker, Ok(())) => self.wait(service, begin).await.map_err(Arc::new),
            (None, _, _) => Box::pin(self.native(service, begin)).await.map_err(Arc::new),
        };
        match done {
            Ok(()) => {
                let endpoint = address::shown(service, &self.endpoints).unwrap_or_default();
                let duration_ms = elapsed_ms(begin);
                self.observer.event(&Event::Usable { service, endpoint: endpoint.clone(), duration_ms });
                Outcome::Usable(endpoint)
            }
            // Only the model API may be missing, and only because a registry does not give it: the rest goes on.
            Err(error) if service == ServiceKind::OpenAi && error.is(&codes::REGISTRY) => {
                let reason = format!("{error}: {}", error.causes().join("; "));
                self.observer.event(&Event::NotMeasured { service, reason: reason.clone() });
                Outcome::NotMeasured(reason)
            }
            Err(error) => {
                let duration_ms = elapsed_ms(begin);
                self.observer.event(&Event::Failed { service, error: Arc::clone(&error), duration_ms });
                Outcome::Failed(error)
            }
        }
    }

    async fn external(&self, service: ServiceKind, begin: Instant) -> Result<()> {
        if !self.endpoints.has(service) {
            return Err(Error::new(
                &codes::NO_ADDRESS,
                format!("{} is external and has no address", service.title()),
            )
            .next(format!(
                "export {}=…, or give [services.{service}] in hallmark.toml",
                service.variable()
            )));
        }
        self.observer.event(&Event::Starting { service, provider: Provider::External });
        let report = Box::pin(probe(service, &self.endpoints)).await;
        if report.state == State::Usable { Ok(()) } else { Err(not_usable(&report, begin)) }
    }

    async fn native(&self, service: ServiceKind, begin: Instant) -> Result<()> {
        let site = self.site(service).await?;
        for process in Process::of(service) {
            if self.moved.contains(&service) {
                self.order(Request::Stop { process: *process }).await?;
            }
        }
        let running = records(&self.home);
        self.observer.event(&Event::Starting { service, provider: Provider::Native });
        for process in Process::of(service) {
            // What runs keeps its files as they are.
            if running.get(process).and_then(|record| record.alive()).is_none()
                || self.moved.contains(&service)
            {
                process::prepare(*process, &site).await?;
            }
            self.order(Request::Start { process: *process }).await?;
        }
        self.wait(service, begin).await?;
        if service == ServiceKind::Postgres { self.replicas(&site).await } else { Ok(()) }
    }

    /// Where the service's processes start, with everything installed that they need.
    async fn site(&self, service: ServiceKind) -> Result<Site> {
        let missing = self.tools.missing(service);
        let mut tools = self.tools.clone();
        if let Some(item) = missing.iter().find(|item| item.packages.is_empty()) {
            let (what, begin) = (item.name.clone(), Instant::now());
            self.observer.event(&Event::Installing { what: what.clone() });
            install::install_cached(&self.cache, &self.tools, service).await?;
            self.observer.event(&Event::Installed { what, duration_ms: elapsed_ms(begin) });
            tools = Tools::find(&self.cache).await;
        }
        let state =
            StackState::load(&self.stack.project)?.ok_or_else(|| process::not_installed("the stack"))?;
        let (home, credentials) = (self.home.clone(), self.credentials.clone());
        Ok(Site { home, ports: state.ports, credentials, tools, config: self.stack.config.clone() })
    }

    pub(in crate::stack) async fn order(&self, request: Request) -> Result<()> {
        let mut link = match connect(&self.home).await {
            Some(link) => link,
            None => start(&self.stack.supervisor, self.stack.project.root(), &self.home).await?,
        };
        match link.ask(&request).await?.error {
            None => Ok(()),
            Some(reason) => Err(Error::new(&codes::START_FAILED, "the supervisor could not do it")
                .because_text(self.credentials.mask(&reason))
                .next("hallmark doctor")),
        }
    }

    /// Waits until the probe passes, the supervisor gives the service up, or the time is over.
    async fn wait(&self, service: ServiceKind, begin: Instant) -> Result<()> {
        let mut last_step = String::new();
        let mut refusals = 0;
        loop {
            let report = Box::pin(probe(service, &self.endpoints)).await;
            if report.state == State::Usable {
                return Ok(());
            }
            let step = report.steps.iter().rfind(|step| !step.ok);
            // No time mends a password; one more look, for a server may still be setting itself up.
            refusals = if step.is_some_and(is_refusal) { refusals + 1 } else { 0 };
            if refusals > limits::REFUSALS
                && let Some(file) = credentials::file(&self.home, service)
            {
                return Err(refused(service, &file, &report));
            }
            let step = step.map_or_else(String::new, |step| format!("{}: {}", step.name, step.detail));
            if step != last_step {
                let elapsed_ms = elapsed_ms(begin);
                self.observer.event(&Event::Waiting { service, step: step.clone(), elapsed_ms });
                last_step = step;
            }
            let rows = records(&self.home);
            let given_up = Process::of(service)
                .iter()
                .filter_map(|process| rows.get(process))
                .find(|row| row.phase == Phase::Failed);
            if let Some(row) = given_up {
                return Err(Error::new(
                    &codes::START_FAILED,
                    format!("{} ends each time it is started", row.process),
                )
                .because_text(row.last_exit.clone().unwrap_or_default())
                .next(format!("hallmark logs {service}")));
            }
            if begin.elapsed() > limits::USABLE_TIMEOUT {
                return Err(not_usable(&report, begin));
            }
            tokio::time::sleep(limits::USABLE_PAUSE).await;
        }
    }

    /// Starts the containers of these services.
    pub(super) async fn containers(&self, wanted: &[ServiceKind], state: &StackState) -> Result<()> {
        // All that containers provide: `down` must know of those that an earlier `up` started.
        let provided = self.stack.with_provider(&ServiceKind::ALL, Provider::Docker);
        let project = &self.stack.project;
        docker::write(project, &self.home, &provided, &state.ports, &self.credentials)?;
        docker::up(project, &self.home, wanted).await
    }
}

fn is_refusal(step: &Step) -> bool {
    step.code == Some(crate::codes::AUTHENTICATION.id)
}

/// The error of a service that takes another password than the one that is kept.
fn refused(service: ServiceKind, file: &Path, report: &ProbeReport) -> Error {
    let what = format!("{} does not take the password in {}", service.title(), file.display());
    let error = Error::new(&crate::codes::AUTHENTICATION, what).next(credentials::way_out(service, file));
    match &report.reason {
        Some(reason) => error.because_text(reason.clone()),
        None => error,
    }
}

fn not_usable(report: &ProbeReport, begin: Instant) -> Error {
    let seconds = begin.elapsed().as_secs();
    let error =
        Error::new(&codes::NOT_USABLE, format!("{} is not usable after {seconds} s", report.service.title()));
    let error = match &report.reason {
        Some(reason) => error.because_text(reason.clone()),
        None => error,
    };
    error.next(report.next.clone().unwrap_or_else(|| format!("hallmark logs {}", report.service)))
}
