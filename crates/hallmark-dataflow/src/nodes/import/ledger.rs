//! What is known of imports in parts: a record in a table beside the models', written in the transaction of each part.

use hallmark_core::{Error, Result};
use serde_json::Value;
use tokio_postgres::types::{Json, ToSql};
use tokio_postgres::{GenericClient, Row};

use super::rows::Refusal;
use crate::files::{Mark, Prefix};
use crate::slow;
use crate::sql::{self, failure};
use crate::{codes, limits, names};

/// The table of records.
pub(crate) const IMPORTS: &str = "hallmark_imports";
/// The refused rows of imports that leave them out.
pub(crate) const REFUSALS: &str = "hallmark_import_refusals";

/// How many rows there were of each end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) new: u64,
    pub(super) updated: u64,
    pub(super) skipped: u64,
    pub(super) refused: u64,
}

/// An import that was begun.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) id: i64,
    /// The name of its file.
    pub(super) name: String,
    pub(super) options: Value,
    /// The place up to which its rows are in the table.
    pub(super) mark: Mark,
    /// The fields that every row gives, in update mode.
    pub(super) given: Option<Vec<String>>,
    pub(super) totals: Totals,
    /// When it was begun, RFC 3339 in UTC.
    pub(super) started_at: String,
}

impl Record {
    /// Whether a source that begins so is the one that was imported, or what became of it.
    pub(super) fn is_of(&self, prefix: Option<&Prefix>, grows: bool) -> bool {
        prefix.is_some_and(|prefix| self.begins(prefix) && (prefix.is_all || grows && prefix.ends_line))
    }

    /// Whether a source that begins so is the one that was imported, and has its last line grown by now.
    pub(super) fn has_grown(&self, prefix: Option<&Prefix>, grows: bool) -> bool {
        prefix.is_some_and(|prefix| self.begins(prefix) && grows && !prefix.is_all && !prefix.ends_line)
    }

    fn begins(&self, prefix: &Prefix) -> bool {
        self.mark.digest.as_deref() == Some(prefix.digest.as_str())
    }
}

/// What a part leaves behind.
pub(super) struct Step<'a> {
    pub(super) mark: &'a Mark,
    pub(super) given: Option<&'a [String]>,
    pub(super) totals: Totals,
    pub(super) is_last: bool,
    pub(super) refused: &'a [Refusal],
}

/// The records of a model and a tenant.
pub(super) struct Ledger {
    schema: String,
    model: String,
    tenant: String,
    imports: String,
    refusals: String,
}

impl Ledger {
    /// # Errors
    /// `HM-D003` for a schema whose name cannot be quoted.
    pub(super) fn new(schema: &str, model: &str, tenant: &str) -> Result<Self> {
        let quoted = names::quote(schema)?;
        Ok(Self {
            imports: format!("{quoted}.{IMPORTS}"),
            refusals: format!("{quoted}.{REFUSALS}"),
            schema: schema.to_owned(),
            model: model.to_owned(),
            tenant: tenant.to_owned(),
        })
    }

    /// Makes the tables, if they are missing.
    pub(super) async fn prepare(&self, client: &mut tokio_postgres::Client) -> Result<()> {
        if self.is_there(client).await? {
            return Ok(());
        }
        let transaction = client.transaction().await.map_err(failure)?;
        let lock = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
        let name = format!("hallmark imports {}", self.schema);
        transaction.query_one(lock, &[&name]).await.map_err(failure)?;
        let text = format!(
            "SET LOCAL client_min_messages = warning;
            CREATE TABLE IF NOT EXISTS {imports} (
                id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                model text NOT NULL, tenant text NOT NULL, name text NOT NULL, options jsonb NOT NULL,
                state text NOT NULL, rows bigint NOT NULL, bytes bigint NOT NULL, line bigint NOT NULL, digest text NOT NULL,
                given jsonb, imported bigint NOT NULL, updated bigint NOT NULL, skipped bigint NOT NULL, refused bigint NOT NULL,
                started_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
            CREATE TABLE IF NOT EXISTS {refusals} (
                import bigint NOT NULL REFERENCES {imports} ON DELETE CASCADE,
                \"row\" bigint NOT NULL, line bigint NOT NULL, \"column\" text, code text NOT NULL, message text NOT NULL,
                PRIMARY KEY (import, \"row\"))",
            imports = self.imports,
            refusals = self.refusals,
        );
        transaction.batch_execute(&text).await.map_err(failure)?;
        sql::commit(transaction.commit()).await
    }

    async fn is_there(&self, client: &impl GenericClient) -> Result<bool> {
        let row = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&self.imports]).await;
        row.and_then(|row| row.try_get(0)).map_err(failure)
    }

    /// The imports that did not end, or all, the last one first.
    pub(super) async fn records(&self, client: &impl GenericClient, ended_too: bool) -> Result<Vec<Record>> {
        if !self.is_there(client).await? {
            return Ok(Vec::new());
        }
        let text = format!(
            "SELECT id, name, options, rows, bytes, line, digest, given, imported, updated, skipped, refused,
                to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')
            FROM {} WHERE model = $1 AND tenant = $2 AND (state <> 'done' OR $3)
            ORDER BY state = 'done', updated_at DESC, id DESC LIMIT $4",
            self.imports
        );
        let most = limits::IMPORT_RECORDS_MAX;
        let rows = client.query(&text, &[&self.model, &self.tenant, &ended_too, &most]).await;
        rows.map_err(failure)?.iter().map(|row| record(row).map_err(failure)).collect()
    }

    /// Begins a record, in the transaction of its first part; gives its number. Those that ended long ago are forgotten.
    pub(super) async fn begin(
        &self,
        client: &impl GenericClient,
        name: &str,
        options: &Value,
    ) -> Result<i64> {
        let old = format!(
            "DELETE FROM {} WHERE model = $1 AND tenant = $2 AND state = 'done' AND updated_at < now() - interval '30 days'",
            self.imports
        );
        client.execute(&old, &[&self.model, &self.tenant]).await.map_err(failure)?;
        let text = format!(
            "INSERT INTO {} (model, tenant, name, options, state, rows, bytes, line, digest, imported, updated, skipped, refused)
            VALUES ($1, $2, $3, $4, 'running', 0, 0, 1, '', 0, 0, 0, 0) RETURNING id",
            self.imports
        );
        let row = client.query_one(&text, &[&self.model, &self.tenant, &name, &Json(options)]).await;
        row.and_then(|row| row.try_get(0)).map_err(failure)
    }

    /// Notes a part, in its own transaction. It must be the one after those that are on record.
    ///
    /// # Errors
    /// `HM-D111` if another import went on with the record meanwhile.
    pub(super) async fn advance(
        &self,
        client: &impl GenericClient,
        (id, before): (i64, u64),
        step: &Step<'_>,
    ) -> Result<()> {
        let text = format!(
            "UPDATE {} SET rows = $3, bytes = $4, line = $5, digest = $6, given = $7, imported = $8, updated = $9, skipped = $10,
                refused = $11, state = $12, updated_at = clock_timestamp() WHERE id = $1 AND rows = $2",
            self.imports
        );
        let (mark, totals) = (step.mark, step.totals);
        let digest = mark.digest.as_deref().unwrap_or_default();
        let state = if step.is_last { "done" } else { "running" };
        let given = step.given.map(Json);
        let numbers = [
            before,
            mark.rows,
            mark.offset,
            mark.line,
            totals.new,
            totals.updated,
            totals.skipped,
            totals.refused,
        ]
        .map(big);
        let [before, rows, bytes, line, new, updated, skipped, refused] = &numbers;
        let parameters: [&(dyn ToSql + Sync); 12] =
            [&id, before, rows, bytes, line, &digest, &given, new, updated, skipped, refused, &state];
        let work = async { client.execute(&text, &parameters).await.map_err(failure) };
        if slow::timed(&text, |rows| *rows, work).await? != 1 {
            return Err(busy("another one went on with it meanwhile"));
        }
        self.note(client, id, step.refused).await
    }

    /// Notes refused rows.
    async fn note(&self, client: &impl GenericClient, id: i64, refused: &[Refusal]) -> Result<()> {
        if refused.is_empty() {
            return Ok(());
        }
        let text = format!(
            "INSERT INTO {} SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[])",
            self.refusals
        );
        let rows: Vec<i64> = refused.iter().map(|r| big(r.row)).collect();
        let lines: Vec<i64> = refused.iter().map(|r| big(r.line)).collect();
        let columns: Vec<Option<&str>> = refused.iter().map(|r| r.column.as_deref()).collect();
        let codes: Vec<&str> = refused.iter().map(|r| r.code).collect();
        let messages: Vec<&str> = refused.iter().map(|r| r.message.as_str()).collect();
        let parameters: [&(dyn ToSql + Sync); 6] = [&id, &rows, &lines, &columns, &codes, &messages];
        let work = async { client.execute(&text, &parameters).await.map_err(failure) };
        slow::timed(&text, |rows| *rows, work).await.map(drop)
    }

    /// The refused rows of an import from this number on, as they are told.
    pub(super) async fn refused(
        &self,
        client: &impl GenericClient,
        id: i64,
        (after, most): (i64, i64),
    ) -> Result<Vec<Value>> {
        let text = format!(
            "SELECT jsonb_build_object('row', \"row\", 'line', line, 'column', \"column\", 'code', code, 'message', message)
            FROM {} WHERE import = $1 AND \"row\" > $2 ORDER BY \"row\" LIMIT $3",
            self.refusals
        );
        let rows = client.query(&text, &[&id, &after, &most]).await.map_err(failure)?;
        rows.iter().map(|row| row.try_get(0).map_err(failure)).collect()
    }

    /// Forgets an import; its rows stay.
    pub(super) async fn forget(&self, client: &impl GenericClient, id: i64) -> Result<()> {
        let text = format!("DELETE FROM {} WHERE id = $1", self.imports);
        client.execute(&text, &[&id]).await.map_err(failure).map(|_| ())
    }
}

fn record(row: &Row) -> std::result::Result<Record, tokio_postgres::Error> {
    let number = |at| row.try_get::<_, i64>(at).map(i64::unsigned_abs);
    Ok(Record {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        options: row.try_get(2)?,
        mark: Mark { rows: number(3)?, offset: number(4)?, line: number(5)?, digest: row.try_get(6)? },
        given: row.try_get::<_, Option<Json<Vec<String>>>>(7)?.map(|json| json.0),
        totals: Totals { new: number(8)?, updated: number(9)?, skipped: number(10)?, refused: number(11)? },
        started_at: row.try_get(12)?,
    })
}

fn big(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The error of a second import of the same file.
pub(super) fn busy(why: &str) -> Error {
    Error::new(&codes::IMPORT_BUSY, "another import of this file is under way")
        .because_text(why)
        .next("wait until it is done, then look at what is in the table")
}
