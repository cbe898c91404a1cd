//! Plans carried out, action by action.

use std::time::Duration;

use hallmark_core::{Error, Result};
use tokio_postgres::GenericClient;

use super::history::History;
use super::plan::{Action, Plan, Step};
use super::render::{ident, qualified};
use super::session::{self, Patience, Session};
use crate::sql::failure;
use crate::{codes, limits};

/// What a migration tells while it runs.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Another migration has the lock.
    Waiting,
    /// An action of a step begins.
    Action {
        /// The step's number from 1.
        step: usize,
        /// The number of steps.
        steps: usize,
        /// The action's number within the step, from 1.
        action: usize,
        /// The step's sentence.
        summary: &'a str,
    },
    /// A lock was not granted in time; it is tried again.
    LockBusy {
        /// The table.
        table: &'a str,
        /// Which attempt this was, from 1.
        attempt: u32,
        /// Who holds it.
        holders: &'a [String],
    },
}

/// Who is told.
pub type Watch<'a> = &'a (dyn Fn(Event<'_>) + Send + Sync);

/// What carries out one plan.
pub(super) struct Runner<'a> {
    pub(super) session: &'a mut Session,
    pub(super) history: &'a History,
    pub(super) id: i64,
    pub(super) patience: Patience,
    /// The command that goes on where this ends.
    pub(super) again: &'a str,
    pub(super) watch: Watch<'a>,
}

impl Runner<'_> {
    /// Carries out all steps. Each action is noted with what it does, so that a killed run is continued where it ended.
    pub(super) async fn all(&mut self, plan: &Plan) -> Result<()> {
        let steps = plan.steps.len();
        for (number, step) in plan.steps.iter().enumerate() {
            for (action, what) in step.actions.iter().enumerate() {
                (self.watch)(Event::Action {
                    step: number + 1,
                    steps,
                    action: action + 1,
                    summary: &step.summary,
                });
                self.patiently(&plan.schema, step, what).await?;
            }
        }
        Ok(())
    }

    /// Tries again while a lock is not granted: waiting longer would make all others wait who come after.
    async fn patiently(&mut self, schema: &str, step: &Step, action: &Action) -> Result<()> {
        let mut pause = Duration::from_millis(limits::MIGRATE_LOCK_POLL_MS);
        let mut attempt = 0;
        loop {
            let error = match self.once(schema, step, action).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            attempt += 1;
            let state = error.code().map_or("", |c| c.code());
            // Not granted in time, or chosen to end a deadlock.
            let again = matches!(state, "55P03" | "40P01");
            if matches!(action, Action::Alone { .. }) || !again {
                self.cleanup(step).await;
            }
            if !again {
                return Err(refused(step, error, self.again));
            }
            let holders = session::blockers(self.session.client(), schema, &step.table).await;
            if attempt >= self.patience.lock_attempts {
                return Err(locked(step, (attempt, &holders), self.again));
            }
            (self.watch)(Event::LockBusy { table: &step.table, attempt, holders: &holders });
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(limits::MIGRATE_LOCK_PAUSE_MS));
        }
    }

    async fn cleanup(&self, step: &Step) {
        let wait = self.patience.lock_timeout.as_millis();
        let _ = self.session.client().batch_execute(&format!("SET lock_timeout = {wait}")).await;
        for sql in &step.cleanup {
            // What cannot be removed now is found by the next plan.
            let _ = self.session.client().batch_execute(sql).await;
        }
    }

    async fn once(
        &mut self,
        schema: &str,
        step: &Step,
        action: &Action,
    ) -> std::result::Result<(), tokio_postgres::Error> {
        let lock = self.patience.lock_timeout;
        let long = self.patience.statement_timeout;
        let brief = lock + Duration::from_millis(limits::MIGRATE_BRIEF_TIMEOUT_MS);
        match action {
            Action::Brief { sql } => self.together(sql, step, (lock, brief)).await,
            Action::Long { sql } => self.together(sql, step, (lock, long)).await,
            Action::Alone { sql } => {
                // Its lock lets others read and write, and it waits for their transactions: that may take as long as they do.
                let client = self.session.client();
                timeouts(client, "", (Duration::ZERO, long)).await?;
                client.batch_execute(sql).await?;
                self.note(self.session.client(), step).await
            }
            Action::Backfill { table, column, value } => {
                self.backfill(schema, (table, column, value), (lock, long)).await?;
                self.note(self.session.client(), step).await
            }
        }
    }

    async fn note(
        &self,
        client: &impl GenericClient,
        step: &Step,
    ) -> std::result::Result<(), tokio_postgres::Error> {
        self.history.done(client, self.id, step).await
    }

    /// Statements and their note in one transaction.
    async fn together(
        &mut self,
        sql: &[String],
        step: &Step,
        limits: (Duration, Duration),
    ) -> std::result::Result<(), tokio_postgres::Error> {
        let (history, id) = (self.history, self.id);
        let transaction = self.session.client_mut().transaction().await?;
        timeouts(&transaction, "LOCAL ", limits).await?;
        for statement in sql {
            transaction.batch_execute(statement).await?;
        }
        history.done(&transaction, id, step).await?;
        transaction.commit().await
    }

    /// Gives rows without a value one, some pages at a time, until there is none: a row is locked for one batch only.
    async fn backfill(
        &mut self,
        schema: &str,
        (table, column, value): (&str, &str, &str),
        limits: (Duration, Duration),
    ) -> std::result::Result<(), tokio_postgres::Error> {
        let (table, column) = (qualified(schema, table), ident(column));
        timeouts(self.session.client(), "", limits).await?;
        loop {
            let pages = "SELECT pg_relation_size(to_regclass($1)) / current_setting('block_size')::bigint";
            let pages: i64 = self.session.client().query_one(pages, &[&table]).await?.get(0);
            let mut page = 0;
            while page <= pages {
                let end = page + limits::MIGRATE_BACKFILL_PAGES;
                let update = format!(
                    "UPDATE {table} SET {column} = {value} WHERE {column} IS NULL AND ctid >= '({page},0)'::tid AND ctid < '({end},0)'::tid"
                );
                self.session.client().batch_execute(&update).await?;
                page = end;
            }
            let left = format!("SELECT EXISTS (SELECT FROM {table} WHERE {column} IS NULL)");
            if !self.session.client().query_one(&left, &[]).await?.get::<_, bool>(0) {
                return Ok(());
            }
        }
    }
}

async fn timeouts(
    client: &impl GenericClient,
    scope: &str,
    (lock, statement): (Duration, Duration),
) -> std::result::Result<(), tokio_postgres::Error> {
    let text = format!(
        "SET {scope}lock_timeout = {}; SET {scope}statement_timeout = {}",
        lock.as_millis(),
        statement.as_millis()
    );
    client.batch_execute(&text).await
}

fn refused(step: &Step, error: tokio_postgres::Error, again: &str) -> Error {
    let state = error.code().map_or("", |c| c.code()).to_owned();
    let Some(db) = error.as_db_error() else {
        return failure(error).next(format!("{again} goes on where this ended"));
    };
    let code = match state.as_str() {
        "57014" => &codes::STEP_TOO_LONG,
        text if text.starts_with("23") || text.starts_with("22") => &codes::ROWS_DO_NOT_FIT,
        _ => &codes::STEP_FAILED,
    };
    let mut coded = Error::new(code, format!("{}: {} (SQLSTATE {state})", step.summary, db.message()));
    for more in [db.detail(), db.hint()].into_iter().flatten() {
        coded = coded.because_text(more);
    }
    coded.at(step.table.clone()).next(format!("mend what it names; {again} then goes on"))
}

fn locked(step: &Step, (attempts, holders): (u32, &[String]), again: &str) -> Error {
    let message =
        format!("{}: the lock on {} was not granted in {attempts} attempts", step.summary, step.table);
    let mut error = Error::new(&codes::LOCKED, message).at(step.table.clone());
    for holder in holders {
        error = error.because_text(format!("held by {holder}"));
    }
    error.next(format!("let the transactions that hold it end; {again} then goes on"))
}
