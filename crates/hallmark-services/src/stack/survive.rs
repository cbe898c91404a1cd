//! Whether data survive the end of a server: written until it ends, and read when it is back.
//!
//! Only servers that this stack runs are ended; to end one that others run is not ours.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hallmark_core::{Error, Result};
use tokio_util::task::AbortOnDropHandle;

use super::config::Provider;
use super::events::Observer;
use super::process::Process;
use super::state::StackState;
use super::supervisor::records;
use super::up::UpOptions;
use super::{Stack, codes, limits};
use crate::platform::Signal;
use crate::recorder::{milliseconds, nonce};
use crate::{Handles, Outcome, ServiceKind, Trial, chroma, neo4j, postgres, redis};

/// How a server is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is asked to stop, and started again.
    Restart,
    /// It is killed in the middle of its work (SIGKILL), and started again.
    Crash,
}

impl Ending {
    const fn trial(self) -> &'static str {
        match self {
            Self::Restart => "survives_restart",
            Self::Crash => "survives_crash",
        }
    }
}

/// How long is written before a server is ended.
const WRITING: Duration = Duration::from_millis(700);

/// Writes that must be acknowledged before; a busy machine gets more time for them.
const WRITES_MIN: u64 = 5;

/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(30);

impl Stack {
    /// Writes to a service, ends it meanwhile, starts it again, and looks whether every write that it had acknowledged is
    /// there. Never fails: what could not be tried is a trial that was not made.
    pub async fn survives(&self, service: ServiceKind, ending: Ending, observer: &dyn Observer) -> Trial {
        let began = Instant::now();
        let made = Box::pin(self.try_survival(service, ending, observer)).await;
        let (outcome, detail, code) = match made {
            Ok(detail) => (Outcome::Held, detail, None),
            Err(error) => {
                let lost = error.is(&crate::codes::CANARY);
                let outcome = if lost { Outcome::Refuted } else { Outcome::NotMade };
                (outcome, error.to_string(), Some(error.code().id))
            }
        };
        let duration_ms = milliseconds(began.elapsed());
        Trial { name: ending.trial(), outcome, detail, code, counts: false, duration_ms }
    }

    async fn try_survival(
        &self,
        service: ServiceKind,
        ending: Ending,
        observer: &dyn Observer,
    ) -> Result<String> {
        let not_ours = |why: &str| {
            Err(Error::new(&codes::NOT_PROVIDED, format!("not measured: {} {why}", service.title())))
        };
        if self.provider(service) != Provider::Native {
            return not_ours("is not run by this stack, which therefore does not end it");
        }
        if service == ServiceKind::OpenAi {
            return not_ours("keeps no data");
        }
        let endpoints = self.endpoints()?;
        let canary = Canary { service, handles: Handles::connect(&endpoints)?, word: nonce()? };
        canary.begin().await?;
        let acknowledged = canary.write_until(|| self.end(service, ending)).await;
        let ended = Instant::now();
        let only = vec![service];
        let report = Box::pin(self.up(&UpOptions { only, ..UpOptions::default() }, observer)).await?;
        if let Some((_, error)) = report.failed.first() {
            return Err(
                Error::new(&codes::NOT_USABLE, "it did not come back").because_text(error.to_string())
            );
        }
        let away = ended.elapsed();
        let acknowledged = acknowledged?;
        // The connections of before are broken.
        let canary = Canary { handles: Handles::connect(&endpoints)?, ..canary };
        let kept = canary.kept().await?;
        canary.end().await?;
        let lost: Vec<u64> = (1..=acknowledged).filter(|number| !kept.contains(number)).collect();
        if let Some(first) = lost.first() {
            let count = lost.len();
            return Err(Error::new(
                &crate::codes::CANARY,
                format!(
                    "{count} of {acknowledged} acknowledged writes are lost, the first is number {first}"
                ),
            )
            .next(format!("hallmark logs {service}")));
        }
        let how = if ending == Ending::Crash { "killed" } else { "stopped" };
        let seconds = away.as_secs_f64();
        Ok(format!(
            "{how} while it was written to; all {acknowledged} acknowledged writes are there, {seconds:.1} s later"
        ))
    }

    /// Ends the server, and waits until it is gone.
    async fn end(&self, service: ServiceKind, ending: Ending) -> Result<()> {
        if ending == Ending::Restart {
            return self.stop(service).await;
        }
        let state = StackState::load(&self.project)?;
        let home = state.map(|state| state.home(&self.project));
        let rows = home.as_ref().map(records).unwrap_or_default();
        for process in Process::of(service) {
            let Some(identity) = rows.get(process).and_then(|record| record.alive()) else {
                return Err(
                    Error::new(&codes::NOT_PROVIDED, format!("{process} does not run")).next("hallmark up")
                );
            };
            identity.signal(Signal::Kill);
            if !identity.gone_within(limits::KILL_PATIENCE).await {
                return Err(Error::new(&codes::STOP_FAILED, format!("{process} does not end")));
            }
        }
        Ok(())
    }
}

/// Numbered writes to one service, under a word of this run.
#[derive(Clone)]
struct Canary {
    service: ServiceKind,
    handles: Handles,
    word: String,
}

impl Canary {
    /// Writes while the server is ended; gives the last number that was acknowledged.
    async fn write_until<E: Future<Output = Result<()>>>(&self, end: impl FnOnce() -> E) -> Result<u64> {
        let acknowledged = Arc::new(AtomicU64::new(0));
        let (writer, counter) = (self.clone(), Arc::clone(&acknowledged));
        let writing = AbortOnDropHandle::new(tokio::spawn(async move {
            for number in 1.. {
                if let Err(error) = writer.write(number).await {
                    return Some(error);
                }
                counter.store(number, Ordering::SeqCst);
            }
            None
        }));
        let began = Instant::now();
        let enough = || began.elapsed() > WRITING && acknowledged.load(Ordering::SeqCst) >= WRITES_MIN;
        while !enough() && !writing.is_finished() && began.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let early = writing.is_finished();
        let ended = end().await;
        let last = acknowledged.load(Ordering::SeqCst);
        if early {
            // It ended by itself before anybody ended the server.
            let error = writing.await.ok().flatten();
            return Err(
                error.unwrap_or_else(|| Error::new(&crate::codes::CONNECTION_LOST, "writing broke off"))
            );
        }
        drop(writing);
        ended?;
        if last == 0 {
            return Err(Error::new(&crate::codes::TIMED_OUT, "no write was acknowledged in time"));
        }
        Ok(last)
    }

    async fn begin(&self) -> Result<()> {
        match self.service {
            ServiceKind::Postgres => postgres::survive::begin(&self.handles.postgres).await,
            ServiceKind::Neo4j => neo4j::survive::begin(&self.handles.neo4j).await,
            ServiceKind::Chroma => chroma::survive::begin(&self.handles.chroma).await,
            ServiceKind::Redis => redis::survive::begin(&self.handles.redis).await,
            ServiceKind::OpenAi => Ok(()),
        }
    }

    async fn write(&self, number: u64) -> Result<()> {
        match self.service {
            ServiceKind::Postgres => {
                postgres::survive::write(&self.handles.postgres, &self.word, number).await
            }
            ServiceKind::Neo4j => neo4j::survive::write(&self.handles.neo4j, &self.word, number).await,
            ServiceKind::Chroma => chroma::survive::write(&self.handles.chroma, &self.word, number).await,
            ServiceKind::Redis => redis::survive::write(&self.handles.redis, &self.word, number).await,
            ServiceKind::OpenAi => Ok(()),
        }
    }

    async fn kept(&self) -> Result<BTreeSet<u64>> {
        match self.service {
            ServiceKind::Postgres => postgres::survive::kept(&self.handles.postgres, &self.word).await,
            ServiceKind::Neo4j => neo4j::survive::kept(&self.handles.neo4j, &self.word).await,
            ServiceKind::Chroma => chroma::survive::kept(&self.handles.chroma, &self.word).await,
            ServiceKind::Redis => redis::survive::kept(&self.handles.redis, &self.word).await,
            ServiceKind::OpenAi => Ok(BTreeSet::new()),
        }
    }

    async fn end(&self) -> Result<()> {
        match self.service {
            ServiceKind::Postgres => postgres::survive::end(&self.handles.postgres).await,
            ServiceKind::Neo4j => neo4j::survive::end(&self.handles.neo4j).await,
            ServiceKind::Chroma => chroma::survive::end(&self.handles.chroma).await,
            ServiceKind::Redis => redis::survive::end(&self.handles.redis).await,
            ServiceKind::OpenAi => Ok(()),
        }
    }
}
