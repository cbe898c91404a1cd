//! `status --why`: what happened to a service, why, and what mends it. Works with a supervisor and without.

use std::time::Duration;

use hallmark_core::{Result, clock};
use serde::Serialize;

use super::cause::{Cause, deduce};
use super::evidence::{Scene, Symptom};
use super::home::Home;
use super::state::StackState;
use super::status::is_idle;
use super::supervisor::{Monitors, Phase, Record, Request, connect, records};
use super::{LogTail, Provider, Stack, address, procfs};
use crate::monitor::history::History;
use crate::monitor::{Entry, Fault, Health, Snapshot, limits};
use crate::resilience::{sentences, standing};
use crate::{ProbeOptions, ProbeReport, ServiceKind, State, codes, probe_with};

/// The format of [`Why`] as JSON.
const FORMAT: u32 = 1;

/// How long the probe may take that is made for the answer: who asks is waiting.
const PROBE_PATIENCE: Duration = Duration::from_secs(15);

/// Why a service is as it is.
#[derive(Clone, Debug, Serialize)]
pub struct Why {
    /// The format of this document.
    pub format: u32,
    /// The service.
    pub service: ServiceKind,
    /// Who provides it.
    pub provider: Provider,
    /// Its address without secrets.
    pub endpoint: Option<String>,
    /// When the question was asked.
    pub asked_at: String,
    /// Its state: the worse of what its monitor says and a probe that was made just now.
    pub health: Health,
    /// The cause; `None` if nothing is wrong.
    pub cause: Option<Cause>,
    /// What its monitor knows, if a supervisor runs.
    pub monitor: Option<Snapshot>,
    /// The probe that was made just now, if there was something to probe.
    pub probe: Option<ProbeReport>,
    /// Its processes, if it is native.
    pub processes: Vec<Record>,
    /// What answers for it at this moment in which process: never a proof.
    pub fallbacks: Vec<String>,
    /// A restore or reset of the project that was interrupted and is not finished yet, in a sentence.
    pub pending: Option<String>,
    /// What happened lately, oldest first.
    pub timeline: Vec<Entry>,
    /// The ends of its logs, secrets masked.
    pub logs: Vec<LogTail>,
}

impl Stack {
    /// What the monitors say at this moment; `None` if no supervisor of this project runs, or it is too old to have any.
    ///
    /// # Errors
    /// `HM-S051` if the state is broken.
    pub async fn health(&self) -> Result<Option<Vec<Snapshot>>> {
        let Some(state) = StackState::load(&self.project)? else { return Ok(None) };
        let Some(mut link) = connect(&state.home(&self.project)).await else { return Ok(None) };
        let answer = link.ask(&Request::Health).await.ok();
        Ok(answer.filter(|answer| answer.error.is_none()).and_then(|answer| answer.health))
    }

    /// The metrics as Prometheus reads them: the supervisor's, or, without one, those of monitors that run here for two
    /// seconds.
    ///
    /// # Errors
    /// `HM-S051` if the state is broken.
    pub async fn metrics(&self) -> Result<String> {
        if let Some(state) = StackState::load(&self.project)?
            && let Some(mut link) = connect(&state.home(&self.project)).await
            && let Ok(answer) = link.ask(&Request::Metrics).await
            && let Some(metrics) = answer.metrics
        {
            return Ok(metrics);
        }
        let monitors = Monitors::begin(self, None);
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok(monitors.metrics())
    }

    /// Where the supervisor serves metrics and health, if it does.
    ///
    /// # Errors
    /// `HM-S051` if the state is broken.
    pub fn metrics_address(&self) -> Result<Option<String>> {
        let port = StackState::load(&self.project)?.and_then(|state| state.metrics_port);
        Ok(port.map(|port| format!("http://127.0.0.1:{port}/metrics")))
    }

    /// Gathers the evidence about one service and deduces the cause.
    ///
    /// # Errors
    /// `HM-S051` if the state is broken. A service that is down is no error, but a finding.
    pub async fn why(&self, service: ServiceKind) -> Result<Why> {
        let state = StackState::load(&self.project)?;
        let home = state.as_ref().map(|state| state.home(&self.project));
        let provider = self.provider(service);
        let endpoints = self.endpoints()?;
        let refused = state.as_ref().and_then(|state| state.refused.get(&service).cloned());
        let all = match &home {
            Some(home) => settled(home, service).await,
            None => Vec::new(),
        };
        let own: Vec<Record> = all
            .iter()
            .filter(|r| provider == Provider::Native && r.process.service() == service)
            .cloned()
            .collect();
        let monitor = self.health().await?.and_then(|all| all.into_iter().find(|s| s.service == service));
        let runs = provider != Provider::Native || own.iter().any(|record| record.alive().is_some());
        // Nobody need wait for what a suspended process will not answer.
        let suspended =
            own.iter().filter_map(Record::alive).filter_map(|identity| procfs::state(identity.pid));
        let runs = runs && !suspended.into_iter().any(procfs::is_suspended);
        // A service that refuses the credentials is not asked again: some count the wrong passwords.
        let locked = monitor.as_ref().is_some_and(|m| m.cause.as_ref().is_some_and(is_locked));
        let probed =
            runs && provider != Provider::Off && refused.is_none() && !locked && endpoints.has(service);
        let probe = if probed {
            let options = ProbeOptions {
                samples: 1,
                spread: Duration::ZERO,
                timeout: PROBE_PATIENCE,
                ..ProbeOptions::default()
            };
            Some(Box::pin(probe_with(service, &endpoints, &options)).await)
        } else {
            None
        };
        // What nobody wants to run is not down.
        let wanted = provider == Provider::Native && !is_idle(&own);
        let symptom = symptom(monitor.as_ref(), probe.as_ref(), runs || !wanted);
        let scene = Scene { service, provider, home: home.as_ref(), records: &all, endpoints: &endpoints };
        let mut evidence = scene.gather(symptom);
        evidence.refused = refused;
        let cause = deduce(&evidence);
        let mut timeline = home.as_ref().map(|home| History::of(home).read(service)).unwrap_or_default();
        let short = u64::try_from(limits::SAMPLES_SHOWN.as_millis()).unwrap_or(u64::MAX);
        timeline.retain(|entry| !matches!(entry, Entry::Samples { over_ms, .. } if *over_ms < short));
        timeline.drain(..timeline.len().saturating_sub(limits::TIMELINE_LINES));
        Ok(Why {
            format: FORMAT,
            service,
            provider,
            endpoint: address::shown(service, &endpoints),
            asked_at: clock::now(),
            health: evidence.health,
            cause,
            monitor,
            probe,
            processes: own,
            fallbacks: sentences(&standing(&self.project), service),
            pending: self.pending_sentence().await,
            timeline,
            logs: self.logs(service, Some(limits::WHY_LOG_LINES)).unwrap_or_default(),
        })
    }
}

/// The records, after the keeper of a process that is dead had a moment to write down how it ended: a large one takes a while
/// to be gone.
async fn settled(home: &Home, service: ServiceKind) -> Vec<Record> {
    let mut all: Vec<Record> = records(home).into_values().collect();
    for _ in 0..limits::WHY_LOOKS {
        let mut own = all.iter().filter(|record| record.process.service() == service);
        if !own.any(|record| record.phase == Phase::Running && record.alive().is_none()) {
            break;
        }
        tokio::time::sleep(limits::SETTLE_PAUSE).await;
        all = records(home).into_values().collect();
    }
    all
}

fn is_locked(cause: &Cause) -> bool {
    cause.kind == super::CauseKind::Credentials
}

/// The worse of what the monitor and the probe say; the probe's reason is the newer one.
fn symptom(monitor: Option<&Snapshot>, probe: Option<&ProbeReport>, runs: bool) -> Symptom {
    let watched = monitor.filter(|m| m.health != Health::NotMeasured);
    let probed = probe.map(|report| match report.state {
        State::Usable => Health::Healthy,
        State::Degraded => Health::Degraded,
        State::Down => Health::Down,
        State::NotMeasured => Health::NotMeasured,
    });
    let by_probe = probed.unwrap_or(if runs { Health::NotMeasured } else { Health::Down });
    let health = match watched.map(|m| m.health) {
        Some(seen) if by_probe == Health::NotMeasured => seen,
        Some(seen) => seen.max(by_probe),
        None => by_probe,
    };
    let failed = probe.and_then(|report| report.steps.iter().rfind(|step| !step.ok));
    let by_code = failed.and_then(|step| step.code).map(fault);
    Symptom {
        health,
        fault: by_code.or_else(|| watched.and_then(|m| m.fault)).filter(|_| health != Health::Healthy),
        reason: probe.and_then(|r| r.reason.clone()).or_else(|| watched.and_then(|m| m.reason.clone())),
        next: probe.and_then(|report| report.next.clone()),
    }
}

/// The kind of failure behind the code of a probe's step.
fn fault(code: &'static str) -> Fault {
    match code {
        code if code == codes::UNREACHABLE.id => Fault::Refused,
        code if code == codes::TIMED_OUT.id => Fault::Hung,
        code if code == codes::AUTHENTICATION.id => Fault::Credentials,
        code if code == codes::CONNECTION_LOST.id => Fault::Cut,
        _ => Fault::Wrong,
    }
}
