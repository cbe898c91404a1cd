//! Connections for single statements that write: each serves one caller at a time, who drives it.
//!
//! A connection of the pool is driven by a task of its own, so that a statement costs two changes of threads more than it needs.
//! A statement that writes may wait for a lock, so nobody is sent behind it on the same connection, as reads by key are. Those for
//! whom there is no place take a connection of the pool, with its bounded wait.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hallmark_core::Result;
use tokio_postgres::Row;

use super::Postgres;
use super::driven::Driven;
use super::held::quiet;
use super::prepared::Prepared;
use crate::limits;

/// The connections of one process to one server.
#[derive(Debug)]
pub(crate) struct Solos {
    pool: Postgres,
    idle: Mutex<Vec<Arc<Driven>>>,
    /// How many are taken now.
    taken: AtomicUsize,
}

/// A place among those that may be taken at once.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection while it serves a caller. One whose answer was read to its end serves another; what the other does is cancelled.
struct Taken<'a> {
    solos: &'a Solos,
    client: Arc<Driven>,
    is_answered: bool,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let client = Arc::clone(&self.client);
        if self.is_answered {
            return self.solos.idle().push(client);
        }
        // Without a run time nothing can be sent: the connection is closed, and the server's time limit holds.
        if let (Ok(runtime), Some(config)) =
            (tokio::runtime::Handle::try_current(), self.solos.pool.shared_config())
        {
            drop(runtime.spawn(async move {
                quiet(&client, &config, || async { client.drive(pin!(client.batch_execute(""))).await })
                    .await;
            }));
        }
    }
}

impl Solos {
    /// Nothing is contacted yet.
    pub(crate) fn new(pool: &Postgres) -> Self {
        Self { pool: pool.clone(), idle: Mutex::default(), taken: AtomicUsize::new(0) }
    }

    /// Runs the statement, once, and gives what it returns.
    ///
    /// # Errors
    /// Those of [`Postgres::client`], and the server's. A statement that its caller gives up is cancelled.
    pub(crate) async fn rows(&self, statement: Prepared<'_>) -> Result<Vec<Row>> {
        let Some(_place) = self.enter() else {
            // In a box, as connecting is: it happens seldom, and would make each call as large.
            let alone = async { statement.rows(&*self.pool.held().await?).await };
            return Box::pin(alone).await;
        };
        let client = match self.open() {
            Some(client) => client,
            None => Arc::new(Box::pin(self.pool.connect()).await?),
        };
        let mut taken = Taken { solos: self, client, is_answered: false };
        let rows = statement.driven(&taken.client).await;
        taken.is_answered = true;
        rows
    }

    fn enter(&self) -> Option<Place<'_>> {
        let place = Place(&self.taken);
        (self.taken.fetch_add(1, Ordering::Relaxed) < limits::SOLOS_MAX).then_some(place)
    }

    /// One that is idle and was not seen to end.
    fn open(&self) -> Option<Arc<Driven>> {
        loop {
            // Not in the loop's condition: the lock would be held while a connection is looked at.
            let client = self.idle().pop()?;
            if client.is_open() {
                return Some(client);
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Arc<Driven>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
