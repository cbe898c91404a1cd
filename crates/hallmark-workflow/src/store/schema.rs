//! The tables of runs, their versions and the statements on them.

use deadpool_postgres::Object;
use hallmark_core::{Error, Result, digest};
use hallmark_services::postgres;

use crate::codes;

/// Each version's statements, in order; `{s}` stands for the schema. Never edit one that was released: add another.
const MIGRATIONS: &[&str] = &["
CREATE TABLE {s}.run (
    run_id uuid PRIMARY KEY,
    workflow text NOT NULL,
    status text NOT NULL,
    caller text NOT NULL,
    tenant text,
    session text,
    idempotency_key text,
    digest text NOT NULL,
    owner text NOT NULL,
    inputs text NOT NULL,
    result text,
    error text,
    started_at timestamptz NOT NULL,
    duration_us bigint NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX run_idempotency ON {s}.run (caller, coalesce(tenant, ''), idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX run_session ON {s}.run (session, run_id DESC) WHERE session IS NOT NULL;
CREATE INDEX run_running ON {s}.run (owner) WHERE status = 'running';
CREATE TABLE {s}.run_node (
    run_id uuid NOT NULL REFERENCES {s}.run ON DELETE CASCADE,
    position int NOT NULL,
    id text NOT NULL,
    node text NOT NULL,
    status text NOT NULL,
    result text,
    error text,
    started_at timestamptz,
    duration_us bigint NOT NULL,
    PRIMARY KEY (run_id, position)
);
"];

/// Settings of the connection that holds the lock.
pub(super) const HOLD: &str = "SET idle_session_timeout = 0; SET tcp_keepalives_idle = 30; \
    SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3";

/// The statements on one schema. Its name has been checked, and is the only text that is put into SQL.
pub(super) struct Sql {
    pub(super) schema: String,
    pub(super) begin: String,
    pub(super) before: String,
    pub(super) finish: String,
    pub(super) get: String,
    pub(super) nodes: String,
    pub(super) list: String,
    pub(super) list_session: String,
    pub(super) owners: String,
    pub(super) reap: String,
}

const SUMMARY: &str = "run_id, workflow, status, caller, tenant, session, started_at, duration_us";

impl Sql {
    pub(super) fn new(schema: &str) -> Self {
        let sql = |text: &str| text.replace("{s}", schema);
        Self {
            schema: schema.to_owned(),
            begin: sql(
                "INSERT INTO {s}.run (run_id, workflow, status, caller, tenant, session, idempotency_key, digest, \
                 owner, inputs, started_at) VALUES ($1, $2, 'running', $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
            ),
            before: sql("SELECT run_id, digest FROM {s}.run \
                 WHERE caller = $1 AND coalesce(tenant, '') = coalesce($2, '') AND idempotency_key = $3"),
            finish: sql(
                "WITH ended AS (UPDATE {s}.run SET status = $2, result = $3, error = $4, duration_us = $5 \
                 WHERE run_id = $1 RETURNING run_id) \
                 INSERT INTO {s}.run_node (run_id, position, id, node, status, result, error, started_at, duration_us) \
                 SELECT ended.run_id, n.* FROM ended, unnest($6::int[], $7::text[], $8::text[], $9::text[], $10::text[], \
                 $11::text[], $12::timestamptz[], $13::bigint[]) AS n ON CONFLICT DO NOTHING",
            ),
            get: sql(
                "SELECT run_id, workflow, status, caller, tenant, session, inputs, result, error, started_at, duration_us \
                 FROM {s}.run WHERE run_id = $1",
            ),
            nodes: sql("SELECT id, node, status, result, error, started_at, duration_us FROM {s}.run_node \
                 WHERE run_id = $1 ORDER BY position"),
            list: sql(&format!("SELECT {SUMMARY} FROM {{s}}.run ORDER BY run_id DESC LIMIT $1")),
            list_session: sql(&format!(
                "SELECT {SUMMARY} FROM {{s}}.run WHERE session = $2 ORDER BY run_id DESC LIMIT $1"
            )),
            owners: sql("SELECT DISTINCT owner FROM {s}.run WHERE status = 'running' LIMIT 1000"),
            reap: sql(
                "UPDATE {s}.run SET status = 'interrupted', error = $2 WHERE owner = $1 AND status = 'running'",
            ),
        }
    }

    /// The advisory lock that this name stands for.
    pub(super) fn lock(&self, name: &str) -> i64 {
        let digest = digest::sha256(format!("hallmark.workflow/{}/{name}", self.schema).as_bytes());
        i64::from_ne_bytes(u64::from_str_radix(&digest[..16], 16).unwrap_or_default().to_ne_bytes())
    }
}

/// Brings the tables to this program's version, one process at a time.
pub(super) async fn migrate(client: &mut Object, sql: &Sql) -> Result<()> {
    let schema = &sql.schema;
    let newest = i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX);
    let at = version(client, schema).await?;
    if at == newest {
        return Ok(());
    }
    if at < newest {
        let transaction = client.transaction().await.map_err(postgres::error)?;
        let lock = sql.lock("migrate");
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&lock]).await.map_err(postgres::error)?;
        let table = format!(
            "CREATE SCHEMA IF NOT EXISTS {schema}; CREATE TABLE IF NOT EXISTS {schema}.workflow_migration \
             (version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        );
        transaction.batch_execute(&table).await.map_err(postgres::error)?;
        let at = version(&transaction, schema).await?;
        for (version, statements) in (1..=newest).zip(MIGRATIONS).filter(|(version, _)| *version > at) {
            transaction.batch_execute(&statements.replace("{s}", schema)).await.map_err(postgres::error)?;
            let note = format!("INSERT INTO {schema}.workflow_migration (version) VALUES ($1)");
            transaction.execute(&note, &[&version]).await.map_err(postgres::error)?;
        }
        transaction.commit().await.map_err(postgres::error)?;
        return Ok(());
    }
    Err(Error::new(
        &codes::STORE_FORMAT,
        format!("the tables in schema {schema} have version {at}, this program knows {newest}"),
    )
    .next("use the newer Hallmark, or another database"))
}

async fn version(client: &impl deadpool_postgres::GenericClient, schema: &str) -> Result<i32> {
    let table = format!("{schema}.workflow_migration");
    let row =
        client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&table]).await.map_err(postgres::error)?;
    if !row.get::<_, bool>(0) {
        return Ok(0);
    }
    let newest = format!("SELECT coalesce(max(version), 0) FROM {table}");
    let row = client.query_one(&newest, &[]).await.map_err(postgres::error)?;
    Ok(row.get(0))
}
