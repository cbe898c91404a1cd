//! The table of sessions in PostgreSQL.

use deadpool_postgres::Object;
use hallmark_core::{Error, Result, canonical};
use hallmark_services::postgres::Held;
use hallmark_services::{Answer, Guarded, Postgres, postgres};
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::Session;
use crate::{codes, limits};

fn tables(schema: &str) -> String {
    format!(
        "CREATE SCHEMA IF NOT EXISTS {schema};
         CREATE TABLE IF NOT EXISTS {schema}.sessions (
             id text PRIMARY KEY,
             owner text NOT NULL,
             label text NOT NULL,
             data text NOT NULL,
             created_at timestamptz NOT NULL,
             expires_at timestamptz NOT NULL,
             revoked_at timestamptz
         );
         CREATE INDEX IF NOT EXISTS sessions_owner ON {schema}.sessions (owner, created_at DESC);"
    )
}

/// Any two processes that make the tables at once would collide in the catalogue; this lock of ours keeps them apart.
const SCHEMA_LOCK: i64 = 0x4841_4c4c_4e58;

const COLUMNS: &str = "id, owner, label, data, created_at, expires_at, revoked_at";

pub(super) struct Store {
    postgres: Postgres,
    /// A name that needs no quoting: checked where it comes in.
    schema: String,
    made: OnceCell<()>,
    /// Who answers reads while PostgreSQL does not.
    pub(super) guarded: Option<Guarded>,
}

impl Store {
    pub(super) fn new(postgres: Postgres, schema: String) -> Self {
        Self { postgres, schema, made: OnceCell::new(), guarded: None }
    }

    /// A connection to a database that has the table: made at first use, so that a server can start before its database.
    async fn client(&self) -> Result<Object> {
        let mut client = self.postgres.client().await?;
        self.made.get_or_try_init(|| make(&mut client, &self.schema)).await?;
        Ok(client)
    }

    pub(super) async fn insert(&self, session: &Session) -> Result<()> {
        let client = self.client().await?;
        let schema = &self.schema;
        let forgotten =
            format!("DELETE FROM {schema}.sessions WHERE expires_at < now() - interval '30 days'");
        client.execute(&forgotten, &[]).await.map_err(query)?;
        let insert = format!(
            "INSERT INTO {schema}.sessions (id, owner, label, data, created_at, expires_at)
            SELECT $1, $2, $3, $4, $5, $6 WHERE
            (SELECT count(*) FROM {schema}.sessions WHERE owner = $2 AND revoked_at IS NULL AND expires_at > now()) < $7"
        );
        let statement = client.prepare_cached(&insert).await.map_err(query)?;
        let Session { id, owner, label, created_at, expires_at, .. } = session;
        let data = text_of(session);
        let rows = client
            .execute(
                &statement,
                &[id, owner, label, &data, created_at, expires_at, &limits::SESSIONS_PER_PRINCIPAL_MAX],
            )
            .await
            .map_err(query)?;
        if rows == 1 {
            return Ok(());
        }
        Err(Error::new(
            &codes::TOO_MANY_SESSIONS,
            format!("{owner} has {} live sessions already", limits::SESSIONS_PER_PRINCIPAL_MAX),
        )
        .next("revoke some: hallmark session list, hallmark session revoke HANDLE"))
    }

    /// Rows of a select: from the primary, and while that does not answer from whatever may stand in.
    async fn rows(&self, select: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        let work = |client: Held| async move {
            let statement = client.prepare_cached(select).await.map_err(postgres::error)?;
            client.query(&statement, params).await.map_err(postgres::error)
        };
        let Some(guarded) = &self.guarded else {
            let client = self.client().await?;
            let statement = client.prepare_cached(select).await.map_err(query)?;
            return client.query(&statement, params).await.map_err(query);
        };
        if self.made.get().is_none() {
            // The tables are made by whoever writes first; a standby can make none, and then there are no sessions either.
            let _ = guarded.postgres().whole(|| async { self.client().await.map(drop) }).await;
        }
        let rows = guarded.postgres().newest(work).await.map(Answer::into_value);
        rows.map_err(|e| failed("the table of sessions", &e))
    }

    pub(super) async fn get(&self, id: &str) -> Result<Option<Session>> {
        let schema = &self.schema;
        let select = format!("SELECT {COLUMNS} FROM {schema}.sessions WHERE id = $1");
        self.rows(&select, &[&id]).await?.first().map(read).transpose()
    }

    pub(super) async fn list(&self, owner: &str, all: bool, most: usize) -> Result<Vec<Session>> {
        let schema = &self.schema;
        let select = format!(
            "SELECT {COLUMNS} FROM {schema}.sessions WHERE owner = $1 AND ($2 OR (revoked_at IS NULL AND expires_at > now()))
             ORDER BY created_at DESC, id LIMIT $3"
        );
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.rows(&select, &[&owner, &all, &most]).await?.iter().map(read).collect()
    }

    /// Reads, changes and writes one session under its row's lock.
    pub(super) async fn change(
        &self,
        id: &str,
        change: impl FnOnce(Session) -> Result<Session> + Send,
    ) -> Result<Option<Session>> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(query)?;
        let schema = &self.schema;
        let select = format!("SELECT {COLUMNS} FROM {schema}.sessions WHERE id = $1 FOR UPDATE");
        let Some(row) = transaction.query_opt(&select, &[&id]).await.map_err(query)? else { return Ok(None) };
        let session = change(read(&row)?)?;
        let update = format!("UPDATE {schema}.sessions SET data = $2, revoked_at = $3 WHERE id = $1");
        transaction.execute(&update, &[&id, &text_of(&session), &session.revoked_at]).await.map_err(query)?;
        transaction.commit().await.map_err(query)?;
        Ok(Some(session))
    }
}

async fn make(client: &mut Object, schema: &str) -> Result<()> {
    let transaction = client.transaction().await.map_err(query)?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&SCHEMA_LOCK]).await.map_err(query)?;
    transaction.batch_execute(&tables(schema)).await.map_err(query)?;
    transaction.commit().await.map_err(query)
}

/// The data as text rather than `jsonb`, which refuses U+0000 and rewrites numbers.
fn text_of(session: &Session) -> String {
    canonical::to_string(&Value::Object(session.data.clone()))
}

fn read(row: &Row) -> Result<Session> {
    let data: String = row.try_get("data").map_err(query)?;
    Ok(Session {
        id: row.try_get("id").map_err(query)?,
        owner: row.try_get("owner").map_err(query)?,
        label: row.try_get("label").map_err(query)?,
        data: serde_json::from_str(&data).map_err(|e| failed("a session's data", &e))?,
        created_at: row.try_get("created_at").map_err(query)?,
        expires_at: row.try_get("expires_at").map_err(query)?,
        revoked_at: row.try_get("revoked_at").map_err(query)?,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn query(error: tokio_postgres::Error) -> Error {
    failed("the table of sessions", &error)
}

pub(super) fn failed(what: &str, error: &(dyn std::error::Error + 'static)) -> Error {
    Error::new(&codes::SESSION_STORE, format!("{what} could not be used"))
        .because(error)
        .next("hallmark status")
}
