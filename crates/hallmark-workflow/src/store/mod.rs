//! Where runs are kept: PostgreSQL, or explicitly nowhere.
//!
//! Values are kept as canonical JSON text, not as `jsonb`: what is read back is then byte for byte what was written, large
//! integers and NUL characters included.
//!
//! A store holds a session-level advisory lock on a connection of its own for as long as it lives. PostgreSQL releases the
//! lock when the process dies, however it dies; a run that is still `running` under a lock that is free was interrupted.

mod records;
mod schema;

use std::fmt;
use std::sync::Arc;

use deadpool_postgres::{ClientWrapper, Object};
use hallmark_core::{Error, Result, canonical, digest};
use hallmark_services::postgres::Held;
use hallmark_services::{Answer, Guarded, Postgres, postgres};
use serde_json::Value;
use tokio::sync::{Mutex, OnceCell};
use uuid::Uuid;

use crate::govern::{echo, mask_value};
use crate::run::Run;
use crate::workflow::Plan;
use crate::{Caller, RunSummary, Sensitivity, codes, limits};

use schema::Sql;

/// The schema that runs are kept in unless another is named.
const SCHEMA: &str = "hallmark";

/// Where runs are kept. Cheap to clone; clones share the connection pool.
#[derive(Clone)]
pub struct RunStore {
    inner: Option<Arc<Inner>>,
}

struct Inner {
    postgres: Postgres,
    sql: Sql,
    /// Names this store among all processes that ever used the tables.
    owner: String,
    ready: OnceCell<()>,
    /// The connection whose lock says that this store lives.
    alive: Mutex<Option<ClientWrapper>>,
    /// Who answers reads while PostgreSQL does not.
    guarded: Option<Guarded>,
}

impl RunStore {
    /// Keeps nothing: for scratch work, and said so by whoever writes it.
    #[must_use]
    pub fn none() -> Self {
        Self { inner: None }
    }

    /// Runs in the schema `hallmark` of this database, once it can be reached: for a server that starts before its services.
    #[must_use]
    pub fn lazy(postgres: &Postgres) -> Self {
        let inner = Inner {
            postgres: postgres.clone(),
            sql: Sql::new(SCHEMA),
            owner: Uuid::now_v7().to_string(),
            ready: OnceCell::new(),
            alive: Mutex::new(None),
            guarded: None,
        };
        Self { inner: Some(Arc::new(inner)) }
    }

    /// Opens the schema `hallmark` of this database: makes or migrates the tables, marks interrupted runs.
    ///
    /// # Errors
    /// `HM-W041` if PostgreSQL is not configured, `HM-W045` if the tables are newer than this program, `HM-W046` or the
    /// service's own error if PostgreSQL does not answer or refuses.
    pub async fn open(postgres: &Postgres) -> Result<Self> {
        Self::open_in(postgres, SCHEMA).await
    }

    /// As [`RunStore::open`], in another schema.
    ///
    /// # Errors
    /// As [`RunStore::open`]; `HM-W024` if the name is not one of lower-case letters, digits and `_`.
    pub async fn open_in(postgres: &Postgres, schema: &str) -> Result<Self> {
        let good = schema.len() <= 63
            && schema.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && schema.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !good {
            return Err(Error::new(
                &codes::BAD_DEFINITION,
                format!("{} cannot be the name of a schema", echo(schema)),
            )
            .next("use lower-case letters, digits and `_`"));
        }
        let inner = Inner {
            postgres: postgres.clone(),
            sql: Sql::new(schema),
            owner: Uuid::now_v7().to_string(),
            ready: OnceCell::new(),
            alive: Mutex::new(None),
            guarded: None,
        };
        drop(inner.client().await?);
        Ok(Self { inner: Some(Arc::new(inner)) })
    }

    /// The same store, whose reads a replica answers while PostgreSQL does not, and whose writes then fail at once. To be called
    /// before the store is cloned.
    #[must_use]
    pub fn guarded(mut self, guarded: &Guarded) -> Self {
        if let Some(inner) = self.inner.as_mut().and_then(Arc::get_mut) {
            inner.guarded = Some(guarded.clone());
        }
        self
    }

    /// Whether a read-only run may go on that cannot be kept: only where fallbacks are wanted at all.
    pub(crate) fn may_pass_over(&self) -> bool {
        let guarded = self.inner.as_ref().and_then(|inner| inner.guarded.as_ref());
        guarded.is_some_and(|guarded| guarded.postgres().line().policy().fallback)
    }

    /// Whether runs are kept nowhere.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.inner.is_none()
    }

    /// The run of this id, with everything that was kept.
    ///
    /// # Errors
    /// `HM-W040` if there is none, `HM-W041` if runs are not kept, the service's own error if PostgreSQL fails.
    pub async fn get(&self, run_id: &str) -> Result<Run> {
        let missing = || {
            Error::new(&codes::RUN_NOT_FOUND, format!("there is no run {}", echo(run_id)))
                .next("list them with: hallmark call runs.list")
        };
        let id = Uuid::parse_str(run_id).map_err(|_| missing())?;
        let inner = self.inner()?;
        let work = |client: Held| async move { records::get(&client, &inner.sql, id).await };
        inner.read(work).await?.ok_or_else(missing)
    }

    /// The newest runs, newest first, of one session if one is named; at most [`limits::RUN_LIST_MAX`].
    ///
    /// # Errors
    /// `HM-W041` if runs are not kept, the service's own error if PostgreSQL fails.
    pub async fn list(&self, limit: u32, session: Option<&str>) -> Result<Vec<RunSummary>> {
        let inner = self.inner()?;
        let limit = limit.min(limits::RUN_LIST_MAX);
        let work = |client: Held| async move { records::list(&client, &inner.sql, limit, session).await };
        inner.read(work).await
    }

    /// Marks the runs of processes that are gone as interrupted; how many there were. Opening a store does it too.
    ///
    /// # Errors
    /// `HM-W041` if runs are not kept, the service's own error if PostgreSQL fails.
    pub async fn reap(&self) -> Result<u64> {
        let inner = self.inner()?;
        let mut client = inner.client().await?;
        inner.reap(&mut client).await
    }

    pub(crate) async fn begin(&self, new: &NewRun) -> Result<Begun> {
        let inner = self.inner()?;
        let work = || async {
            // In this order: whoever waits for the lock's connection must not sit on one of the pool's.
            inner.hold().await?;
            records::begin(&inner.client().await?, &inner.sql, &inner.owner, new).await
        };
        match &inner.guarded {
            // Given up as soon as the server shows no pulse.
            Some(guarded) => guarded.postgres().whole(work).await,
            None => work().await,
        }
    }

    /// Keeps how a run ended. Tried more than once: the work is done, and only its record would be lost.
    pub(crate) async fn finish(&self, run: &Run) -> Result<()> {
        let inner = self.inner()?;
        let mut tries = 0;
        loop {
            let work = || async { records::finish(&inner.client().await?, &inner.sql, run).await };
            let kept = match &inner.guarded {
                Some(guarded) => guarded.postgres().whole(work).await,
                None => work().await,
            };
            match kept {
                Err(_) if tries < limits::FINISH_RETRIES => {
                    tries += 1;
                    tokio::time::sleep(std::time::Duration::from_millis(limits::FINISH_PAUSE_MS << tries))
                        .await;
                }
                Err(error) => {
                    return Err(error.because_text(format!("the outcome of run {} was not kept", run.run_id)));
                }
                Ok(()) => return Ok(()),
            }
        }
    }

    fn inner(&self) -> Result<&Inner> {
        self.inner.as_deref().ok_or_else(|| {
            Error::new(&codes::NO_STORE, "runs are not kept here")
                .next("hallmark up, or set HALLMARK_POSTGRES_URL")
        })
    }
}

impl fmt::Debug for RunStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schema = self.inner.as_ref().map(|inner| &inner.sql.schema);
        f.debug_struct("RunStore").field("schema", &schema).finish_non_exhaustive()
    }
}

impl Inner {
    async fn connect(&self) -> Result<Object> {
        self.postgres.client().await.map_err(|error| {
            if error.is(&hallmark_services::codes::NOT_CONFIGURED) {
                Error::new(&codes::NO_STORE, "runs cannot be kept: PostgreSQL is not configured")
                    .because(&error)
                    .next("hallmark up, or set HALLMARK_POSTGRES_URL")
            } else {
                error
            }
        })
    }

    /// Reads from the primary, and while that does not answer from whatever may stand in.
    async fn read<T, F>(&self, work: impl Fn(Held) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        match &self.guarded {
            Some(guarded) => guarded.postgres().newest(work).await.map(Answer::into_value),
            None => work(self.client().await?.into()).await,
        }
    }

    /// A connection to tables that exist.
    async fn client(&self) -> Result<Object> {
        let mut client = self.connect().await?;
        self.ready
            .get_or_try_init(|| async {
                schema::migrate(&mut client, &self.sql).await?;
                self.reap(&mut client).await.map(|_| ())
            })
            .await?;
        Ok(client)
    }

    /// Makes sure that the lock is held which says that this store lives.
    async fn hold(&self) -> Result<()> {
        let mut alive = self.alive.lock().await;
        if alive.as_ref().is_some_and(|client| !client.is_closed()) {
            return Ok(());
        }
        let client = Object::take(self.connect().await?);
        // A host that lost its power closes nothing: let the server notice within a minute.
        client.batch_execute(schema::HOLD).await.map_err(postgres::error)?;
        client
            .execute("SELECT pg_advisory_lock($1)", &[&self.sql.lock(&self.owner)])
            .await
            .map_err(postgres::error)?;
        *alive = Some(client);
        Ok(())
    }

    async fn reap(&self, client: &mut Object) -> Result<u64> {
        let mut marked = 0;
        for owner in records::owners(client, &self.sql).await? {
            if owner != self.owner {
                marked += records::reap(client, &self.sql, &owner).await?;
            }
        }
        Ok(marked)
    }
}

/// A run about to begin.
pub(crate) struct NewRun {
    pub(crate) run: Run,
    pub(crate) key: Option<String>,
    /// What tells one request from another: the workflow and its inputs, secrets masked.
    pub(crate) digest: String,
}

impl NewRun {
    pub(crate) fn new(run: &Run, plan: &Plan, given: &Value, caller: &Caller) -> Result<Self> {
        let key = caller.idempotency_key.clone();
        if let Some(key) = &key
            && (key.is_empty()
                || key.chars().count() > limits::IDEMPOTENCY_KEY_MAX_CHARS
                || key.contains(char::is_control))
        {
            let most = limits::IDEMPOTENCY_KEY_MAX_CHARS;
            return Err(Error::new(
                &codes::TOO_LONG,
                format!("an idempotency key has 1 to {most} printable characters"),
            ));
        }
        let digest = if key.is_some() { request_digest(plan, given) } else { plan.digest.clone() };
        Ok(Self { run: run.clone(), key, digest })
    }
}

fn request_digest(plan: &Plan, given: &Value) -> String {
    let mut given = given.clone();
    for (name, value) in given.as_object_mut().into_iter().flatten() {
        if let Some(param) = plan.inputs.find(name) {
            *value = mask_value(Some(param), value, Sensitivity::Secret);
        } else if let Some(step) = plan.steps.iter().find(|step| step.id == *name) {
            for (name, value) in value.as_object_mut().into_iter().flatten() {
                *value = mask_value(step.node.spec().find(name), value, Sensitivity::Secret);
            }
        }
    }
    digest::sha256(format!("{}{}", plan.digest, canonical::to_string(&given)).as_bytes())
}

/// What became of a request to begin.
pub(crate) enum Begun {
    /// The run may go on.
    Now,
    /// The same request was made before, as this run.
    Before(String),
}
