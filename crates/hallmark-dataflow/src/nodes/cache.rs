//! Rows kept in Redis: read through, written through, forgotten on change.
//!
//! The answer's `source` says where a row came from: `cache`, `database`, or, while Redis does not answer, `local_cache`: an entry
//! that this process saw, with its age. A missing row is never cached. While one caller fills an entry, the
//! others wait for it (a lock with a time limit) instead of all asking the database. Changes through the CRUD node forget
//! the entry at once; a change by other means is seen when the entry's time is over.

use std::time::{Duration, Instant};

use hallmark_core::{Error, Result, random};
use hallmark_services::redis::LocalCache;
use hallmark_services::resilience::answer::millis;
use hallmark_services::resilience::{Repeat, Source, is_outage};
use hallmark_workflow::{BoxFuture, Context, Input, Param};
use redis::AsyncCommands as _;
use redis::aio::ConnectionManager;
use serde_json::{Map, Value, json};

use super::Kind;
use crate::engine::Engine;
use crate::input::Ask;
use crate::sensitivity::Masking;
use crate::sql::Sql;
use crate::table::{Column, Role, Table};
use crate::{codes, limits, write};

/// The kind `Cache`.
pub(super) struct Cache;

impl Kind for Cache {
    fn name(&self) -> &'static str {
        "Cache"
    }

    fn summary(&self) -> &'static str {
        "Reads rows of {} through a Redis cache, writes through it, and tells how well it serves"
    }

    fn operations(&self) -> &'static [&'static str] {
        &["get", "put", "invalidate", "invalidate_all", "stats"]
    }

    fn params(&self, table: &Table) -> Vec<Param> {
        vec![
            Param::any("id").describe(format!("The value of {} (get, put, invalidate)", table.key_label())),
            Param::object("data")
                .describe("The fields to change; put writes the database, then the cache")
                .pii(),
            Param::integer("ttl_seconds")
                .describe(format!("How long the entry lives; {} by default", table.options.cache_ttl_seconds))
                .range(1.0, 2_592_000.0),
            Param::boolean("refresh").describe("Pass over the cache and fill it anew").default(false),
        ]
    }

    fn read_only(&self) -> bool {
        false
    }

    fn run<'a>(
        &'a self,
        engine: &'a Engine,
        context: &'a Context,
        operation: &'a str,
        input: &'a Input,
    ) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let call = Call { engine, context, ask: Ask(input), cache: engine.shared.guarded.redis() };
            match operation {
                "put" => call.put().await,
                "invalidate" => call.invalidate().await,
                "invalidate_all" => call.invalidate_all().await,
                "stats" => call.stats().await,
                _ => call.get().await,
            }
        })
    }
}

/// The prefix of this model's entries for the caller's tenant. The tenant is digested: it may hold any character.
fn prefix(engine: &Engine, context: &Context) -> String {
    let tenant = &hallmark_core::digest::sha256(Engine::tenant(context).as_bytes())[..12];
    format!("{}:dataflow:{}:{}:{tenant}", engine.shared.prefix, engine.table.schema, engine.table.model.name)
}

fn entry(engine: &Engine, context: &Context, id: &Value) -> String {
    // A key that is none names no row, so its entry is never written.
    let id = engine.table.key_text(id).unwrap_or_else(|_| id.to_string());
    format!("{}:row:{id}", prefix(engine, context))
}

/// Forgets entries after a change. A cache that cannot be reached in time does not fail the change: its entry then lives
/// until its time is over, which the log says.
pub(super) async fn forget(engine: &Engine, context: &Context, ids: &[Value]) {
    if ids.is_empty() {
        return;
    }
    let keys: Vec<String> = ids.iter().map(|id| entry(engine, context, id)).collect();
    // What Redis could not be told is remembered: this process does not believe the entry until Redis has forgotten it.
    let work = engine.shared.guarded.redis().unlink(&keys);
    let model = &engine.table.model.name;
    match tokio::time::timeout(Duration::from_millis(limits::CACHE_FORGET_TIMEOUT_MS), work).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) if error.code().id == "HM-S001" => {}
        Ok(Err(error)) => tracing::warn!(%error, model, "the cache did not forget changed rows"),
        Err(_) => tracing::warn!(model, "the cache did not forget changed rows in time"),
    }
}

struct Call<'a> {
    engine: &'a Engine,
    context: &'a Context,
    ask: Ask<'a>,
    cache: &'a LocalCache,
}

impl Call<'_> {
    fn ttl(&self) -> Result<u64> {
        self.ask.count(
            "ttl_seconds",
            self.engine.table.options.cache_ttl_seconds,
            limits::CACHE_TTL_SECONDS_MAX,
        )
    }

    fn id(&self) -> Result<&Value> {
        let id = self.ask.need("id")?;
        self.engine.table.key_values(id).map(|_| id)
    }

    /// Counts; a count that Redis does not take is lost, and nothing else.
    async fn count(&self, what: &str) {
        let key = format!("{}:stats", prefix(self.engine, self.context));
        // The counts outlive the entries, not the project.
        let life = i64::try_from(limits::CACHE_TTL_SECONDS_MAX).unwrap_or(i64::MAX);
        let key = &key;
        let work = |mut redis: ConnectionManager| async move {
            let mut pipe = redis::pipe();
            pipe.hincr(key, what, 1).ignore().expire(key, life).ignore();
            pipe.query_async::<()>(&mut redis).await
        };
        if let Err(error) = self.cache.work(Repeat::Never, work).await {
            tracing::debug!(%error, what, "the cache did not count");
        }
    }

    async fn cached(&self, key: &str) -> Result<Option<(Map<String, Value>, Source)>> {
        let answer = self.cache.get(key).await?;
        let source = answer.source().clone();
        let parsed = answer.into_value().map(|entry| serde_json::from_str(&entry.text)).transpose();
        let row = parsed.map_err(|e| {
            Error::new(&codes::CACHE_FAILED, format!("the entry {key} is not a row")).because(&e)
        })?;
        Ok(row.map(|row| (row, source)))
    }

    fn answer(&self, source: &str, mut row: Map<String, Value>) -> Value {
        Masking::Secrets.apply(&self.engine.table, &mut row);
        json!({"operation": "get", "found": true, "source": source, "row": row})
    }

    fn hit(&self, (row, source): (Map<String, Value>, Source)) -> Value {
        if source.is_primary() {
            return self.answer("cache", row);
        }
        let mut answer = self.answer("local_cache", row);
        answer["age_ms"] = json!(source.age().map(millis));
        answer
    }

    /// Whether the row is now read from the database, because the cache is away.
    fn passes_over(&self, error: &Error) -> bool {
        is_outage(error) && self.cache.line().policy().fallback
    }

    async fn get(&self) -> Result<Value> {
        let key = entry(self.engine, self.context, self.id()?);
        if !self.ask.truth("refresh") {
            match self.cached(&key).await {
                Ok(Some(hit)) => {
                    if hit.1.is_primary() {
                        self.count("hits").await;
                    }
                    return Ok(self.hit(hit));
                }
                Ok(None) => {}
                Err(error) if self.passes_over(&error) => return self.database(&key).await,
                Err(error) => return Err(error),
            }
        }
        match self.fill_once(&key).await {
            Err(error) if self.passes_over(&error) => self.database(&key).await,
            filled => filled,
        }
    }

    /// Fills the entry, or waits for whoever fills it already.
    async fn fill_once(&self, key: &str) -> Result<Value> {
        self.count("misses").await;
        let (lock, token) = (format!("{key}:filling"), random::token(16)?);
        let mine = self.lock(&lock, &token).await?;
        if !mine && let Some(hit) = self.wait(key, &lock).await? {
            return Ok(self.hit(hit));
        }
        let filled = self.fill(key).await;
        if mine {
            self.release(&lock, &token).await?;
        }
        Ok(self.filled(filled?))
    }

    fn filled(&self, row: Option<Map<String, Value>>) -> Value {
        match row {
            Some(row) => self.answer("database", row),
            None => json!({"operation": "get", "found": false, "source": "database", "row": null}),
        }
    }

    /// The row from the database while Redis is away; kept in this process, so that the next reader does not ask again.
    async fn database(&self, key: &str) -> Result<Value> {
        let asked = Instant::now();
        let (row, fresh) = self.engine.newest(self.context, self.id()?).await?;
        if let Some(row) = row.as_ref().filter(|_| fresh) {
            self.cache.keep(key, &self.text(row), asked, Duration::from_secs(self.ttl()?));
        }
        Ok(self.filled(row))
    }

    async fn lock(&self, lock: &str, token: &str) -> Result<bool> {
        let work = |mut redis: ConnectionManager| async move {
            let mut command = redis::cmd("SET");
            command.arg(lock).arg(token).arg("NX").arg("PX").arg(limits::CACHE_FILL_LOCK_MS);
            command.query_async::<Option<String>>(&mut redis).await
        };
        Ok(self.cache.work(Repeat::Never, work).await?.is_some())
    }

    /// Only the own lock is given back: another caller may hold it after ours ran out.
    async fn release(&self, lock: &str, token: &str) -> Result<()> {
        let script = redis::Script::new(
            "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end",
        );
        let script = &script;
        let work = |mut redis: ConnectionManager| async move {
            script.key(lock).arg(token).invoke_async::<i64>(&mut redis).await
        };
        self.cache.work(Repeat::Idempotent, work).await.map(drop)
    }

    /// Waits until another caller has filled the entry; nothing if that one gave up or found no row.
    async fn wait(&self, key: &str, lock: &str) -> Result<Option<(Map<String, Value>, Source)>> {
        let rounds = limits::CACHE_FILL_LOCK_MS / limits::CACHE_FILL_POLL_MS;
        for _ in 0..rounds {
            tokio::time::sleep(Duration::from_millis(limits::CACHE_FILL_POLL_MS)).await;
            if let Some(hit) = self.cached(key).await? {
                return Ok(Some(hit));
            }
            let held = |mut redis: ConnectionManager| async move { redis.exists::<_, bool>(lock).await };
            if !self.cache.work(Repeat::Idempotent, held).await? {
                break;
            }
        }
        Ok(None)
    }

    async fn fill(&self, key: &str) -> Result<Option<Map<String, Value>>> {
        let (row, fresh) = self.engine.newest(self.context, self.id()?).await?;
        // What a replica said while the primary is away must not be read as fresh later.
        if let Some(row) = row.as_ref().filter(|_| fresh) {
            self.store(key, row).await?;
        }
        Ok(row)
    }

    /// A row as it is kept: without its secrets, for a password hash has no business in a cache.
    fn text(&self, row: &Map<String, Value>) -> String {
        let mut row = row.clone();
        Masking::Secrets.apply(&self.engine.table, &mut row);
        Value::Object(row).to_string()
    }

    /// Keeps a row until its time is over.
    async fn store(&self, key: &str, row: &Map<String, Value>) -> Result<()> {
        self.cache.set(key, &self.text(row), Duration::from_secs(self.ttl()?)).await
    }

    async fn put(&self) -> Result<Value> {
        let (table, id) = (&self.engine.table, self.id()?.clone());
        if table.append_only() {
            let message = format!("rows of {} are never changed or removed", table.model.name);
            return Err(Error::new(&codes::APPEND_ONLY, message));
        }
        let data = self.ask.object("data")?;
        let columns: Vec<&Column> = table.shown().collect();
        let mut sql = Sql::new(format!("UPDATE {} AS t SET ", table.qualified));
        for (i, (name, value)) in data.iter().enumerate() {
            let column = table.column(name)?;
            if column.role != Role::Data {
                return Err(write::managed(column));
            }
            sql.push(if i > 0 { ", " } else { "" }).push(&column.ident).push(" = ");
            sql.bind_column(column, value)?;
        }
        if data.is_empty() {
            return Err(Error::new(&codes::MISSING_VALUE, "`data` names no field to update").at("data"));
        }
        for touch in write::touches(table, "t.") {
            sql.push(", ").push(&touch);
        }
        sql.push(" WHERE ");
        table.push_key(&mut sql, &id)?;
        sql.push(" AND ");
        self.engine.push_scope(&mut sql, self.context, false);
        sql.push(&format!(" RETURNING {}", Engine::select_list(&columns)));
        let client = self.engine.client().await?;
        let Some(row) = sql.first(&**client).await? else {
            return Ok(json!({"operation": "put", "found": false, "row": null}));
        };
        drop(client);
        let mut row = Engine::object(&columns, &row)?;
        let key = entry(self.engine, self.context, &id);
        // The database has the change; if the cache cannot take it, it must at least not keep the old row.
        let mut cached = true;
        if let Err(error) = self.store(&key, &row).await {
            if !self.passes_over(&error) {
                forget(self.engine, self.context, &[id]).await;
                return Err(error);
            }
            cached = false;
        }
        self.count("writes").await;
        Masking::Secrets.apply(table, &mut row);
        Ok(json!({"operation": "put", "found": true, "row": row, "cached": cached}))
    }

    async fn invalidate(&self) -> Result<Value> {
        let key = entry(self.engine, self.context, self.id()?);
        let removed = self.cache.unlink(&[key]).await?;
        self.count("invalidations").await;
        Ok(json!({"operation": "invalidate", "invalidated": removed}))
    }

    /// The keys of this model's entries, found by scanning: never `KEYS`, which stops the server.
    async fn entries(&self) -> Result<Vec<String>> {
        let pattern = format!("{}:row:*", prefix(self.engine, self.context));
        let mut keys = Vec::new();
        let mut cursor: u64 = 0;
        loop {
            let pattern = &pattern;
            let scan = |mut redis: ConnectionManager| async move {
                let mut command = redis::cmd("SCAN");
                command.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(1_000);
                command.query_async::<(u64, Vec<String>)>(&mut redis).await
            };
            let (next, mut found) = self.cache.work(Repeat::Idempotent, scan).await?;
            found.retain(|k| !k.ends_with(":filling"));
            keys.append(&mut found);
            cursor = next;
            if cursor == 0 {
                return Ok(keys);
            }
        }
    }

    async fn invalidate_all(&self) -> Result<Value> {
        let keys = self.entries().await?;
        let mut removed = 0;
        for chunk in keys.chunks(1_000) {
            removed += self.cache.unlink(chunk).await?;
        }
        self.count("invalidations").await;
        Ok(json!({"operation": "invalidate_all", "invalidated": removed}))
    }

    async fn stats(&self) -> Result<Value> {
        let key = format!("{}:stats", prefix(self.engine, self.context));
        let key = &key;
        let work = |mut redis: ConnectionManager| async move {
            redis.hgetall::<_, std::collections::HashMap<String, i64>>(key).await
        };
        let counts = self.cache.work(Repeat::Idempotent, work).await?;
        let of = |name: &str| counts.get(name).copied().unwrap_or(0);
        let asked = of("hits") + of("misses");
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than a double holds")]
        let rate = (asked > 0).then(|| of("hits") as f64 / asked as f64);
        Ok(json!({
            "operation": "stats", "entries": self.entries().await?.len(), "hits": of("hits"), "misses": of("misses"),
            "writes": of("writes"), "invalidations": of("invalidations"), "hit_rate": rate,
        }))
    }
}
