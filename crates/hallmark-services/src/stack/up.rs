//! `up`: what is missing is installed, what is not running is started, and nothing counts until its probe passes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;
use hallmark_core::{Error, Result};

use super::backup::Progress;
use super::config::Provider;
use super::credentials::{self, Credentials};
use super::events::{Consent, Event, Observer};
use super::home::Home;
use super::install::{self, Cache, Plan, Tools, lock_file};
use super::ports::{self, PortName, Register};
use super::process::{self, Process, Site};
use super::replicas::REPLICAS;
use super::state::StackState;
use super::supervisor::{Phase, Request, connect, records, start};
use super::{Stack, address, codes, docker, limits};
use crate::{Endpoints, ProbeReport, ServiceKind, State, Step, platform, probe};

/// How `up` works.
#[derive(Clone, Debug, Default)]
pub struct UpOptions {
    /// Installs what is missing without a question.
    pub assume_yes: bool,
    /// Only these services; empty means all.
    pub only: Vec<ServiceKind>,
    /// Takes another port where a kept one is held by somebody else, instead of refusing.
    pub new_ports: bool,
}

/// What `up` reached.
#[derive(Clone, Debug, Default)]
pub struct UpReport {
    /// The services that are usable, with their addresses without secrets.
    pub usable: Vec<(ServiceKind, String)>,
    /// The services that are not, and why.
    pub failed: Vec<(ServiceKind, Arc<Error>)>,
    /// The services that could not be provided, so that nothing was measured, and why.
    pub not_measured: Vec<(ServiceKind, String)>,
}

enum Outcome {
    Usable(String),
    Failed(Arc<Error>),
    NotMeasured(String),
}

/// Everything that the work on the services shares.
pub(super) struct Work<'a> {
    pub(super) stack: &'a Stack,
    observer: &'a dyn Observer,
    pub(super) home: Home,
    cache: Cache,
    tools: Tools,
    credentials: Credentials,
    pub(super) endpoints: Endpoints,
    /// Why a service cannot even be tried.
    barred: BTreeMap<ServiceKind, Arc<Error>>,
    /// The services whose ports are not those they run on.
    pub(super) moved: BTreeSet<ServiceKind>,
}

impl Stack {
    /// Installs, starts and waits until every service is usable or has failed. Services work side by side: one that
    /// fails is reported and does not stop the others.
    ///
    /// # Errors
    /// `HM-S053` if something is missing and nobody agrees to install it; `HM-S061` if another `up` or `down` works on
    /// the project; `HM-S050`, `HM-S051`, `HM-S052` for folders and state; `HM-S062` for the supervisor; `HM-S072` if
    /// all services are native on a system without the native provider.
    pub async fn up(&self, options: &UpOptions, observer: &dyn Observer) -> Result<UpReport> {
        let told = |progress: &Progress| {
            if let Progress::Note(text) = progress {
                observer.event(&Event::Note { text: text.clone() });
            }
        };
        Box::pin(self.settle(None, &told)).await?;
        self.up_settled(options, observer).await
    }

    /// `up` where no restore was interrupted.
    pub(super) async fn up_settled(&self, options: &UpOptions, observer: &dyn Observer) -> Result<UpReport> {
        let _lock = self.lock().await?;
        let mut state = StackState::load_or_create(&self.project)?;
        let cache = Cache::locate()?;
        let wanted: Vec<ServiceKind> = ServiceKind::ALL
            .into_iter()
            .filter(|service| options.only.is_empty() || options.only.contains(service))
            .filter(|service| self.provider(*service) != Provider::Off)
            .collect();
        let mut native = self.with_provider(&wanted, Provider::Native);
        let mut barred: BTreeMap<ServiceKind, Arc<Error>> = BTreeMap::new();
        if !platform::HAS_NATIVE_PROVIDER {
            // Where some can be had the others are told of one by one.
            if !native.is_empty() && native.len() == wanted.len() {
                platform::refuse_native("the stack as it is configured")?;
            }
            for service in std::mem::take(&mut native) {
                barred.extend(platform::refuse_native(service.title()).err().map(|e| (service, Arc::new(e))));
            }
        }
        let tools = Tools::find(&cache).await;
        let plan = install::plan(&tools, &native);
        self.agree(&plan, options, observer)?;
        if let Err(error) = packages(&plan, observer).await {
            let error = Arc::new(error);
            let needing =
                plan.items.iter().filter(|item| !item.packages.is_empty()).flat_map(|item| &item.services);
            barred.extend(needing.map(|service| (*service, Arc::clone(&error))));
        }
        let tools = if plan.packages().is_empty() { tools } else { Tools::find(&cache).await };
        let (moved, taken) = self.settle_ports(&mut state, &wanted, options, &cache).await?;
        barred.extend(taken.into_iter().map(|(service, error)| (service, Arc::new(error))));
        let home = state.home(&self.project);
        let credentials = Credentials::load_or_create(&home)?;
        for service in self.own_of(&wanted) {
            if let Some(file) = credentials::emptied(&home, service) {
                barred.entry(service).or_insert_with(|| Arc::new(lost(service, &file)));
            }
        }
        // An earlier refusal is tried anew.
        state.refused.retain(|service, _| !wanted.contains(service));
        state.save(&self.project)?;
        match connect(&home).await {
            // What it watches, and whom it tells, is what the configuration says now.
            Some(mut link) => drop(link.ask(&Request::Reload).await),
            None if !native.is_empty() => drop(start(&self.supervisor, self.project.root(), &home).await?),
            None => {}
        }
        let endpoints = self.endpoints()?;
        let work = Work { stack: self, observer, home, cache, tools, credentials, endpoints, barred, moved };
        let containers = self.with_provider(&wanted, Provider::Docker);
        let engine = if containers.is_empty() { Ok(()) } else { work.containers(&containers, &state).await };
        let engine = engine.map_err(Arc::new);
        // Boxed: nested as they are, these futures would be too deep for the compiler in the programs that call this.
        let outcomes = join_all(wanted.iter().map(|service| Box::pin(work.bring(*service, &engine)))).await;
        self.conclude(state, &wanted, outcomes)
    }

    /// Stays until SIGINT or SIGTERM, or until the supervisor is gone, then stops what this project started: the end of
    /// `up --foreground`.
    ///
    /// # Errors
    /// Those of [`Stack::down`].
    pub async fn stay(&self) -> Result<()> {
        let ends = platform::Ends::hear(false);
        ends.map_err(|e| Error::new(&codes::SUPERVISOR, "signals cannot be received").because(&e))?
            .next()
            .await;
        self.down(None).await.map(drop)
    }

    pub(super) async fn lock(&self) -> Result<std::fs::File> {
        lock_file(&self.project.state()?.join("stack.lock"), limits::PROJECT_LOCK_WAIT).await
    }

    fn with_provider(&self, services: &[ServiceKind], provider: Provider) -> Vec<ServiceKind> {
        services.iter().copied().filter(|service| self.provider(*service) == provider).collect()
    }

    /// Those that the stack itself provides, with passwords that it made.
    fn own_of(&self, services: &[ServiceKind]) -> Vec<ServiceKind> {
        let own = [Provider::Native, Provider::Docker];
        services.iter().copied().filter(|service| own.contains(&self.provider(*service))).collect()
    }

    fn agree(&self, plan: &Plan, options: &UpOptions, observer: &dyn Observer) -> Result<()> {
        if plan.is_empty() || options.assume_yes || self.config.assume_yes {
            return Ok(());
        }
        let why = match observer.consent(plan) {
            Consent::Given => return Ok(()),
            Consent::Refused => "you did not agree to install it",
            Consent::NobodyToAsk => "there is no terminal to ask at",
        };
        let names: Vec<&str> = plan.items.iter().map(|item| item.name.as_str()).collect();
        Err(Error::new(&codes::CONSENT, format!("{} is missing, and {why}", names.join(", ")))
            .next("hallmark up --yes"))
    }

    /// Gives every service its ports. Answers which services run on others than they
    /// should from now on, and whose ports somebody else holds.
    async fn settle_ports(
        &self,
        state: &mut StackState,
        wanted: &[ServiceKind],
        options: &UpOptions,
        cache: &Cache,
    ) -> Result<(BTreeSet<ServiceKind>, BTreeMap<ServiceKind, Error>)> {
        let _lock = cache.lock("ports").await?;
        let mut register = Register::open(cache.root());
        let running = records(&state.home(&self.project));
        let root = self.project.root();
        let (mut moved, mut taken) = (BTreeSet::new(), BTreeMap::new());
        for service in wanted.iter().copied() {
            let provider = self.provider(service);
            if !matches!(provider, Provider::Native | Provider::Docker) {
                continue;
            }
            let alive =
                Process::of(service).iter().any(|p| running.get(p).is_some_and(|r| r.alive().is_some()));
            let replica = |name: &PortName| REPLICAS.iter().find(|(_, port)| port == name);
            for name in &self.port_names(service) {
                let kept = state.ports.get(name).copied();
                // A replica that was added to a primary that runs is not started yet: its port must be free.
                let alive = replica(name).map_or(alive, |(process, _)| {
                    running.get(process).is_some_and(|record| record.alive().is_some())
                });
                let port = match self.config.port(*name).or(kept) {
                    None => register.reserve(root)?,
                    Some(port) if (alive && kept == Some(port)) || provider == Provider::Docker => port,
                    Some(port) if ports::is_free(port) => port,
                    Some(_) if options.new_ports => register.reserve(root)?,
                    Some(port) => {
                        taken.entry(service).or_insert_with(|| ports::taken(service, port));
                        port
                    }
                };
                if alive && kept != Some(port) {
                    moved.insert(service);
                }
                register.keep(port, root);
                state.ports.insert(*name, port);
            }
        }
        self.settle_metrics(state, &mut register).await?;
        register.save()?;
        Ok((moved, taken))
    }

    /// The ports that the service needs as it is configured.
    fn port_names(&self, service: ServiceKind) -> Vec<PortName> {
        let own = PortName::of(service).iter().copied();
        let replicas = self.replicas().iter().map(|(_, name)| *name);
        own.chain(replicas.filter(|_| service == ServiceKind::Postgres)).collect()
    }

    /// Gives the metrics a port. A kept one that somebody else holds is given up: no data depend on it.
    async fn settle_metrics(&self, state: &mut StackState, register: &mut Register) -> Result<()> {
        let root = self.project.root();
        let served = connect(&state.home(&self.project)).await.is_some();
        state.metrics_port = match (self.config.metrics_port, state.metrics_port) {
            (Some(0), _) => None,
            (Some(port), _) => Some(port),
            (None, Some(port)) if served || ports::is_free(port) => Some(port),
            (None, _) => Some(register.reserve(root)?),
        };
        if let Some(port) = state.metrics_port {
            register.keep(port, root);
        }
        Ok(())
    }

    fn conclude(
        &self,
        mut state: StackState,
        wanted: &[ServiceKind],
        outcomes: Vec<Outcome>,
    ) -> Result<UpReport> {
        let mut report = UpReport::default();
        for (service, outcome) in wanted.iter().copied().zip(outcomes) {
            match outcome {
                Outcome::Usable(endpoint) => report.usable.push((service, endpoint)),
                Outcome::Failed(error) => report.failed.push((service, error)),
                Outcome::NotMeasured(reason) => {
                    state.refused.insert(service, reason.clone());
                    report.not_measured.push((service, reason));
                }
            }
        }
        state.save(&self.project)?;
        Ok(report)
    }
}

async fn packages(plan: &Plan, observer: &dyn Observer) -> Result<()> {
    let packages = plan.packages();
    if packages.is_empty() {
        return Ok(());
    }
    let what = packages.join(", ");
    let begin = Instant::now();
    observer.event(&Event::Installing { what: what.clone() });
    install::install_packages(plan).await?;
    observer.event(&Event::Installed { what, duration_ms: elapsed_ms(begin) });
    Ok(())
}

impl Work<'_> {
    async fn bring(&self, service: ServiceKind, engine: &Result<(), Arc<Error>>) -> Outcome {
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

    pub(super) async fn order(&self, request: Request) -> Result<()> {
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

    async fn containers(&self, wanted: &[ServiceKind], state: &StackState) -> Result<()> {
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

/// The error of a service whose password is lost.
fn lost(service: ServiceKind, file: &Path) -> Error {
    let what = format!("{}, which keeps the password of {}, is empty", file.display(), service.title());
    Error::new(&codes::FOLDER, what).next(credentials::way_out(service, file))
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

fn elapsed_ms(begin: Instant) -> u64 {
    u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::{Item, Registry, Silent, StackConfig};

    fn stack(assume_yes: bool) -> Stack {
        let project = hallmark_core::Project::discover(&std::env::temp_dir()).unwrap();
        let config = StackConfig { assume_yes, ..StackConfig::default() };
        let supervisor = crate::stack::SupervisorCommand::this_binary().unwrap();
        Stack { project, config, given: Endpoints::default(), supervisor }
    }

    fn plan() -> Plan {
        let name = "Redis server".to_owned();
        let (services, target) = (vec![ServiceKind::Redis], "the system".to_owned());
        let (registry, licence, packages) = (Registry::Apt, "BSD-3-Clause", vec!["redis-server"]);
        Plan { items: vec![Item { services, name, registry, download_mb: 2, licence, target, packages }] }
    }

    #[test]
    fn nothing_is_installed_unless_somebody_agrees() {
        let (asks, agreed) = (UpOptions::default(), UpOptions { assume_yes: true, ..UpOptions::default() });
        let error = stack(false).agree(&plan(), &asks, &Silent).unwrap_err();
        assert!(error.is(&codes::CONSENT) && error.message().contains("Redis server"), "{error:?}");
        assert_eq!(error.next_step(), Some("hallmark up --yes"));
        assert!(stack(false).agree(&plan(), &agreed, &Silent).is_ok());
        assert!(stack(true).agree(&plan(), &asks, &Silent).is_ok());
        assert!(stack(false).agree(&Plan::default(), &asks, &Silent).is_ok(), "nothing to ask for");
    }
}
