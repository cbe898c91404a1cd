//! `stack.status`: the services as they were just measured, and the sessions' cache.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hallmark_core::Result;
use hallmark_workflow::BoxFuture;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{Effect, Operation, Outcome};
use crate::limits;

/// Takes a reading; supplied by the binary, called at most once in [`limits::READING_AGE_MS`].
pub type Reading<T> = Arc<dyn Fn() -> BoxFuture<'static, Result<T>> + Send + Sync>;

/// The services of the project.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StackStatus {
    /// One after the other, in the order they are shown in.
    pub services: Vec<ServiceStatus>,
    /// When it was measured, RFC 3339.
    pub measured_at: String,
}

/// One service.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ServiceStatus {
    /// The name, `postgres`.
    pub name: String,
    /// `usable`, `degraded`, `down` or `not_measured`.
    pub state: String,
    /// Where it runs: `native`, `docker`, `external`.
    pub provider: String,
    /// Where it listens, without secrets.
    pub endpoint: String,
    /// What it said it is.
    pub identity: String,
    /// The version it said it has.
    pub version: String,
    /// How long it took to answer.
    pub latency_ms: Option<f64>,
    /// Why it is not usable.
    pub reason: Option<String>,
    /// What to do about it.
    pub next: Option<String>,
    /// What answers in its place, if something does: never a proof.
    pub fallback: Option<String>,
    /// What a person should know of it, for example that it has no authentication.
    pub notes: Vec<String>,
}

/// A reading that is shown again while it is fresh; several askers share one measurement.
pub(super) struct Remembered<T> {
    take: Reading<T>,
    last: Mutex<Option<(Instant, T)>>,
}

impl<T: Clone> Remembered<T> {
    pub(super) fn new(take: Reading<T>) -> Self {
        Self { take, last: Mutex::const_new(None) }
    }

    pub(super) async fn get(&self) -> Result<T> {
        let mut last = self.last.lock().await;
        if let Some((at, value)) = last.as_ref()
            && at.elapsed() < Duration::from_millis(limits::READING_AGE_MS)
        {
            return Ok(value.clone());
        }
        let value = (self.take)().await?;
        *last = Some((Instant::now(), value.clone()));
        Ok(value)
    }
}

pub(super) fn status() -> Operation {
    let run: super::Run = |call| {
        Box::pin(async move {
            let (stack, cache) =
                tokio::join!(call.operations.shared.stack.get(), call.operations.sessions().cache_state());
            let mut result: Value = json!(stack?);
            result["sessions"] = json!({ "store": "postgres", "cache": cache });
            Ok(Outcome::of(result))
        })
    };
    Operation::new(
        "stack.status",
        "The services: state, identity, version and latency, as just measured.",
        Effect::Reads,
        run,
    )
    .routes(&[("GET", "/api/v1/stack")])
    .tool("stack_status")
}
