//! The load: numbered records written to each service and read back, all the time, whatever happens to the service.

mod chroma;
mod model;
mod neo4j;
mod postgres;
mod records;
mod redis;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use hallmark_core::{Error, Result};
use hallmark_services::{Handles, ServiceKind, codes};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::failure::{Failure, Outcome};
use crate::ledger::{Ledger, Violation};
use crate::stage::Stage;

pub(crate) use records::Records;

/// How long one turn may take before it counts as not acknowledged.
const PATIENCE: Duration = Duration::from_secs(10);

/// The pause after a refusal of the credentials: Neo4j locks a user out after three wrong passwords.
const LOCKED: Duration = Duration::from_secs(6);

/// The pause after any other failure.
const FAILED: Duration = Duration::from_millis(100);

/// The load of one service. Each turn connects by what it was given last; [`Load::renew`] gives it other addresses.
pub(crate) trait Load: Send + Sync {
    /// Makes tables and indexes, or learns what right answers are.
    fn prepare(&self) -> BoxFuture<'_, Outcome>;

    /// One piece of work that is to be acknowledged.
    fn write(&self) -> BoxFuture<'_, Result<()>>;

    /// One answer, judged.
    fn read(&self) -> BoxFuture<'_, Result<Vec<Violation>>>;

    /// Everything that was acknowledged, judged.
    fn verify(&self) -> BoxFuture<'_, Result<Vec<Violation>>>;

    /// Takes these addresses and credentials from here on; writer and reader share no connection.
    fn renew(&self, writing: Handles, reading: Handles);

    /// How many writes were acknowledged.
    fn acknowledged(&self) -> u64;

    /// The pauses between two writes, and between two reads.
    fn pauses(&self) -> (Duration, Duration);
}

/// What the load of a service did and saw.
#[derive(Default)]
pub(crate) struct Seen {
    /// Turns that were answered, and those that failed.
    pub(crate) answered: AtomicU64,
    pub(crate) failed: AtomicU64,
    /// Wrong answers since they were last taken.
    violations: std::sync::Mutex<Vec<Violation>>,
}

impl Seen {
    fn add(&self, found: Vec<Violation>) {
        self.violations.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(found);
    }

    /// The wrong answers since this was last asked.
    pub(crate) fn take(&self) -> Vec<Violation> {
        std::mem::take(&mut *self.violations.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

/// A load that runs, as long as the value lives.
pub(crate) struct Running {
    load: Arc<dyn Load>,
    pub(crate) seen: Arc<Seen>,
    /// When the last write was begun that was acknowledged.
    last: watch::Receiver<Option<Instant>>,
    tasks: JoinSet<()>,
}

impl Running {
    /// Prepares the load of a service and lets it run.
    pub(crate) async fn begin(stage: &Arc<Stage>, service: ServiceKind, seed: u64) -> Outcome<Self> {
        let handles = || stage.handles();
        let ledger = || Ledger::new(seed, service, &stage.out.join(format!("ledger-{service}.jsonl")));
        let load: Arc<dyn Load> = match service {
            ServiceKind::Postgres => Arc::new(Records::new(postgres::Table, &handles()?, ledger()?)),
            ServiceKind::Neo4j => Arc::new(Records::new(neo4j::Graph, &handles()?, ledger()?)),
            ServiceKind::Chroma => Arc::new(Records::new(chroma::Vectors::default(), &handles()?, ledger()?)),
            ServiceKind::Redis => Arc::new(Records::new(redis::Keys, &handles()?, ledger()?)),
            ServiceKind::OpenAi => Arc::new(model::Questions::new(handles()?)),
        };
        load.prepare().await.map_err(|Failure(e)| Failure(format!("the load of {service}: {e}")))?;
        // Readers and writers go by connections of their own.
        load.renew(handles()?, handles()?);
        let seen = Arc::new(Seen::default());
        let (acknowledged, last) = watch::channel(None);
        let mut tasks = JoinSet::new();
        tasks.spawn(write(Arc::clone(&load), Arc::clone(&seen), acknowledged, Arc::clone(stage)));
        tasks.spawn(read(Arc::clone(&load), Arc::clone(&seen), Arc::clone(stage)));
        Ok(Self { load, seen, last, tasks })
    }

    /// Waits until a write was acknowledged that was begun after this moment; `false` if the time is over.
    pub(crate) async fn works_again(&mut self, after: Instant, patience: Duration) -> bool {
        let begun_later = |last: &Option<Instant>| last.is_some_and(|begun| begun > after);
        let waited = tokio::time::timeout(patience, self.last.wait_for(begun_later)).await;
        waited.is_ok_and(|found| found.is_ok())
    }

    /// How many writes were acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.load.acknowledged()
    }

    /// Everything that was acknowledged, judged; a connection that breaks is no judgement, and it is tried again.
    pub(crate) async fn verify(&self) -> Outcome<Vec<Violation>> {
        let mut last = String::new();
        for _ in 0..VERIFICATIONS {
            match tokio::time::timeout(VERIFICATION, self.load.verify()).await {
                Ok(Ok(found)) => return Ok(found),
                Ok(Err(error)) => last = words(&error),
                Err(_) => last = format!("not read within {} s", VERIFICATION.as_secs()),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Err(Failure(format!("what was acknowledged could not be read: {last}")))
    }

    /// Takes the credentials as the project has them now: what was connected before a rotation goes on, and cannot connect again.
    pub(crate) fn renew(&self, stage: &Stage) -> Outcome {
        self.load.renew(stage.handles()?, stage.handles()?);
        Ok(())
    }

    /// Ends the work; what is under way is given up.
    pub(crate) async fn end(&mut self) {
        self.tasks.shutdown().await;
    }
}

/// How often, and how long, everything is tried to be read.
const VERIFICATIONS: u32 = 5;
const VERIFICATION: Duration = Duration::from_secs(60);

async fn write(
    load: Arc<dyn Load>,
    seen: Arc<Seen>,
    acknowledged: watch::Sender<Option<Instant>>,
    stage: Arc<Stage>,
) {
    let (pause, _) = load.pauses();
    loop {
        let begun = Instant::now();
        let turn = tokio::time::timeout(PATIENCE, load.write()).await.unwrap_or_else(|_| Err(late()));
        if turn.is_ok() {
            acknowledged.send_replace(Some(begun));
        }
        after(turn.map(|()| Vec::new()), &load, &seen, &stage).await;
        tokio::time::sleep(pause).await;
    }
}

async fn read(load: Arc<dyn Load>, seen: Arc<Seen>, stage: Arc<Stage>) {
    let (_, pause) = load.pauses();
    loop {
        let turn = tokio::time::timeout(PATIENCE, load.read()).await.unwrap_or_else(|_| Err(late()));
        after(turn, &load, &seen, &stage).await;
        tokio::time::sleep(pause).await;
    }
}

async fn after(turn: Result<Vec<Violation>>, load: &Arc<dyn Load>, seen: &Seen, stage: &Stage) {
    match turn {
        Ok(found) => {
            seen.answered.fetch_add(1, Ordering::Relaxed);
            seen.add(found);
        }
        Err(error) => {
            seen.failed.fetch_add(1, Ordering::Relaxed);
            if error.is(&codes::AUTHENTICATION) {
                tokio::time::sleep(LOCKED).await;
                if let (Ok(writing), Ok(reading)) = (stage.handles(), stage.handles()) {
                    load.renew(writing, reading);
                }
            } else {
                tokio::time::sleep(FAILED).await;
            }
        }
    }
}

fn late() -> Error {
    Error::new(&codes::TIMED_OUT, format!("no answer within {} s", PATIENCE.as_secs()))
}

/// An error with its last cause.
pub(crate) fn words(error: &Error) -> String {
    match error.causes().last() {
        Some(cause) => format!("{}: {cause}", error.message()),
        None => error.message().to_owned(),
    }
}
