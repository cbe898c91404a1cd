//! Rows kept in Redis: read through, written through, forgotten on change.
//!
//! The answer's `source` says where a row came from. A missing row is never cached. While one caller fills an entry, the
//! others wait for it (a lock with a time limit) instead of all asking the database. Changes through the CRUD node forget
//! the entry at once; a change by other means is seen when the entry's time is over.

use std::time::Duration;

use hallmark_core::{Error, Result, random};
use hallmark_services::redis::error as redis_error;
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
use crate::{codes, limits, value, write};

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
            Param::any("id").describe(format!("The value of {} (get, put, invalidate)", table.key().name())),
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
            let redis = engine.shared.handles.redis.connection().await?;
            let mut call = Call { engine, context, ask: Ask(input), redis };
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
    let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    format!("{}:row:{id}", prefix(engine, context))
}

/// Forgets entries after a change. A cache that cannot be reached in time does not fail the change: its entry then lives
/// until its time is over, which the log says.
pub(super) async fn forget(engine: &Engine, context: &Context, ids: &[Value]) {
    if ids.is_empty() {
        return;
    }
    let keys: Vec<String> = ids.iter().map(|id| entry(engine, context, id)).collect();
    let work = async {
        let mut redis = engine.shared.handles.redis.connection().await?;
        redis.unlink::<_, i64>(keys).await.map_err(|e| redis_error(&e))
    };
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
    redis: ConnectionManager,
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
        value::encode(self.engine.table.key().field.kind, id).map(|_| id)
    }

    async fn count(&mut self, what: &str) -> Result<()> {
        let key = format!("{}:stats", prefix(self.engine, self.context));
        // The counts outlive the entries, not the project.
        let life = i64::try_from(limits::CACHE_TTL_SECONDS_MAX).unwrap_or(i64::MAX);
        let mut pipe = redis::pipe();
        pipe.hincr(&key, what, 1).ignore().expire(&key, life).ignore();
        pipe.query_async::<()>(&mut self.redis).await.map_err(|e| redis_error(&e))
    }

    async fn cached(&mut self, key: &str) -> Result<Option<Map<String, Value>>> {
        let text: Option<String> = self.redis.get(key).await.map_err(|e| redis_error(&e))?;
        let parsed = text.map(|t| serde_json::from_str(&t)).transpose();
        parsed.map_err(|e| {
            Error::new(&codes::CACHE_FAILED, format!("the entry {key} is not a row")).because(&e)
        })
    }

    fn answer(&self, source: &str, mut row: Map<String, Value>) -> Value {
        Masking::Secrets.apply(&self.engine.table, &mut row);
        json!({"operation": "get", "found": true, "source": source, "row": row})
    }

    async fn get(&mut self) -> Result<Value> {
        let key = entry(self.engine, self.context, self.id()?);
        if !self.ask.truth("refresh")
            && let Some(row) = self.cached(&key).await?
        {
            self.count("hits").await?;
            return Ok(self.answer("cache", row));
        }
        self.count("misses").await?;
        let (lock, token) = (format!("{key}:filling"), random::token(16)?);
        let mine = self.lock(&lock, &token).await?;
        if !mine && let Some(row) = self.wait(&key, &lock).await? {
            return Ok(self.answer("cache", row));
        }
        let filled = self.fill(&key).await;
        if mine {
            // Only the own lock is given back: another caller may hold it after ours ran out.
            let script = redis::Script::new(
                "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end",
            );
            let _: i64 = script
                .key(&lock)
                .arg(&token)
                .invoke_async(&mut self.redis)
                .await
                .map_err(|e| redis_error(&e))?;
        }
        match filled? {
            Some(row) => Ok(self.answer("database", row)),
            None => Ok(json!({"operation": "get", "found": false, "source": "database", "row": null})),
        }
    }

    async fn lock(&mut self, lock: &str, token: &str) -> Result<bool> {
        let mut command = redis::cmd("SET");
        command.arg(lock).arg(token).arg("NX").arg("PX").arg(limits::CACHE_FILL_LOCK_MS);
        let set: Option<String> = command.query_async(&mut self.redis).await.map_err(|e| redis_error(&e))?;
        Ok(set.is_some())
    }

    /// Waits until another caller has filled the entry; nothing if that one gave up or found no row.
    async fn wait(&mut self, key: &str, lock: &str) -> Result<Option<Map<String, Value>>> {
        let rounds = limits::CACHE_FILL_LOCK_MS / limits::CACHE_FILL_POLL_MS;
        for _ in 0..rounds {
            tokio::time::sleep(Duration::from_millis(limits::CACHE_FILL_POLL_MS)).await;
            if let Some(row) = self.cached(key).await? {
                return Ok(Some(row));
            }
            let held: bool = self.redis.exists(lock).await.map_err(|e| redis_error(&e))?;
            if !held {
                break;
            }
        }
        Ok(None)
    }

    async fn fill(&mut self, key: &str) -> Result<Option<Map<String, Value>>> {
        let client = self.engine.client().await?;
        let row = self.engine.by_key(&**client, self.context, self.id()?, false).await?;
        drop(client);
        if let Some(row) = &row {
            self.store(key, row).await?;
        }
        Ok(row)
    }

    /// Keeps a row until its time is over, without its secrets: a password hash has no business in a cache.
    async fn store(&mut self, key: &str, row: &Map<String, Value>) -> Result<()> {
        let ttl = self.ttl()?;
        let mut row = row.clone();
        Masking::Secrets.apply(&self.engine.table, &mut row);
        let text = Value::Object(row).to_string();
        self.redis.set_ex::<_, _, ()>(key, text, ttl).await.map_err(|e| redis_error(&e))
    }

    async fn put(&mut self) -> Result<Value> {
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
        sql.push(" WHERE ").push(&table.key().ident).push(" = ");
        sql.bind_compared(table.key(), &id)?;
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
        if let Err(error) = self.store(&key, &row).await {
            forget(self.engine, self.context, &[id]).await;
            return Err(error);
        }
        self.count("writes").await?;
        Masking::Secrets.apply(table, &mut row);
        Ok(json!({"operation": "put", "found": true, "row": row}))
    }

    async fn invalidate(&mut self) -> Result<Value> {
        let key = entry(self.engine, self.context, self.id()?);
        let removed: i64 = self.redis.unlink(key).await.map_err(|e| redis_error(&e))?;
        self.count("invalidations").await?;
        Ok(json!({"operation": "invalidate", "invalidated": removed}))
    }

    /// The keys of this model's entries, found by scanning: never `KEYS`, which stops the server.
    async fn entries(&mut self) -> Result<Vec<String>> {
        let pattern = format!("{}:row:*", prefix(self.engine, self.context));
        let mut keys = Vec::new();
        let mut cursor: u64 = 0;
        loop {
            let mut command = redis::cmd("SCAN");
            command.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(1_000);
            let (next, mut found): (u64, Vec<String>) =
                command.query_async(&mut self.redis).await.map_err(|e| redis_error(&e))?;
            found.retain(|k| !k.ends_with(":filling"));
            keys.append(&mut found);
            cursor = next;
            if cursor == 0 {
                return Ok(keys);
            }
        }
    }

    async fn invalidate_all(&mut self) -> Result<Value> {
        let keys = self.entries().await?;
        let mut removed: i64 = 0;
        for chunk in keys.chunks(1_000) {
            removed += self.redis.unlink::<_, i64>(chunk).await.map_err(|e| redis_error(&e))?;
        }
        self.count("invalidations").await?;
        Ok(json!({"operation": "invalidate_all", "invalidated": removed}))
    }

    async fn stats(&mut self) -> Result<Value> {
        let key = format!("{}:stats", prefix(self.engine, self.context));
        let counts: std::collections::HashMap<String, i64> =
            self.redis.hgetall(key).await.map_err(|e| redis_error(&e))?;
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
