//! What the statements of a node are, told to an explanation while the node runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hallmark_core::{Error, Result};
use serde_json::Value;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{GenericClient, Row};

use crate::sql::failure;
use crate::{codes, limits};

tokio::task_local! {
    static CURRENT: Trace;
}

/// Whether statements are carried out while they are explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They are: they only read.
    Run,
    /// They are not, and seem to find nothing.
    PlanOnly,
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// Its text; values are parameters.
    pub sql: String,
    /// The types of its parameters.
    pub parameters: Vec<String>,
    /// PostgreSQL's `EXPLAIN (FORMAT JSON)`, with times and rows if it was carried out. Its conditions name values of the input.
    pub plan: Value,
}

/// What an explanation has seen so far.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    mode: Mode,
    seen: Arc<Mutex<Vec<Explained>>>,
}

impl Trace {
    /// Runs the work, and tells its statements.
    pub(crate) async fn of<F: Future>(mode: Mode, work: F) -> (F::Output, Vec<Explained>) {
        let trace = Self { mode, seen: Arc::default() };
        let output = CURRENT.scope(trace.clone(), work).await;
        let seen = std::mem::take(&mut *trace.seen());
        (output, seen)
    }

    /// The explanation that is under way, if any.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Explains a statement; gives what it is to have found, if it is not carried out.
    ///
    /// # Errors
    /// Those of the statement.
    pub(crate) async fn see(
        &self,
        client: &impl GenericClient,
        text: &str,
        typed: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Option<Vec<Row>>> {
        let how = match self.mode {
            Mode::Run => "ANALYZE, BUFFERS, VERBOSE, FORMAT JSON",
            Mode::PlanOnly => "VERBOSE, FORMAT JSON",
        };
        let rows = client.query_typed(&format!("EXPLAIN ({how}) {text}"), typed).await.map_err(failure)?;
        let plan = rows.first().map(|row| row.try_get(0).map_err(failure)).transpose()?;
        self.seen().push(Explained {
            sql: text.to_owned(),
            parameters: typed.iter().map(|(_, ty)| ty.name().to_owned()).collect(),
            plan: plan.unwrap_or_default(),
        });
        Ok((self.mode == Mode::PlanOnly).then(Vec::new))
    }

    fn seen(&self) -> MutexGuard<'_, Vec<Explained>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Explains a statement for values that nobody knows: the plan that PostgreSQL makes for all of them. Nothing is carried out.
///
/// # Errors
/// Those of the statement, which may be one that has no plan.
pub(crate) async fn generic(
    client: &mut deadpool_postgres::ClientWrapper,
    text: &str,
    parameters: &[String],
) -> Result<Explained> {
    let name = format!("hallmark_slow_{}", hallmark_core::random::token(8)?);
    let types = if parameters.is_empty() { String::new() } else { format!(" ({})", parameters.join(", ")) };
    let transaction = client.transaction().await.map_err(failure)?;
    let settings = format!(
        "SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL statement_timeout = {}",
        limits::SLOW_PLAN_TIMEOUT_MS
    );
    transaction.batch_execute(&settings).await.map_err(failure)?;
    // One statement and no more: that is what the extended protocol takes.
    transaction.execute(&format!("PREPARE {name}{types} AS {text}"), &[]).await.map_err(failure)?;
    let nulls = vec!["NULL"; parameters.len()].join(", ");
    let given = if parameters.is_empty() { String::new() } else { format!(" ({nulls})") };
    let explain = format!("EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE {name}{given}");
    let plan = transaction.query_one(&explain, &[]).await.and_then(|row| row.try_get(0)).map_err(failure);
    transaction.rollback().await.map_err(failure)?;
    // What was prepared outlives its transaction.
    client.batch_execute(&format!("DEALLOCATE {name}")).await.map_err(failure)?;
    Ok(Explained { sql: text.to_owned(), parameters: parameters.to_vec(), plan: plan? })
}

/// What ends a node whose next step needs what the statement before would have found.
pub(crate) fn ended() -> Error {
    Error::new(&codes::BAD_PARAMETER, "explained, and not carried out")
}
