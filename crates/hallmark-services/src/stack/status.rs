//! What the services are at this moment: measured by their probes, never remembered.

use futures_util::future::join_all;
use hallmark_core::{Error, Result, clock};
use serde::Serialize;

use super::config::Provider;
use super::credentials::Credentials;
use super::process::Process;
use super::procfs::Identity;
use super::state::StackState;
use super::supervisor::{Phase, Record, Request, connect, records, start};
use super::{LogTail, Stack, address, codes, limits, logs, replicas};
use crate::resilience::{sentences, standing};
use crate::{Endpoints, ProbeReport, ServiceKind, State, probe};

/// The format of [`StackStatus`] as JSON.
const FORMAT: u32 = 1;

/// One service.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceStatus {
    /// Which.
    pub service: ServiceKind,
    /// Who provides it.
    pub provider: Provider,
    /// Its address without secrets.
    pub endpoint: Option<String>,
    /// What its probe found.
    pub state: State,
    /// Since when its process runs, if it is native.
    pub since: Option<String>,
    /// The median round trip of a trivial request, in milliseconds.
    pub latency_ms: f64,
    /// What tells this running server from another.
    pub identity: String,
    /// The server's version.
    pub version: String,
    /// Its processes, if it is native.
    pub processes: Vec<Record>,
    /// How often its processes were restarted after a death.
    pub restarts: u32,
    /// Why it is not usable.
    pub reason: Option<String>,
    /// What to do about it.
    pub next: Option<String>,
    /// What a reader should know besides, for example that it has no authentication.
    pub notes: Vec<String>,
    /// What answers for it at this moment in which process: never a proof.
    pub fallbacks: Vec<String>,
    /// The probe itself.
    pub probe: Option<ProbeReport>,
}

/// The project's supervisor.
#[derive(Clone, Debug, Serialize)]
pub struct SupervisorStatus {
    /// Whether one answers.
    pub running: bool,
    /// Its process.
    pub identity: Option<Identity>,
    /// Where it serves metrics, if it does; `/health` is beside them.
    pub metrics: Option<String>,
}

/// The five services.
#[derive(Clone, Debug, Serialize)]
pub struct StackStatus {
    /// The format of this document.
    pub format: u32,
    /// The project's root.
    pub project: String,
    /// Where the servers live, if any were started.
    pub home: Option<String>,
    /// When it was measured.
    pub checked_at: String,
    /// A restore or reset that was interrupted and is not finished yet, in a sentence.
    pub pending: Option<String>,
    /// The supervisor.
    pub supervisor: SupervisorStatus,
    /// The services in the order of [`ServiceKind::ALL`].
    pub services: Vec<ServiceStatus>,
}

impl StackStatus {
    /// The document in which errors and channels show it.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Whether every service that is provided is usable.
    #[must_use]
    pub fn all_usable(&self) -> bool {
        self.services.iter().all(|s| s.provider == Provider::Off || s.state == State::Usable)
    }
}

impl Stack {
    /// Probes every service. If the supervisor died while its servers live, a new one adopts them first.
    ///
    /// # Errors
    /// `HM-S051` if the state is broken. A service that is down is no error, but a finding.
    pub async fn status(&self) -> Result<StackStatus> {
        let state = StackState::load(&self.project)?;
        let home = state.as_ref().map(|state| state.home(&self.project));
        let (identity, rows) = match &home {
            Some(home) => self.supervised(home).await,
            None => (None, Vec::new()),
        };
        let endpoints = self.endpoints()?;
        let services =
            ServiceKind::ALL.map(|service| self.service_status(service, state.as_ref(), &endpoints, &rows));
        Ok(StackStatus {
            format: FORMAT,
            project: self.project.root().display().to_string(),
            home: home.map(|home| home.root().display().to_string()),
            checked_at: clock::now(),
            pending: self.pending_sentence().await,
            supervisor: SupervisorStatus {
                metrics: self.metrics_address()?.filter(|_| identity.is_some()),
                running: identity.is_some(),
                identity,
            },
            services: join_all(services.map(Box::pin)).await,
        })
    }

    /// If the supervisor died while its servers live, starts one that adopts them.
    ///
    /// # Errors
    /// `HM-S051` if the state is broken.
    pub(super) async fn adopt(&self) -> Result<()> {
        if let Some(state) = StackState::load(&self.project)? {
            self.supervised(&state.home(&self.project)).await;
        }
        Ok(())
    }

    /// The supervisor and its records; adopts what lives without one.
    async fn supervised(&self, home: &super::home::Home) -> (Option<Identity>, Vec<Record>) {
        let mut link = connect(home).await;
        let orphans = || records(home).values().any(|record| record.alive().is_some());
        if link.is_none() && orphans() {
            link = start(&self.supervisor, self.project.root(), home).await.ok();
        }
        if let Some(link) = &mut link
            && let Ok(answer) = link.ask(&Request::Status).await
        {
            return (answer.supervisor, answer.processes);
        }
        (None, records(home).into_values().collect())
    }

    async fn service_status(
        &self,
        service: ServiceKind,
        state: Option<&StackState>,
        endpoints: &Endpoints,
        rows: &[Record],
    ) -> ServiceStatus {
        let provider = self.provider(service);
        let refused = state.and_then(|state| state.refused.get(&service).cloned());
        let native = provider == Provider::Native;
        let processes: Vec<Record> =
            rows.iter().filter(|r| native && r.process.service() == service).cloned().collect();
        let mut status = ServiceStatus {
            service,
            provider,
            endpoint: address::shown(service, endpoints),
            state: State::NotMeasured,
            since: processes.iter().filter(|r| r.phase == Phase::Running).map(|r| r.since.clone()).max(),
            latency_ms: 0.0,
            identity: String::new(),
            version: String::new(),
            restarts: processes.iter().map(|record| record.restarts).sum(),
            processes,
            reason: refused.clone(),
            next: None,
            notes: Vec::new(),
            fallbacks: sentences(&standing(&self.project), service),
            probe: None,
        };
        if provider == Provider::Off || refused.is_some() {
            return status;
        }
        if native && !status.processes.iter().any(|r| r.alive().is_some()) {
            (status.state, status.reason) = absent(&status.processes);
            status.next = Some("hallmark up".to_owned());
            return status;
        }
        status.take(Box::pin(probe(service, endpoints)).await);
        if service == ServiceKind::Postgres {
            status.notes.extend(replicas::notes(self, endpoints, rows).await);
        }
        status
    }

    /// The last `lines` of the logs of a service.
    ///
    /// # Errors
    /// `HM-S069` if the stack does not run the service itself.
    pub fn logs(&self, service: ServiceKind, lines: Option<usize>) -> Result<Vec<LogTail>> {
        let state = StackState::load(&self.project)?;
        let Some(state) = state.filter(|_| self.provider(service) == Provider::Native) else {
            let provider = self.provider(service);
            let sentence =
                format!("the stack keeps no log of {}: its provider is {provider}", service.title());
            return Err(Error::new(&codes::NOT_PROVIDED, sentence).next("hallmark status"));
        };
        let home = state.home(&self.project);
        let credentials = Credentials::load(&home)?;
        let lines = lines.unwrap_or(limits::LOG_LINES);
        Ok(Process::all_of(service)
            .flat_map(|process| home.written_logs(process).into_iter().map(move |path| (process, path)))
            .filter(|(process, path)| Process::of(service).contains(process) || path.exists())
            .map(|(process, path)| {
                let lines = logs::tail(&path, lines).iter().map(|line| credentials.mask(line)).collect();
                LogTail { process, path, lines }
            })
            .collect())
    }
}

/// What there is to say of a service none of whose processes runs. One that nobody wants to run is not down.
fn absent(processes: &[Record]) -> (State, Option<String>) {
    // The end that is known of a process whose record still says that it runs is an earlier one.
    let mut ended = processes.iter().filter(|record| record.phase != Phase::Running);
    let last = ended.find_map(|record| record.last_exit.clone());
    let reason = match last {
        Some(end) if !is_idle(processes) || end.starts_with("stopped") => end,
        Some(end) => format!("stopped on purpose; before that: {end}"),
        None if is_idle(processes) => "it was not started".to_owned(),
        None => "its process is gone, and nobody saw how".to_owned(),
    };
    (if is_idle(processes) { State::NotMeasured } else { State::Down }, Some(reason))
}

/// Whether all of them were stopped on purpose or never started.
pub(super) fn is_idle(processes: &[Record]) -> bool {
    processes.iter().all(|record| record.phase == Phase::Stopped)
}

impl ServiceStatus {
    fn take(&mut self, report: ProbeReport) {
        self.state = report.state;
        self.latency_ms = report.latency_ms;
        self.identity.clone_from(&report.identity);
        self.version.clone_from(&report.version);
        self.reason.clone_from(&report.reason);
        self.next.clone_from(&report.next);
        self.notes.clone_from(&report.notes);
        self.probe = Some(report);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stopped_on_purpose_is_not_down() {
        let record = |phase, last_exit: Option<&str>| Record {
            process: Process::Redis,
            phase,
            identity: None,
            since: String::new(),
            restarts: 0,
            adopted: false,
            last_exit: last_exit.map(ToOwned::to_owned),
        };
        let said = |phase, last| absent(&[record(phase, last)]);
        let reason = |text: &str| Some(text.to_owned());
        let never = (State::NotMeasured, reason("it was not started"));
        assert_eq!(absent(&[]), never);
        assert_eq!(said(Phase::Stopped, None), never);
        let stopped = said(Phase::Stopped, Some("stopped: exit status: 0"));
        assert_eq!(stopped, (State::NotMeasured, reason("stopped: exit status: 0")));
        let (state, why) = said(Phase::Stopped, Some("signal: 9 (SIGKILL)"));
        assert_eq!(state, State::NotMeasured);
        assert!(why.is_some_and(|why| why.starts_with("stopped on purpose")));
        for phase in [Phase::Failed, Phase::Restarting] {
            assert_eq!(said(phase, Some("exit status: 1")), (State::Down, reason("exit status: 1")));
        }
        let (state, why) = said(Phase::Running, Some("stopped: exit status: 0"));
        assert_eq!(state, State::Down);
        assert!(why.is_some_and(|why| why.contains("gone")), "that end is an earlier one");
    }
}
