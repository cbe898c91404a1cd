//! Connections that callers share: statements that find a row by its key go on the wire one behind another, without waiting for
//! the answers of those before. A connection of the pool would be one caller's alone for each of them.
//!
//! What may wait for a lock or run long does not belong here: who comes behind it waits, too. The first lane with room is taken, and the
//! one that fewest wait for when all are busy. So a lane that does not move keeps no more than a few, until one of them gives up and the
//! next comer makes its connection anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hallmark_core::Result;
use tokio::sync::Mutex;
use tokio_postgres::Row;

use super::Postgres;
use super::prepared::Prepared;
use super::shared::Shared;
use crate::limits;

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
    client: std::sync::Mutex<Option<Arc<Shared>>>,
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
    pub(crate) async fn rows(&self, lookup: Prepared<'_>) -> Result<Vec<Row>> {
        // In a box: it happens seldom, and would make each call as large.
        let alone = || Box::pin(async move { lookup.rows(&*self.pool.client().await?).await });
        let Some(lane) = self.choose() else { return alone().await };
        let before = lane.taken.fetch_add(1, Ordering::Relaxed);
        if before >= limits::LANE_TAKEN_MAX {
            lane.taken.fetch_sub(1, Ordering::Relaxed);
            // Nothing moves on any lane: a connection of one's own does not wait for those before.
            return alone().await;
        }
        let mut place = Place { lane, is_answered: false };
        let client = match lane.open() {
            Some(client) => client,
            None => Box::pin(self.connect(lane)).await?,
        };
        let rows = client.rows(lookup, before >= limits::LANE_TAKEN_GOOD).await;
        place.is_answered = true;
        rows
    }

    /// The first lane with room: questions behind each other are written, answered and read in one go, and cost half of what they do on
    /// lanes of their own. When all are busy, the one that fewest wait for.
    fn choose(&self) -> Option<&Lane> {
        let taken = |lane: &&Lane| lane.taken.load(Ordering::Relaxed);
        let first = self.lanes.iter().find(|lane| taken(lane) < limits::LANE_TAKEN_GOOD);
        first.or_else(|| self.lanes.iter().min_by_key(taken))
    }

    async fn connect(&self, lane: &Lane) -> Result<Arc<Shared>> {
        let _opening = lane.opening.lock().await;
        if let Some(client) = lane.open() {
            return Ok(client);
        }
        let client = Arc::new(Shared::new(self.pool.connect().await?));
        *lane.client() = Some(Arc::clone(&client));
        Ok(client)
    }
}

impl Lane {
    fn client(&self) -> std::sync::MutexGuard<'_, Option<Arc<Shared>>> {
        self.client.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The connection, if it is open.
    fn open(&self) -> Option<Arc<Shared>> {
        self.client().as_ref().filter(|client| client.is_open()).map(Arc::clone)
    }
}
