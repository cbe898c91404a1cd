//! Whether a service is usable: measured step by step, never assumed.

use std::time::Duration;

use serde::Serialize;

use crate::recorder::{Recorder, Stopped};
use crate::{Endpoints, ServiceKind, chroma, limits, neo4j, openai, postgres, redis};

/// What a probe found. Only [`State::Usable`] is green.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Every step passed.
    Usable,
    /// It answers, but something that is not essential failed.
    Degraded,
    /// An essential step failed.
    Down,
    /// Nothing was measured: there is no address.
    NotMeasured,
}

/// One step of a probe.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// What was tried: `tcp`, `handshake`, `authentication`, `refuses_wrong_password`, `identity`, `extensions`,
    /// `canary`, `stable`.
    pub name: &'static str,
    /// Whether it passed.
    pub ok: bool,
    /// What was seen, in a sentence.
    pub detail: String,
    /// The error code of a failed step.
    pub code: Option<&'static str>,
    /// How long it took.
    pub duration_ms: f64,
}

/// What a probe saw.
#[derive(Clone, Debug, Serialize)]
pub struct ProbeReport {
    /// The service.
    pub service: ServiceKind,
    /// The finding.
    pub state: State,
    /// The steps in their order; the first essential failure is the last.
    pub steps: Vec<Step>,
    /// What tells this running server from another: a start time, a run identifier.
    pub identity: String,
    /// The server's version.
    pub version: String,
    /// The median round trip of a trivial request, in milliseconds; 0 if none was made.
    pub latency_ms: f64,
    /// Why the state is not `Usable`.
    pub reason: Option<String>,
    /// What to do about it.
    pub next: Option<String>,
    /// What a reader should know besides.
    pub notes: Vec<String>,
}

/// How a probe is made.
#[derive(Clone, Copy, Debug)]
pub struct ProbeOptions {
    /// Also try a wrong password, once, which must be refused. Off in periodic probes: Neo4j locks a user out after three.
    pub verify_authentication: bool,
    /// How many samples must agree on the server's identity.
    pub samples: usize,
    /// The time over which they are taken, at least.
    pub spread: Duration,
    /// How long the probe may take in all.
    pub timeout: Duration,
}

impl Default for ProbeOptions {
    fn default() -> Self {
        Self {
            verify_authentication: false,
            samples: limits::PROBE_SAMPLES,
            spread: limits::PROBE_SPREAD,
            timeout: limits::PROBE_TIMEOUT,
        }
    }
}

/// Probes one service with the usual options. Never fails: a failure is a finding.
pub async fn probe(kind: ServiceKind, endpoints: &Endpoints) -> ProbeReport {
    probe_with(kind, endpoints, &ProbeOptions::default()).await
}

/// Probes one service. Never fails and always ends: after [`ProbeOptions::timeout`] at the latest the step that is then
/// running counts as failed.
pub async fn probe_with(kind: ServiceKind, endpoints: &Endpoints, options: &ProbeOptions) -> ProbeReport {
    let mut recorder = Recorder::new(kind, *options);
    if !endpoints.has(kind) {
        return recorder.not_configured();
    }
    let outcome = tokio::time::timeout(options.timeout, run(kind, endpoints, &mut recorder)).await;
    // Only a probe that came to its end can be green.
    recorder.finish(matches!(outcome, Ok(Ok(()))))
}

/// Probes the five at the same time; the reports stand in the order of [`ServiceKind::ALL`].
pub async fn probe_all(endpoints: &Endpoints, options: &ProbeOptions) -> Vec<ProbeReport> {
    futures_util::future::join_all(ServiceKind::ALL.map(|kind| probe_with(kind, endpoints, options))).await
}

async fn run(kind: ServiceKind, endpoints: &Endpoints, recorder: &mut Recorder) -> Result<(), Stopped> {
    match kind {
        ServiceKind::Postgres => {
            each(endpoints.postgres.as_ref(), |c| postgres::health::probe(c, recorder)).await
        }
        ServiceKind::Neo4j => each(endpoints.neo4j.as_ref(), |c| neo4j::health::probe(c, recorder)).await,
        ServiceKind::Chroma => each(endpoints.chroma.as_ref(), |c| chroma::health::probe(c, recorder)).await,
        ServiceKind::Redis => each(endpoints.redis.as_ref(), |c| redis::health::probe(c, recorder)).await,
        ServiceKind::OpenAi => each(endpoints.openai.as_ref(), |c| openai::health::probe(c, recorder)).await,
    }
}

async fn each<C, F>(config: Option<C>, probe: impl FnOnce(C) -> F) -> Result<(), Stopped>
where
    F: Future<Output = Result<(), Stopped>>,
{
    match config {
        Some(config) => probe(config).await,
        None => Err(Stopped),
    }
}
