//! Connections whose statement ends with the work that waits for it.
//!
//! Nobody tells PostgreSQL that an answer is not waited for any more: it would carry the statement on to its end or its time limit,
//! with its locks, and who gets the connection next would wait behind it. So work that is dropped before it has ended has its
//! connections taken out of the pool, and what they do is cancelled.
//!
//! Dropped before its end is what is dropped while nobody polls it: what ends by itself lets go of its connections while it is polled.

use std::cell::RefCell;
use std::future::poll_fn;
use std::ops::{Deref, DerefMut};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use deadpool_postgres::{ClientWrapper, Object};
use hallmark_core::Result;
use tokio_postgres::NoTls;

use super::{Postgres, PostgresConfig, error, tls};
use crate::limits;

thread_local! {
    /// Whether the work is polled that this thread polls now, which is so; kept by what outlives the poll.
    static POLLED: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// One poll of cancellable work.
struct Turn {
    polled: Arc<AtomicBool>,
    before: Option<Arc<AtomicBool>>,
}

impl Turn {
    fn begin(polled: &Arc<AtomicBool>) -> Self {
        polled.store(true, Ordering::Relaxed);
        let before = POLLED.with_borrow_mut(|current| current.replace(Arc::clone(polled)));
        Self { polled: Arc::clone(polled), before }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.polled.store(false, Ordering::Relaxed);
        POLLED.with_borrow_mut(|current| *current = self.before.take());
    }
}

/// The work; if this is dropped before it has ended, the statements of the connections that it holds are cancelled. What it spawns is not part of it.
pub async fn cancelling<T>(work: impl Future<Output = T>) -> T {
    let polled = Arc::new(AtomicBool::new(false));
    let mut work = pin!(work);
    poll_fn(|context| {
        let _turn = Turn::begin(&polled);
        work.as_mut().poll(context)
    })
    .await
}

/// A connection of the pool, or one taken out of it. It goes back, or is closed, when it is dropped.
#[derive(Debug)]
pub struct Held {
    /// `None` only while it is dropped.
    connection: Option<Connection>,
    /// Whether the work that took it is polled; `None` if it was not taken by work that may be cancelled.
    polled: Option<Arc<AtomicBool>>,
    config: Option<Arc<PostgresConfig>>,
}

#[derive(Debug)]
enum Connection {
    Pooled(Object),
    Alone(ClientWrapper),
}

impl Connection {
    fn into_client(self) -> ClientWrapper {
        match self {
            Self::Pooled(object) => Object::take(object),
            Self::Alone(client) => client,
        }
    }
}

/// One that was taken without being held: what it does goes on when its work is dropped.
impl From<Object> for Held {
    fn from(object: Object) -> Self {
        Self { connection: Some(Connection::Pooled(object)), polled: None, config: None }
    }
}

impl Held {
    /// The connection out of the pool, for settings and locks that must not outlive the work in one that others get.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.connection = self.connection.take().map(|c| Connection::Alone(c.into_client()));
        self
    }
}

#[expect(clippy::expect_used, reason = "a connection is taken out where it is dropped, and there alone")]
impl Deref for Held {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        match self.connection.as_ref().expect("it is there until it is dropped") {
            Connection::Pooled(object) => object,
            Connection::Alone(client) => client,
        }
    }
}

#[expect(clippy::expect_used, reason = "a connection is taken out where it is dropped, and there alone")]
impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut ClientWrapper {
        match self.connection.as_mut().expect("it is there until it is dropped") {
            Connection::Pooled(object) => object,
            Connection::Alone(client) => client,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let is_given_up = self.polled.as_ref().is_some_and(|polled| !polled.load(Ordering::Relaxed));
        if !is_given_up {
            return;
        }
        let Some(client) = self.connection.take().map(Connection::into_client) else { return };
        // Without a run time nothing can be sent: the connection is closed, and the server's time limit holds.
        if let (Ok(runtime), Some(config)) = (tokio::runtime::Handle::try_current(), self.config.take()) {
            drop(runtime.spawn(async move { quiet(&client, &config, || client.batch_execute("")).await }));
        }
    }
}

/// Cancels what the connection does until it does nothing. A request that comes before the statement it is for has no effect, so it is
/// made again. `nothing` asks nothing on the connection.
pub(super) async fn quiet<F>(client: &ClientWrapper, config: &PostgresConfig, nothing: impl Fn() -> F)
where
    F: Future<Output = Result<(), tokio_postgres::Error>>,
{
    for _ in 0..limits::CANCEL_ATTEMPTS {
        if let Ok(Err(failure)) = tokio::time::timeout(limits::CANCEL_PATIENCE, cancel(client, config)).await
        {
            tracing::debug!(error = %failure, "a statement that nobody waits for could not be cancelled");
        }
        // What was begun before is answered before: a transaction that was dropped is rolled back by then.
        if let Ok(answered) = tokio::time::timeout(limits::CANCEL_PAUSE, nothing()).await {
            return drop(answered);
        }
    }
    tracing::warn!(place = config.host, "a statement that nobody waits for goes on until its time limit");
}

async fn cancel(client: &ClientWrapper, config: &PostgresConfig) -> Result<()> {
    let token = client.cancel_token();
    if config.require_tls {
        token.cancel_query(tls::connector(config)?).await.map_err(error)
    } else {
        token.cancel_query(NoTls).await.map_err(error)
    }
}

impl Postgres {
    /// As [`Postgres::client`]; what it does is cancelled if it was taken by [`cancelling`] work that is dropped before its end.
    ///
    /// # Errors
    /// As [`Postgres::client`].
    pub async fn held(&self) -> Result<Held> {
        let connection = Some(Connection::Pooled(self.client().await?));
        let polled = POLLED.with_borrow(Option::clone);
        Ok(Held { connection, polled, config: self.shared_config() })
    }
}
