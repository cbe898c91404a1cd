//! `up`: what is missing is installed, what is not running is started, and nothing counts until its probe passes.

mod ports;
mod work;

pub(super) use work::Work;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;
use hallmark_core::{Error, Result};

use self::work::Outcome;
use super::backup::Progress;
use super::config::Provider;
use super::credentials::{self, Credentials};
use super::events::{Consent, Event, Observer};
use super::install::{self, Cache, Plan, Tools, lock_file};
use super::state::StackState;
use super::supervisor::{Request, connect, start};
use super::{Stack, codes, limits};
use crate::{ServiceKind, platform};

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

/// The error of a service whose password is lost.
fn lost(service: ServiceKind, file: &Path) -> Error {
    let what = format!("{}, which keeps the password of {}, is empty", file.display(), service.title());
    Error::new(&codes::FOLDER, what).next(credentials::way_out(service, file))
}

fn elapsed_ms(begin: Instant) -> u64 {
    u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Endpoints;
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
