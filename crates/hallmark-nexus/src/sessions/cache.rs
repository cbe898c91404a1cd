//! Redis in front of the table: it may be away, be slow or forget, and nothing is lost.
//!
//! What keeps it honest: the writer of a change overwrites the entry, a reader only fills an empty place, so a late reader cannot
//! bring back what a writer replaced. A write that did not arrive makes this process distrust the cache until every
//! entry that could be stale is gone.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use hallmark_core::Error;
use hallmark_services::Redis;
use redis::aio::ConnectionManager;
use serde::Serialize;

use super::Session;
use crate::limits;

/// How the cache is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum CacheState {
    /// Redis answers.
    Usable,
    /// Redis does not answer: sessions are read from PostgreSQL.
    Down {
        /// Why.
        reason: String,
    },
    /// No Redis is configured: sessions are read from PostgreSQL.
    Absent,
}

pub(super) struct Cache {
    redis: Option<Redis>,
    prefix: String,
    trouble: Mutex<Trouble>,
}

#[derive(Default)]
struct Trouble {
    away_until: Option<Instant>,
    distrusted_until: Option<Instant>,
}

impl Cache {
    /// A cache whose keys begin with the name of the schema that it stands before.
    pub(super) fn new(redis: Option<Redis>, schema: &str) -> Self {
        Self { redis, prefix: format!("{schema}:session:"), trouble: Mutex::default() }
    }

    fn key(&self, id: &str) -> String {
        format!("{}{id}", self.prefix)
    }

    pub(super) async fn get(&self, id: &str) -> Option<Session> {
        if self.distrusted() {
            return None;
        }
        let key = self.key(id);
        let text: Option<String> =
            self.ask(async |mut redis| redis::cmd("GET").arg(&key).query_async(&mut redis).await).await?;
        serde_json::from_str(&text?).ok()
    }

    /// Writes what PostgreSQL has just been told.
    pub(super) async fn put(&self, session: &Session) {
        if self.redis.is_some() && self.set(session, false).await.is_none() {
            let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
            trouble.distrusted_until = Some(Instant::now() + Duration::from_secs(limits::SESSION_CACHE_S));
        }
    }

    /// Writes what was read from PostgreSQL, unless a writer was quicker.
    pub(super) async fn fill(&self, session: &Session) {
        self.set(session, true).await;
    }

    async fn set(&self, session: &Session, only_empty: bool) -> Option<()> {
        let key = self.key(&session.id);
        let text = serde_json::to_string(session).ok()?;
        self.ask(async |mut redis| {
            let mut set = redis::cmd("SET");
            set.arg(&key).arg(&text).arg("EX").arg(limits::SESSION_CACHE_S);
            if only_empty {
                set.arg("NX");
            }
            set.query_async::<redis::Value>(&mut redis).await
        })
        .await
        .map(drop)
    }

    pub(super) async fn state(&self) -> CacheState {
        let Some(redis) = &self.redis else { return CacheState::Absent };
        let ping = async {
            let mut connection = redis.connection().await.map_err(|e| e.to_string())?;
            redis::cmd("PING").query_async::<String>(&mut connection).await.map_err(|e| e.to_string())
        };
        match tokio::time::timeout(Duration::from_millis(limits::CACHE_TIMEOUT_MS * 4), ping).await {
            Ok(Ok(_)) => CacheState::Usable,
            Ok(Err(reason)) => CacheState::Down { reason },
            Err(_) => CacheState::Down { reason: "it does not answer in time".to_owned() },
        }
    }

    /// Asks Redis, briefly; after a failure it is left alone for a while.
    async fn ask<T>(&self, work: impl AsyncFnOnce(ConnectionManager) -> redis::RedisResult<T>) -> Option<T> {
        let redis = self.redis.as_ref()?;
        if self.away() {
            return None;
        }
        let whole = async {
            let connection = redis.connection().await?;
            work(connection)
                .await
                .map_err(|e| Error::new(&crate::codes::SESSION_STORE, "the cache failed").because(&e))
        };
        let failure = match tokio::time::timeout(Duration::from_millis(limits::CACHE_TIMEOUT_MS), whole).await
        {
            Ok(Ok(value)) => return Some(value),
            Ok(Err(error)) => format!("{error:?}"),
            Err(_) => "it does not answer in time".to_owned(),
        };
        tracing::warn!(reason = failure, "the session cache is left alone for a while; PostgreSQL answers");
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.away_until = Some(Instant::now() + Duration::from_secs(limits::CACHE_RETRY_S));
        None
    }

    fn away(&self) -> bool {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.away_until.is_some_and(|until| until > Instant::now())
    }

    fn distrusted(&self) -> bool {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.distrusted_until.is_some_and(|until| until > Instant::now())
    }
}
