//! The one connection of a migration: its lock, its timeouts, its patience.

use std::time::{Duration, Instant};

use hallmark_core::{Error, Result};
use hallmark_services::postgres::Postgres;
use tokio_postgres::{Client, GenericClient};

use super::render::ident;
use crate::sql::failure;
use crate::{codes, limits};

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long a statement waits for its lock, and so the longest that it makes others wait who queue behind it.
    pub lock_timeout: Duration,
    /// How often a lock is tried for.
    pub lock_attempts: u32,
    /// How long a statement may take that looks at or writes all rows.
    pub statement_timeout: Duration,
    /// How long another migration is waited for.
    pub wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_millis(limits::MIGRATE_LOCK_TIMEOUT_MS),
            lock_attempts: limits::MIGRATE_LOCK_ATTEMPTS,
            statement_timeout: Duration::from_millis(limits::MIGRATE_STATEMENT_TIMEOUT_MS),
            wait: Duration::from_millis(limits::MIGRATE_WAIT_MS),
        }
    }
}

/// A connection of its own that holds the lock on the schema's migrations; the lock goes with it.
pub(super) struct Session {
    client: deadpool_postgres::ClientWrapper,
}

impl Session {
    /// Connects and takes the lock; `waiting` is told once if another one has it.
    pub(super) async fn open(
        postgres: &Postgres,
        schema: &str,
        wait: Duration,
        waiting: &(dyn Fn() + Send + Sync),
    ) -> Result<Self> {
        // Taken out of the pool: settings and lock must not outlive this work in a connection that others get.
        let client = deadpool_postgres::Object::take(postgres.client().await?);
        let session = Self { client };
        let path = format!(
            "SET application_name = 'hallmark migrate'; SET client_min_messages = warning; SET TimeZone = 'UTC'; SET search_path = {}",
            ident(schema)
        );
        session.client().batch_execute(&path).await.map_err(failure)?;
        // A server that does not know it, or may not set it, notices later that this program died, and keeps the lock till then.
        let _ = session.client().batch_execute("SET client_connection_check_interval = '1s'").await;
        session.lock(schema, wait, waiting).await?;
        Ok(session)
    }

    /// Asks again and again. One that waited in the server would hold a snapshot, for which `CREATE INDEX CONCURRENTLY` of the
    /// one who has the lock waits: both would wait for ever.
    async fn lock(&self, schema: &str, wait: Duration, waiting: &(dyn Fn() + Send + Sync)) -> Result<()> {
        let until = Instant::now() + wait;
        let mut told = false;
        loop {
            if try_lock(self.client(), schema).await? {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(busy(self.client(), schema).await);
            }
            if !told {
                waiting();
                told = true;
            }
            tokio::time::sleep(Duration::from_millis(limits::MIGRATE_LOCK_POLL_MS)).await;
        }
    }

    /// The connection.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The connection, for a transaction.
    pub(super) fn client_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

/// The name that the lock on a schema is made of.
fn lock_name(schema: &str) -> String {
    format!("hallmark schema {schema}")
}

async fn try_lock(client: &impl GenericClient, schema: &str) -> Result<bool> {
    let text = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))";
    let row = client.query_one(text, &[&lock_name(schema)]).await.map_err(failure)?;
    Ok(row.get(0))
}

/// Whether somebody migrates this schema just now.
pub(super) async fn is_locked(client: &impl GenericClient, schema: &str) -> Result<bool> {
    Ok(holder(client, schema).await?.is_some())
}

/// Who has the lock: its process and what it does.
async fn holder(client: &impl GenericClient, schema: &str) -> Result<Option<String>> {
    let text = "SELECT format('process %s of the server (%s, %s)', a.pid, coalesce(nullif(a.application_name, ''), 'unnamed'), coalesce(a.state, 'unknown'))
        FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid, (SELECT hashtextextended($1, 0) AS key) k
        WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND (l.classid::bigint << 32) | l.objid::bigint = k.key AND a.pid <> pg_backend_pid()";
    let row = client.query_opt(text, &[&lock_name(schema)]).await.map_err(failure)?;
    Ok(row.map(|r| r.get(0)))
}

async fn busy(client: &impl GenericClient, schema: &str) -> Error {
    let who = holder(client, schema).await.ok().flatten();
    let error =
        Error::new(&codes::MIGRATOR_BUSY, format!("another migration of schema {schema} is under way"));
    let error = match who {
        Some(who) => error.because_text(format!("the lock is held by {who}")),
        None => error,
    };
    error.next("wait until it is done, then look: hallmark models migrate --status")
}

/// Who keeps a lock on a table from being granted.
pub(super) async fn blockers(client: &impl GenericClient, schema: &str, table: &str) -> Vec<String> {
    let text = "SELECT format('process %s (%s, %s for %s s): %s', a.pid, coalesce(nullif(a.application_name, ''), 'unnamed'), a.state,
            round(extract(epoch FROM now() - a.xact_start)), left(regexp_replace(a.query, '\\s+', ' ', 'g'), 60))
        FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
        WHERE l.locktype = 'relation' AND l.granted AND l.relation = to_regclass($1) AND a.pid <> pg_backend_pid()
        ORDER BY a.xact_start LIMIT 3";
    let name = super::render::qualified(schema, table);
    let rows = client.query(text, &[&name]).await.unwrap_or_default();
    rows.iter().map(|r| r.get(0)).collect()
}
