//! What keeps cached rows and the database together: every process listens to what the tables' triggers say of changes, whoever
//! made them, and takes the entries off.
//!
//! Nobody hears what was said while nobody listened. So a process believes the cache only while its connection has shown a sign of
//! life lately, and after a gap it asks around: another process that listened all the time answers, in the order of commits, that
//! it has taken off all that changed until then. If none does, every entry is ended.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use hallmark_core::{Error, Result, random};
use hallmark_services::postgres::{Listener, Postgres};
use hallmark_services::redis::LocalCache;
use hallmark_services::resilience::Repeat;
use hallmark_services::{Guarded, codes as services};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::engine::Shared;
use crate::limits;
use crate::nodes::cache::flights::Flights;
use crate::nodes::cache::names::Names;
use crate::schema::triggers;
use crate::table::Table;

/// Whether this process may believe what the cache holds.
#[derive(Debug)]
pub(crate) struct Coherence {
    task: OnceLock<Task>,
    heard: Arc<Heard>,
}

#[derive(Debug)]
struct Heard {
    began: Instant,
    /// Milliseconds since `began` until which the connection is taken to be alive.
    until: AtomicU64,
    /// Whether the first attempt to listen is still under way.
    first: AtomicBool,
    trusted: watch::Sender<bool>,
    notices: AtomicU64,
    gaps: AtomicU64,
}

/// Ends with whoever holds it.
#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Default for Coherence {
    fn default() -> Self {
        let heard = Heard {
            began: Instant::now(),
            until: AtomicU64::new(0),
            first: AtomicBool::new(true),
            trusted: watch::Sender::new(false),
            notices: AtomicU64::new(0),
            gaps: AtomicU64::new(0),
        };
        Self { task: OnceLock::new(), heard: Arc::new(heard) }
    }
}

impl Coherence {
    /// Whether the cache may be believed now. The first call begins to listen, and waits a moment for it.
    pub(crate) async fn is_trusted(&self, shared: &Shared, schema: &str) -> bool {
        self.task.get_or_init(|| Task(tokio::spawn(Work::new(shared, schema, &self.heard).run())));
        if self.heard.first.load(Ordering::Acquire) {
            let wait = Duration::from_millis(limits::CACHE_LISTEN_WAIT_MS);
            let mut trusted = self.heard.trusted.subscribe();
            let _ = tokio::time::timeout(wait, trusted.wait_for(|trusted| *trusted)).await;
            self.heard.first.store(false, Ordering::Release);
        }
        self.heard.is_trusted()
    }

    /// How many notices this process has heard, and how often it did not hear for a while.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.heard.notices.load(Ordering::Relaxed), self.heard.gaps.load(Ordering::Relaxed))
    }
}

impl Heard {
    fn is_trusted(&self) -> bool {
        self.began.elapsed().as_millis() < u128::from(self.until.load(Ordering::Acquire))
    }

    fn trust(&self, from: Instant) {
        let from = from.saturating_duration_since(self.began).as_millis();
        let until = u64::try_from(from).unwrap_or(u64::MAX).saturating_add(limits::CACHE_TRUST_MS);
        self.until.store(until, Ordering::Release);
        self.trusted.send_replace(true);
    }

    fn distrust(&self) {
        self.until.store(0, Ordering::Release);
        self.trusted.send_replace(false);
    }
}

/// What is said on the channel.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Said {
    /// Rows of a model have changed; without rows, any of them.
    Changed {
        model: String,
        by: String,
        #[serde(default)]
        rows: Option<Vec<(Vec<String>, Vec<Value>)>>,
    },
    /// Somebody asks who has listened all the time.
    Hello { hello: String },
    /// Somebody has.
    Here { here: String },
}

struct Work {
    postgres: Postgres,
    guarded: Guarded,
    channel: String,
    prefix: String,
    tables: Vec<Arc<Table>>,
    heard: Arc<Heard>,
    flights: Arc<Flights>,
}

impl Work {
    fn new(shared: &Shared, schema: &str, heard: &Arc<Heard>) -> Self {
        Self {
            postgres: shared.handles.postgres.clone(),
            guarded: shared.guarded.clone(),
            channel: triggers::channel(schema),
            prefix: shared.prefix.clone(),
            tables: shared.tables.iter().filter(|t| t.options.cache_notify).cloned().collect(),
            heard: Arc::clone(heard),
            flights: Arc::clone(&shared.flights),
        }
    }

    fn cache(&self) -> &LocalCache {
        self.guarded.redis()
    }

    async fn run(self) {
        let mut pause = Duration::from_millis(limits::CACHE_LISTEN_PAUSE_MS);
        loop {
            let began = Instant::now();
            let Err(error) = self.listen().await;
            self.heard.distrust();
            self.heard.first.store(false, Ordering::Release);
            self.heard.gaps.fetch_add(1, Ordering::Relaxed);
            // What this process holds may have changed unheard.
            self.cache().forget_all_here();
            self.flights.leave_all();
            tracing::debug!(%error, "changes of cached rows are not heard: the cache is passed over");
            if began.elapsed() > Duration::from_millis(limits::CACHE_LISTEN_PAUSE_MAX_MS) {
                pause = Duration::from_millis(limits::CACHE_LISTEN_PAUSE_MS);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(limits::CACHE_LISTEN_PAUSE_MAX_MS));
        }
    }

    /// Listens until the connection ends or shows no sign of life.
    async fn listen(&self) -> Result<std::convert::Infallible> {
        let mut listener = Listener::open(&self.postgres, &self.channel).await?;
        let token = random::token(12)?;
        listener.say(&json!({"hello": token}).to_string()).await?;
        let mut order = Order { own: token, is_covered: false, is_kept: true, server: None };
        let within = tokio::time::Instant::now() + Duration::from_millis(limits::CACHE_GREETING_MS);
        while !order.is_covered {
            match tokio::time::timeout_at(within, listener.next()).await {
                Ok(notice) => self.take(&listener, &[notice.ok_or_else(gone)?], &mut order).await?,
                Err(_) => break,
            }
        }
        let mut in_order = order.is_covered && order.is_kept;
        loop {
            let asked = Instant::now();
            let mut heard = Vec::new();
            listener.ask(Duration::from_millis(limits::CACHE_LISTEN_ASK_MS), &mut heard).await?;
            order.is_kept = in_order;
            self.take(&listener, &heard, &mut order).await?;
            let known = order.server.is_some();
            let same = self.is_same_server(&mut order).await;
            // A cache that was restarted may be an older one: what was taken off since then may be in it again.
            in_order = order.is_kept && same.is_none_or(|same| same || !known);
            if !in_order {
                self.heard.distrust();
                in_order = self.end_all().await;
            }
            if in_order {
                self.heard.trust(asked);
            }
            let until = tokio::time::Instant::now() + Duration::from_millis(limits::CACHE_LISTEN_TICK_MS);
            while let Ok(notice) = tokio::time::timeout_at(until, listener.next()).await {
                order.is_kept = in_order;
                self.take(&listener, &[notice.ok_or_else(gone)?], &mut order).await?;
                in_order = order.is_kept;
                if !in_order {
                    self.heard.distrust();
                    break;
                }
            }
        }
    }

    /// Takes off what notices name, in their order.
    async fn take(&self, listener: &Listener, notices: &[String], order: &mut Order) -> Result<()> {
        for notice in notices {
            match serde_json::from_str(notice) {
                Ok(Said::Changed { model, by, rows }) => {
                    self.heard.notices.fetch_add(1, Ordering::Relaxed);
                    let Some(table) = self.tables.iter().find(|t| t.model.name == model) else { continue };
                    if let Err(error) = self.changed(table, &by, rows).await {
                        tracing::debug!(%error, model, "the cache was not told of a change");
                        order.is_kept = false;
                    }
                }
                Ok(Said::Hello { hello })
                    if hello != order.own && self.heard.is_trusted() && order.is_kept =>
                {
                    listener.say(&json!({"here": hello}).to_string()).await?;
                }
                Ok(Said::Here { here }) if here == order.own => order.is_covered = true,
                _ => {}
            }
        }
        Ok(())
    }

    async fn changed(
        &self,
        table: &Table,
        by: &str,
        rows: Option<Vec<(Vec<String>, Vec<Value>)>>,
    ) -> Result<()> {
        let names = Names::new(&self.prefix, table);
        let place = |(owners, key): (Vec<String>, Vec<Value>)| {
            let id = names.id(&key)?;
            names.place(&owners, &id)
        };
        let places: Option<Vec<_>> = rows.and_then(|rows| rows.into_iter().map(place).collect());
        match places {
            Some(places) => {
                places.iter().for_each(|place| self.flights.leave(&place.entry));
                self.cache().void(&places, by).await.map(drop)
            }
            None => {
                self.flights.leave_all();
                self.cache().end_all(&names.mark()).await
            }
        }
    }

    /// Ends every entry; whether that was done.
    async fn end_all(&self) -> bool {
        self.flights.leave_all();
        for table in &self.tables {
            if self.cache().end_all(&Names::new(&self.prefix, table).mark()).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Whether the cache's server is the process that it was; `None` if it does not say.
    async fn is_same_server(&self, order: &mut Order) -> Option<bool> {
        let ask = |mut redis: redis::aio::ConnectionManager| async move {
            redis::cmd("INFO").arg("server").query_async::<String>(&mut redis).await
        };
        let info = self.cache().work(Repeat::Idempotent, ask).await.ok()?;
        let run = info.lines().find_map(|line| line.strip_prefix("run_id:"))?.trim().to_owned();
        let same = order.server.as_ref() == Some(&run);
        order.server = Some(run);
        Some(same)
    }
}

/// Where this process stands.
struct Order {
    own: String,
    /// Somebody else has listened until this process did.
    is_covered: bool,
    /// All that was heard was taken off.
    is_kept: bool,
    /// The cache's server.
    server: Option<String>,
}

fn gone() -> Error {
    Error::new(&services::CONNECTION_LOST, "the connection that listens has ended")
}
