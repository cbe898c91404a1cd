//! One import of a file at a time: an advisory lock of PostgreSQL that goes with the connection that does the work.

use std::time::{Duration, Instant};

use hallmark_core::{Error, Result};
use hallmark_services::postgres::Held;
use tokio_postgres::GenericClient;

use super::ledger::busy;
use crate::engine::Engine;
use crate::files::{Source, fingerprint};
use crate::limits;
use crate::sql::failure;

/// The name that the lock on a file is made of; `None` for a text, which has no name that two could mean.
pub(super) async fn name(engine: &Engine, tenant: &str, source: &Source) -> Result<Option<String>> {
    let Source::File(path) = source else { return Ok(None) };
    let path = path.clone();
    let print = tokio::task::spawn_blocking(move || fingerprint(&path)).await;
    let print = print.map_err(|e| {
        Error::new(&hallmark_core::codes::INTERNAL, "the file could not be looked at").because(&e)
    })??;
    Ok(Some(format!("hallmark import {} {tenant:?} {print}", engine.table.qualified)))
}

/// Takes the lock for the transaction at hand.
///
/// # Errors
/// `HM-D111` if another import has it.
pub(super) async fn for_transaction(client: &impl GenericClient, name: Option<&str>) -> Result<()> {
    let Some(name) = name else { return Ok(()) };
    let text = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))";
    if is_given(client, text, name).await? { Ok(()) } else { Err(busy("it holds the lock on the file")) }
}

/// A connection of its own that does the work and holds the lock. It is out of the pool: the lock must not outlive the work in a
/// connection that others get, and ends when this program does, once the server gave up what it did for it.
///
/// # Errors
/// `HM-D111` if another import has the lock and keeps it; `patient` waits a while for one that was killed to be noticed.
pub(super) async fn session(engine: &Engine, name: Option<&str>, patient: bool) -> Result<Held> {
    let client = engine.shared.handles.postgres.held().await?.alone();
    client.batch_execute("SET application_name = 'hallmark import'").await.map_err(failure)?;
    // A server that does not know it, or may not set it, notices later that this program died, and keeps the lock till then.
    let _ = client.batch_execute("SET client_connection_check_interval = '1s'").await;
    let Some(name) = name else { return Ok(client) };
    let until = Instant::now() + Duration::from_millis(if patient { limits::IMPORT_WAIT_MS } else { 0 });
    let text = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))";
    while !is_given(&**client, text, name).await? {
        if Instant::now() >= until {
            return Err(busy("it holds the lock on the file"));
        }
        tokio::time::sleep(Duration::from_millis(limits::MIGRATE_LOCK_POLL_MS)).await;
    }
    Ok(client)
}

/// Gives the lock back. Where the connection alone is let go of, the server takes a moment to notice, and the next import is refused.
pub(super) async fn release(client: &Held) {
    // A connection that is broken holds nothing.
    let _ = client.batch_execute("SELECT pg_advisory_unlock_all()").await;
}

async fn is_given(client: &impl GenericClient, text: &str, name: &str) -> Result<bool> {
    let row = client.query_one(text, &[&name]).await;
    row.and_then(|row| row.try_get(0)).map_err(failure)
}
