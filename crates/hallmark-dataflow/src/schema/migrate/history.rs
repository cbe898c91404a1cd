//! What was migrated: one row each, in a table beside the models'.

use hallmark_core::{Error, Result};
use serde::{Deserialize, Serialize};
use tokio_postgres::GenericClient;
use tokio_postgres::types::Json;

use super::plan::Step;
use super::renames::Renames;
use super::render::qualified;
use super::shape::{HISTORY, Shape};
use crate::sql::failure;
use crate::{codes, limits};

/// How a migration came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The tables were made for an empty schema.
    Created,
    /// The tables were there and were put on record as they are.
    Adopted,
    /// The tables were changed.
    Migrated,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Begun, and neither finished nor given up.
    Running,
    /// Done.
    Applied,
    /// Being taken back.
    Reverting,
    /// Taken back.
    Reverted,
}

impl State {
    /// The word for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "unfinished",
            Self::Applied => "applied",
            Self::Reverting => "being taken back",
            Self::Reverted => "taken back",
        }
    }
}

/// One step that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// What was done.
    pub summary: String,
    /// The number of actions that were done.
    pub actions: usize,
    /// When the last of them was, RFC 3339.
    pub at: String,
}

/// One migration.
#[derive(Clone, Debug, Serialize)]
pub struct Migration {
    /// Its number; they count up.
    pub id: i64,
    /// How it came about.
    pub origin: Origin,
    /// How far it is.
    pub state: State,
    /// When it began, RFC 3339 in UTC.
    pub started_at: String,
    /// When it was done or taken back.
    pub finished_at: Option<String>,
    /// The version of Hallmark that made it.
    pub program: String,
    /// What was done.
    pub steps: Vec<Done>,
    /// The digest of the models.
    #[serde(skip)]
    pub(super) models: String,
    /// The major version of the server.
    #[serde(skip)]
    pub(super) server: i32,
    #[serde(skip)]
    pub(super) before: Shape,
    #[serde(skip)]
    pub(super) after: Shape,
    #[serde(skip)]
    pub(super) renames: Renames,
}

/// What is written when a migration begins.
pub(super) struct Entry<'a> {
    pub(super) origin: Origin,
    pub(super) state: State,
    pub(super) models: &'a str,
    pub(super) before: &'a Shape,
    pub(super) after: &'a Shape,
    pub(super) renames: &'a Renames,
}

/// The records of a schema.
#[derive(Clone, Debug)]
pub(super) struct History {
    table: String,
    schema: String,
}

const TIME: &str = "to_char(%% AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";

impl History {
    pub(super) fn of(schema: &str) -> Self {
        Self { table: qualified(schema, HISTORY), schema: schema.to_owned() }
    }

    /// Makes schema and table, if they are missing.
    pub(super) async fn prepare(&self, client: &impl GenericClient) -> Result<()> {
        let text = format!(
            "SET LOCAL client_min_messages = warning;
            CREATE SCHEMA IF NOT EXISTS {};
            CREATE TABLE IF NOT EXISTS {} (
                id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                origin text NOT NULL, state text NOT NULL,
                started_at timestamptz NOT NULL DEFAULT now(), finished_at timestamptz,
                program text NOT NULL, models text NOT NULL,
                server integer NOT NULL DEFAULT current_setting('server_version_num')::integer / 10000,
                before jsonb NOT NULL, after jsonb NOT NULL, renames jsonb NOT NULL,
                steps jsonb NOT NULL DEFAULT '[]')",
            super::render::ident(&self.schema),
            self.table
        );
        client.batch_execute(&text).await.map_err(failure)
    }

    /// The record that says what should be there, of tables of these names: the last that stands, or if all were taken back the
    /// first. Another project's tables may be in the same schema: its records are not ours.
    pub(super) async fn last(
        &self,
        client: &impl GenericClient,
        tables: &[String],
    ) -> Result<Option<Migration>> {
        let order = "state = 'reverted', CASE WHEN state = 'reverted' THEN id ELSE -id END";
        Ok(self.ordered(client, order, (1, tables)).await?.pop())
    }

    /// The records of tables of these names, the last one first; none if there is no table of records.
    pub(super) async fn read(
        &self,
        client: &impl GenericClient,
        tables: &[String],
    ) -> Result<Vec<Migration>> {
        self.ordered(client, "id DESC", (limits::MIGRATE_HISTORY_MAX, tables)).await
    }

    async fn ordered(
        &self,
        client: &impl GenericClient,
        order: &str,
        (most, tables): (i64, &[String]),
    ) -> Result<Vec<Migration>> {
        let there = "SELECT to_regclass($1) IS NOT NULL";
        if !client.query_one(there, &[&self.table]).await.map_err(failure)?.get::<_, bool>(0) {
            return Ok(Vec::new());
        }
        let text = format!(
            "SELECT id, to_jsonb(origin), to_jsonb(state), {}, {}, program, models, server, before, after, renames, steps
            FROM {} WHERE before -> 'tables' ?| $2 OR after -> 'tables' ?| $2 ORDER BY {order} LIMIT $1",
            TIME.replace("%%", "started_at"),
            TIME.replace("%%", "finished_at"),
            self.table
        );
        let rows = client.query(&text, &[&most, &tables]).await.map_err(failure)?;
        rows.iter()
            .map(|row| {
                let unread = |e: tokio_postgres::Error| {
                    Error::new(&codes::HISTORY, "the records of the migrations cannot be read").because(&e)
                };
                Ok(Migration {
                    id: row.try_get(0).map_err(unread)?,
                    origin: row.try_get::<_, Json<Origin>>(1).map_err(unread)?.0,
                    state: row.try_get::<_, Json<State>>(2).map_err(unread)?.0,
                    started_at: row.try_get(3).map_err(unread)?,
                    finished_at: row.try_get(4).map_err(unread)?,
                    program: row.try_get(5).map_err(unread)?,
                    models: row.try_get(6).map_err(unread)?,
                    server: row.try_get(7).map_err(unread)?,
                    before: row.try_get::<_, Json<Shape>>(8).map_err(unread)?.0,
                    after: row.try_get::<_, Json<Shape>>(9).map_err(unread)?.0,
                    renames: row.try_get::<_, Json<Renames>>(10).map_err(unread)?.0,
                    steps: row.try_get::<_, Json<Vec<Done>>>(11).map_err(unread)?.0,
                })
            })
            .collect()
    }

    /// Begins a record; gives its number.
    pub(super) async fn begin(&self, client: &impl GenericClient, entry: &Entry<'_>) -> Result<i64> {
        let text = format!(
            "INSERT INTO {} (origin, state, program, models, before, after, renames, finished_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, CASE WHEN $2 = 'applied' THEN now() END) RETURNING id",
            self.table
        );
        let row = client
            .query_one(
                &text,
                &[
                    &word(&entry.origin),
                    &word(&entry.state),
                    &env!("CARGO_PKG_VERSION"),
                    &entry.models,
                    &Json(entry.before),
                    &Json(entry.after),
                    &Json(entry.renames),
                ],
            )
            .await
            .map_err(failure)?;
        Ok(row.get(0))
    }

    /// Another target for a record that goes on.
    pub(super) async fn resume(
        &self,
        client: &impl GenericClient,
        id: i64,
        (models, after, renames): (&str, &Shape, &Renames),
    ) -> Result<()> {
        let text = format!(
            "UPDATE {} SET state = 'running', models = $2, after = $3, renames = $4 WHERE id = $1",
            self.table
        );
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&id, &models, &Json(after), &Json(renames)];
        client.execute(&text, &parameters).await.map_err(failure).map(|_| ())
    }

    /// Notes that actions of a step were done: with them in one transaction, or right after those that take none.
    pub(super) async fn done(
        &self,
        client: &impl GenericClient,
        id: i64,
        step: &Step,
    ) -> std::result::Result<(), tokio_postgres::Error> {
        // The last entry is this step's if it has its name: its actions are counted up.
        let text = format!(
            "UPDATE {} SET steps = CASE WHEN steps #>> '{{-1,summary}}' = $2::text
                THEN jsonb_set(jsonb_set(steps, '{{-1,actions}}', to_jsonb((steps #>> '{{-1,actions}}')::int + 1)), '{{-1,at}}', to_jsonb({time}))
                ELSE steps || jsonb_build_object('summary', $2::text, 'actions', 1, 'at', {time}) END
            WHERE id = $1",
            self.table,
            time = TIME.replace("%%", "clock_timestamp()")
        );
        client.execute(&text, &[&id, &step.summary]).await.map(|_| ())
    }

    /// Sets the state; what is there is kept with it once it is done.
    pub(super) async fn settle(
        &self,
        client: &impl GenericClient,
        id: i64,
        state: State,
        after: Option<&Shape>,
    ) -> Result<()> {
        let text = format!(
            "UPDATE {} SET state = $2, after = coalesce($3, after),
                finished_at = CASE WHEN $2 IN ('applied', 'reverted') THEN clock_timestamp() END,
                server = current_setting('server_version_num')::integer / 10000 WHERE id = $1",
            self.table
        );
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&id, &word(&state), &after.map(Json)];
        client.execute(&text, &parameters).await.map_err(failure).map(|_| ())
    }

    /// Notes that these models need no change.
    pub(super) async fn suits(&self, client: &impl GenericClient, id: i64, models: &str) -> Result<()> {
        let text = format!("UPDATE {} SET models = $2 WHERE id = $1", self.table);
        client.execute(&text, &[&id, &models]).await.map_err(failure).map(|_| ())
    }
}

/// The word that a state or an origin is written as.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
