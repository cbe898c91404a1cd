//! Connections that callers share: statements that find a row by its key go on the wire one behind another, without waiting for
//! the answers of those before. A connection of the pool would be one caller's alone for each of them.
//!
//! What may wait for a lock or run long does not belong here: who comes behind it waits, too. The lane that fewest wait for is
//! taken, so that one that does not move is left alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use deadpool_postgres::ClientWrapper;
use hallmark_core::{Error, Result};
use tokio::sync::Mutex;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use super::Postgres;
use crate::limits;

/// A statement that finds rows by their keys; its text is one of few, for it stays prepared.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'a> {
    /// The statement.
    pub text: &'a str,
    /// The types of its parameters.
    pub types: &'a [Type],
    /// Its parameters.
    pub parameters: &'a [&'a (dyn ToSql + Sync)],
    /// What a failure means for the caller.
    pub failure: fn(tokio_postgres::Error) -> Error,
}

impl Lookup<'_> {
    /// The rows, over this connection.
    ///
    /// # Errors
    /// As [`Lookup::failure`] says.
    pub(crate) async fn rows(&self, client: &ClientWrapper) -> Result<Vec<Row>> {
        match self.prepared(client).await {
            // "cached plan must not change result type": a column has another type since the statement was prepared.
            Err(error) if error.code() == Some(&SqlState::FEATURE_NOT_SUPPORTED) => {
                client.statement_cache.remove(self.text, self.types);
                self.prepared(client).await.map_err(self.failure)
            }
            other => other.map_err(self.failure),
        }
    }

    async fn prepared(&self, client: &ClientWrapper) -> Result<Vec<Row>, tokio_postgres::Error> {
        let statement = client.prepare_typed_cached(self.text, self.types).await?;
        client.query(&statement, self.parameters).await
    }
}

/// The shared connections to one server.
#[derive(Debug)]
pub(crate) struct Lanes {
    pool: Postgres,
    lanes: Vec<Lane>,
}

#[derive(Default)]
struct Lane {
    /// Who is on it now.
    taken: AtomicUsize,
    client: std::sync::Mutex<Option<Arc<ClientWrapper>>>,
    /// Held by who connects.
    opening: Mutex<()>,
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").field("taken", &self.taken).finish_non_exhaustive()
    }
}

/// A place on a lane, given up when it is dropped. Who gives up waiting for an answer leaves a connection behind that may be cut without
/// a word: the next one makes a new one, and those who are still on the old one keep it.
struct Place<'a> {
    lane: &'a Lane,
    is_answered: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.lane.taken.fetch_sub(1, Ordering::Relaxed);
        if !self.is_answered {
            *self.lane.client() = None;
        }
    }
}

impl Lanes {
    /// Lanes to the server of this pool; nothing is contacted yet.
    pub(crate) fn new(pool: &Postgres) -> Self {
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(limits::LANES_MAX);
        Self { pool: pool.clone(), lanes: std::iter::repeat_with(Lane::default).take(count).collect() }
    }

    /// The rows of a lookup.
    ///
    /// # Errors
    /// Those of [`Postgres::client`], and the server's.
    pub(crate) async fn rows(&self, lookup: Lookup<'_>) -> Result<Vec<Row>> {
        let Some(lane) = self.lanes.iter().min_by_key(|lane| lane.taken.load(Ordering::Relaxed)) else {
            return lookup.rows(&*self.pool.client().await?).await;
        };
        if lane.taken.fetch_add(1, Ordering::Relaxed) >= limits::LANE_TAKEN_MAX {
            lane.taken.fetch_sub(1, Ordering::Relaxed);
            // Nothing moves on any lane: a connection of one's own does not wait for those before.
            return lookup.rows(&*self.pool.client().await?).await;
        }
        let mut place = Place { lane, is_answered: false };
        let client = match lane.open() {
            Some(client) => client,
            None => self.connect(lane).await?,
        };
        let rows = lookup.rows(&client).await;
        place.is_answered = true;
        rows
    }

    async fn connect(&self, lane: &Lane) -> Result<Arc<ClientWrapper>> {
        let _opening = lane.opening.lock().await;
        if let Some(client) = lane.open() {
            return Ok(client);
        }
        let client = Arc::new(self.pool.connect().await?);
        *lane.client() = Some(Arc::clone(&client));
        Ok(client)
    }
}

impl Lane {
    fn client(&self) -> std::sync::MutexGuard<'_, Option<Arc<ClientWrapper>>> {
        self.client.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The connection, if it is open.
    fn open(&self) -> Option<Arc<ClientWrapper>> {
        self.client().as_ref().filter(|client| !client.is_closed()).map(Arc::clone)
    }
}
