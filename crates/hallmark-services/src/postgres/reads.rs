//! Where a read of PostgreSQL goes: to a replica with bounded, measured lag, to the primary, or, while that does not answer, to a
//! replica with its age. Writes go to the primary or fail.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::ClientWrapper;
use hallmark_core::{Error, Result};
use tokio_postgres::Row;

use super::held::{Held, cancelling};
use super::lag::{LagMeter, Lsn, serves};
use super::lane::Lanes;
use super::prepared::Prepared;
use super::solo::Solos;
use super::{Postgres, error, pulse};
use crate::monitor::pulse::Line as _;
use crate::resilience::{Answer, BreakerState, Line, Policy, Repeat, Source, Stand, Tally, is_outage};
use crate::{ServiceKind, codes, limits};

/// PostgreSQL as it is read: a primary, and the replicas that stream from it.
#[derive(Debug)]
pub struct Reads {
    primary: Postgres,
    lanes: Lanes,
    solos: Solos,
    line: Line,
    replicas: Vec<Replica>,
    /// How far behind a replica may be while the primary works; `None` keeps every read there.
    bound: Option<Duration>,
    meter: Mutex<LagMeter>,
    looked: tokio::sync::Mutex<Option<Instant>>,
    wrote: Wrote,
    turn: AtomicUsize,
}

/// When this process last was done with something that may have written.
#[derive(Clone, Debug, Default)]
struct Wrote(Arc<Mutex<Option<Instant>>>);

impl Wrote {
    fn get(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

/// Notes the time when it is dropped: something that may have written is done, or given up.
#[derive(Debug)]
struct Writing(Wrote);

impl Drop for Writing {
    fn drop(&mut self) {
        self.0.now();
    }
}

#[derive(Debug)]
struct Replica {
    pool: Postgres,
    line: Line,
    /// The time of which it holds everything, as far as was measured.
    holds: Mutex<Option<Instant>>,
}

impl Replica {
    fn holds(&self) -> MutexGuard<'_, Option<Instant>> {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection to the primary. What it does is cancelled with the work that took it. When it is given back, replicas that do not hold
/// what it wrote stop answering this process's reads.
#[derive(Debug)]
pub struct Writer {
    client: Held,
    _writing: Writing,
}

impl Deref for Writer {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        &self.client
    }
}

impl DerefMut for Writer {
    fn deref_mut(&mut self) -> &mut ClientWrapper {
        &mut self.client
    }
}

impl Reads {
    /// Nothing is contacted yet.
    pub(crate) fn new(
        primary: &Postgres,
        replicas: &[Postgres],
        line: Line,
        bound: Option<Duration>,
    ) -> Self {
        let policy = Policy::of(ServiceKind::Postgres);
        let replicas = replicas.iter().map(|pool| Replica {
            pool: pool.clone(),
            // Counted by nobody: what is shown is the service, and that is the primary.
            line: Line::new(ServiceKind::Postgres, policy, Tally::default()),
            holds: Mutex::default(),
        });
        Self {
            primary: primary.clone(),
            lanes: Lanes::new(primary),
            solos: Solos::new(primary),
            line,
            replicas: replicas.collect(),
            bound,
            meter: Mutex::default(),
            looked: tokio::sync::Mutex::default(),
            wrote: Wrote::default(),
            turn: AtomicUsize::new(0),
        }
    }

    /// The guarded way to the primary.
    #[must_use]
    pub fn line(&self) -> &Line {
        &self.line
    }

    /// A connection to the primary for what may write.
    ///
    /// # Errors
    /// `HM-S034` while the circuit is open: a write is never answered by anything else; those of [`Postgres::client`].
    pub async fn writer(&self) -> Result<Writer> {
        self.line.check()?;
        Ok(Writer { client: self.primary.held().await?, _writing: self.writing() })
    }

    /// A statement that may write, and is a transaction of its own; done once. As [`Reads::writer`], with fewer changes of threads.
    ///
    /// # Errors
    /// As [`Reads::writer`], and the server's as the statement says.
    pub async fn write(&self, statement: Prepared<'_>) -> Result<Vec<Row>> {
        self.line.check()?;
        let _writing = self.writing();
        self.solos.rows(statement).await
    }

    fn writing(&self) -> Writing {
        Writing(self.wrote.clone())
    }

    /// A read that may be answered by a replica: one that lags no more than the bound and holds what this process wrote.
    ///
    /// # Errors
    /// The work's own on the primary, if no replica can answer in its place.
    pub async fn read<T, F>(&self, work: impl Fn(Held) -> F) -> Result<Answer<T>>
    where
        F: Future<Output = Result<T>>,
    {
        if let Some(bound) = self.bound.filter(|_| !self.replicas.is_empty())
            && self.line.state() == BreakerState::Closed
        {
            self.look().await;
            if let Some((replica, lag)) = self.choose(bound)
                && let Ok(value) = replica.ask(&work).await
            {
                // A replica's refusal is no answer: the primary is asked, which may know more.
                let source = Source::Replica { name: replica.pool.place().to_owned(), lag };
                self.line.note(&source);
                return Ok(Answer::new(value, source));
            }
        }
        self.newest(work).await
    }

    /// A read by key, which may be answered as [`Reads::read`] says. On the primary it goes over connections that such reads share, in a
    /// crowd together with others: a row may then have one column more, the last.
    ///
    /// # Errors
    /// As [`Reads::read`].
    pub async fn lookup(&self, lookup: Prepared<'_>) -> Result<Answer<Vec<Row>>> {
        if !self.replicas.is_empty() {
            return Box::pin(self.read(|client: Held| async move { lookup.rows(&client).await })).await;
        }
        let whole = || self.lanes.rows(lookup);
        let rows = self.line.call_watched(Repeat::Idempotent, whole, || beat(&self.primary)).await?;
        self.line.note(&Source::Primary);
        Ok(Answer::new(rows, Source::Primary))
    }

    /// A read that only the primary may answer while it works.
    ///
    /// # Errors
    /// As [`Reads::read`].
    pub async fn newest<T, F>(&self, work: impl Fn(Held) -> F) -> Result<Answer<T>>
    where
        F: Future<Output = Result<T>>,
    {
        match self.on_primary(&work).await {
            Ok(value) => {
                self.line.note(&Source::Primary);
                Ok(Answer::new(value, Source::Primary))
            }
            Err(failure) if is_outage(&failure) && self.line.policy().fallback => {
                self.stale(&work, failure).await
            }
            Err(failure) => Err(failure),
        }
    }

    /// Work on the primary that may write: done once, never answered by anything else, and given up when the primary shows no pulse.
    /// Whether it was done is then not known. For records that are only ever read with [`Reads::newest`]: replicas are not held to it.
    ///
    /// # Errors
    /// The work's own; `HM-S004`, `HM-S033`, `HM-S034`.
    pub async fn whole<T, F>(&self, work: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        self.line.call_watched(Repeat::Never, work, || beat(&self.primary)).await
    }

    async fn on_primary<T, F>(&self, work: &impl Fn(Held) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let whole = || cancelling(async { work(self.primary.held().await?).await });
        self.line.call_watched(Repeat::Idempotent, whole, || beat(&self.primary)).await
    }

    /// The primary does not answer: the replica that is least behind does, and says how far.
    async fn stale<T, F>(&self, work: &impl Fn(Held) -> F, failure: Error) -> Result<Answer<T>>
    where
        F: Future<Output = Result<T>>,
    {
        let mut order: Vec<&Replica> = self.replicas.iter().collect();
        order.sort_by_key(|replica| std::cmp::Reverse(*replica.holds()));
        let mut failure = failure;
        for replica in order {
            let done = async {
                let age = replica.age().await?;
                Ok::<_, Error>((age, replica.ask(work).await?))
            };
            match done.await {
                Ok((age, value)) => {
                    let source = Source::Fallback { stand: Stand::Replica, age };
                    self.line.note(&source);
                    return Ok(Answer::new(value, source));
                }
                Err(error) => {
                    failure = failure.because_text(format!("the replica {}: {error}", replica.pool.place()));
                }
            }
        }
        Err(failure)
    }

    /// The next replica in turn that may answer now.
    fn choose(&self, bound: Duration) -> Option<(&Replica, Duration)> {
        let (now, wrote) = (Instant::now(), self.wrote.get());
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = self.replicas.len();
        (0..count).map(|n| &self.replicas[(first + n) % count]).find_map(|replica| {
            if replica.line.state() != BreakerState::Closed {
                return None;
            }
            Some((replica, serves(*replica.holds(), wrote, bound, now)?))
        })
    }

    /// Measures how far the replicas are, unless that was done a moment ago or is being done.
    async fn look(&self) {
        let Ok(mut looked) = self.looked.try_lock() else { return };
        if looked.is_some_and(|at| at.elapsed() < limits::REPLICA_LOOK) {
            return;
        }
        let asked = Instant::now();
        let primary = || async { position(self.primary.held().await?, "pg_current_wal_flush_lsn()").await };
        if let Ok(at) = self.line.call_watched(Repeat::Idempotent, primary, || beat(&self.primary)).await {
            self.meter().primary(asked, at);
            let all = self.replicas.iter().map(|replica| async move {
                let replayed = |client| position(client, "pg_last_wal_replay_lsn()");
                let holds = replica.ask(&replayed).await.ok().and_then(|at| self.meter().holds(at));
                *replica.holds() = holds;
            });
            futures_util::future::join_all(all).await;
        }
        *looked = Some(Instant::now());
    }

    fn meter(&self) -> MutexGuard<'_, LagMeter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Replica {
    async fn ask<T, F>(&self, work: &impl Fn(Held) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let whole = || cancelling(async { work(self.pool.held().await?).await });
        self.line.call_watched(Repeat::Idempotent, whole, || beat(&self.pool)).await
    }

    /// How old what it holds is at most: since it last was known to hold everything, or, if nobody measured that, since the last
    /// commit that it replayed. `None` if neither is known.
    async fn age(&self) -> Result<Option<Duration>> {
        const AGE: &str = "SELECT extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8, pg_is_in_recovery()";
        let ask = |client: Held| async move { client.query_one(AGE, &[]).await.map_err(error) };
        let row = self.ask(&ask).await?;
        if !row.try_get::<_, bool>(1).map_err(error)? {
            let sentence = format!("{} is no replica any more: it was promoted", self.pool.place());
            return Err(Error::new(&codes::VERSION, sentence).next("hallmark up"));
        }
        let measured = self.holds().map(|holds| holds.elapsed());
        let replayed: Option<f64> = row.try_get(0).map_err(error)?;
        let replayed = replayed.and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok());
        Ok(match (measured, replayed) {
            (Some(measured), Some(replayed)) => Some(measured.min(replayed)),
            (measured, replayed) => measured.or(replayed),
        })
    }
}

/// The position that this function of the server gives; an error on a server that is not what it should be.
async fn position(client: Held, function: &str) -> Result<Lsn> {
    let row = client.query_one(&format!("SELECT {function}::text"), &[]).await.map_err(error)?;
    let text: Option<String> = row.try_get(0).map_err(error)?;
    text.as_deref()
        .and_then(Lsn::parse)
        .ok_or_else(|| Error::new(&codes::ANSWER_INVALID, format!("{function} gives no position of the log")))
}

/// Whether the server lets somebody in and answers, past whatever its pool is busy with.
async fn beat(pool: &Postgres) -> bool {
    let Some(config) = pool.config() else { return false };
    let Ok(mut line) = pulse::Line::open(config).await else { return false };
    // An answer that it is a standby is one, too: that is what a replica is.
    line.ask().await.err().is_none_or(|error| error.is(&codes::VERSION))
}
