//! Reading and writing through: an entry is filled by one caller at a time, and never with what has changed meanwhile.

use std::time::{Duration, Instant};

use hallmark_core::{Error, Result, random};
use hallmark_services::postgres::Held;
use hallmark_services::redis::lease::{Place, parts};
use hallmark_services::resilience::answer::millis;
use hallmark_services::resilience::{Repeat, Source, is_outage};
use redis::AsyncCommands as _;
use redis::aio::ConnectionManager;
use serde_json::{Map, Value, json};

use super::flights::{Joined, Landed};
use super::{Call, void};
use crate::referable::Written;
use crate::sensitivity::Masking;
use crate::sql::{Sql, failure};
use crate::table::{Column, select_list};
use crate::{codes, limits, value, write};

/// An entry, where it came from, and who made it.
type Hit = (Landed, Source);

/// A row as the database has it.
struct Loaded {
    row: Landed,
    /// The change that made it.
    by: String,
    /// How long it will live, if its model says so.
    left: Option<Duration>,
    /// Whether the primary said it.
    fresh: bool,
}

/// Who made an entry that says that there is no row: no change, so that each takes it off.
const NOTHING: &str = "-";

impl Call<'_> {
    async fn cached(&self, place: &Place) -> Result<Option<Hit>> {
        let answer = self.cache.get_marked(&place.entry, &place.mark).await?;
        let source = answer.source().clone();
        let Some(kept) = answer.into_value() else { return Ok(None) };
        let bad = || Error::new(&codes::CACHE_FAILED, format!("the entry {} is not a row", place.entry));
        let (_, _, text) = parts(&kept.text).ok_or_else(bad)?;
        serde_json::from_str(text).map(|row| Some((row, source))).map_err(|e| bad().because(&e))
    }

    fn answer(&self, source: &str, row: Landed) -> Value {
        let found = row.is_some();
        let row = row.map(|mut row| {
            Masking::Secrets.apply(&self.engine.table, &mut row);
            row
        });
        json!({"operation": "get", "found": found, "source": source, "row": row})
    }

    async fn hit(&self, (row, source): Hit) -> Value {
        if source.is_primary() {
            self.count(if row.is_some() { "hits" } else { "negative_hits" }).await;
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

    fn is_notified(&self) -> bool {
        self.engine.table.options.cache_notify
    }

    pub(super) async fn get(&self) -> Result<Value> {
        let place = self.place()?;
        if self.is_notified() {
            let (shared, schema) = (&self.engine.shared, &self.engine.table.schema);
            if !shared.coherence.is_trusted(shared, schema).await {
                // Changes are not heard: what the cache holds may be old, and nothing may be put there.
                self.count("passed_over").await;
                let loaded = self.load().await?;
                return Ok(self.answer("database", loaded.row));
            }
        }
        if !self.ask.truth("refresh") {
            match self.cached(&place).await {
                Ok(Some(hit)) => return Ok(self.hit(hit).await),
                Ok(None) => {}
                Err(error) if self.passes_over(&error) => return self.database(&place).await,
                Err(error) => return Err(error),
            }
        }
        match self.fill_once(&place).await {
            Err(error) if self.passes_over(&error) => self.database(&place).await,
            filled => filled,
        }
    }

    /// Fills the entry, or waits for whoever in this process fills it already.
    async fn fill_once(&self, place: &Place) -> Result<Value> {
        if self.ask.truth("refresh") {
            self.engine.shared.flights.leave(&place.entry);
        }
        loop {
            match self.engine.shared.flights.join(&place.entry) {
                Joined::Leads(lead) => {
                    let (source, row) = self.fill(place).await?;
                    lead.land(&row);
                    return Ok(self.answer(source, row));
                }
                Joined::Waits(mut landing) => {
                    // Whoever loaded may have failed: then this caller tries itself.
                    let landed = landing.wait_for(Option::is_some).await.ok().and_then(|row| row.clone());
                    if let Some(row) = landed {
                        self.count("shared").await;
                        return Ok(self.answer("shared", row));
                    }
                }
            }
        }
    }

    /// Fills the entry, or waits for another process that does.
    async fn fill(&self, place: &Place) -> Result<(&'static str, Landed)> {
        self.count("misses").await;
        let token = random::token(16)?;
        let held = Duration::from_millis(limits::CACHE_FILL_LOCK_MS);
        let (sets, ttl) = (self.tag_sets()?, Duration::from_secs(self.ttl()?));
        let refresh = self.ask.truth("refresh");
        let mine = self.cache.lease(place, &token, (held, refresh), (&sets, ttl + held)).await?;
        if !mine && let Some((row, _)) = self.wait(place).await? {
            return Ok(("cache", row));
        }
        self.count("loads").await;
        let loaded = self.load().await?;
        if mine {
            self.keep(place, &token, &loaded).await?;
        }
        Ok(("database", loaded.row))
    }

    /// Keeps what was loaded, unless it has changed since.
    async fn keep(&self, place: &Place, token: &str, loaded: &Loaded) -> Result<bool> {
        let negative = self.ask.get("negative_ttl_seconds").and_then(Value::as_u64).unwrap_or(0);
        let ttl = match &loaded.row {
            // What a replica said while the primary is away must not be read as fresh later.
            _ if !loaded.fresh => Duration::ZERO,
            Some(_) => jittered(Duration::from_secs(self.ttl()?)).min(loaded.left.unwrap_or(Duration::MAX)),
            // Only a trigger tells that a row has come.
            None if self.is_notified() => Duration::from_secs(negative),
            None => Duration::ZERO,
        };
        if ttl.is_zero() {
            self.release(&place.lease, token).await?;
            return Ok(false);
        }
        let by = if loaded.row.is_some() { loaded.by.as_str() } else { NOTHING };
        let kept = self.cache.keep_leased(place, (token, by), &self.text(&loaded.row), ttl).await?;
        if !kept {
            self.count("stale").await;
        }
        Ok(kept)
    }

    /// The row from the database while Redis is away; kept in this process, so that the next reader does not ask again.
    async fn database(&self, place: &Place) -> Result<Value> {
        let asked = Instant::now();
        let loaded = self.load().await?;
        if loaded.fresh && loaded.row.is_some() {
            let ttl = Duration::from_secs(self.ttl()?).min(loaded.left.unwrap_or(Duration::MAX));
            // Never believed where Redis answers: it bears no mark.
            let text = format!("- {} {}", loaded.by, self.text(&loaded.row));
            self.cache.keep(&place.entry, &text, asked, ttl);
        }
        Ok(self.answer("database", loaded.row))
    }

    /// Only the own lease is given back: another caller may hold it after ours ran out.
    async fn release(&self, lease: &str, token: &str) -> Result<()> {
        let script = redis::Script::new(
            "local held = redis.call('get', KEYS[1])
             if held and string.match(held, '^%S+') == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end",
        );
        let script = &script;
        let work = |mut redis: ConnectionManager| async move {
            script.key(lease).arg(token).invoke_async::<i64>(&mut redis).await
        };
        self.cache.work(Repeat::Idempotent, work).await.map(drop)
    }

    /// Waits until another process has filled the entry; nothing if that one gave up or found no row.
    async fn wait(&self, place: &Place) -> Result<Option<Hit>> {
        let rounds = limits::CACHE_FILL_LOCK_MS / limits::CACHE_FILL_POLL_MS;
        let lease = place.lease.as_str();
        for _ in 0..rounds {
            tokio::time::sleep(Duration::from_millis(limits::CACHE_FILL_POLL_MS)).await;
            if let Some(hit) = self.cached(place).await? {
                return Ok(Some(hit));
            }
            let held = |mut redis: ConnectionManager| async move { redis.exists::<_, bool>(lease).await };
            if !self.cache.work(Repeat::Idempotent, held).await? {
                break;
            }
        }
        Ok(None)
    }

    /// What is selected beside the columns: who made the row, and how many seconds are left to it.
    fn extra(&self, by: &str) -> String {
        let left = self.engine.table.ttl_column().zip(self.engine.table.options.ttl_seconds);
        let left = left.map_or("NULL::double precision".to_owned(), |(column, seconds)| {
            format!(
                "extract(epoch FROM {} + interval '{seconds} seconds' - now())::double precision",
                column.ident
            )
        });
        format!(", {by}, {left}")
    }

    async fn load(&self) -> Result<Loaded> {
        let table = &self.engine.table;
        let columns: Vec<&Column> = table.shown().collect();
        let list = select_list(&columns);
        let mut sql =
            Sql::new(format!("SELECT {list}{} FROM {} WHERE ", self.extra("xmin::text"), table.qualified));
        table.push_key(&mut sql, self.id()?)?;
        sql.push(" AND ");
        self.engine.push_scope(&mut sql, self.context, false);
        let sql = &sql;
        let work = |client: Held| async move { sql.first(&**client).await };
        let answer = self.engine.shared.guarded.postgres().newest(work).await?;
        let fresh = answer.source().is_primary();
        match answer.into_value() {
            Some(row) => loaded(&columns, &row, fresh),
            None => Ok(Loaded { row: None, by: NOTHING.to_owned(), left: None, fresh }),
        }
    }

    /// A row as it is kept: without its secrets, for a password hash has no business in a cache.
    fn text(&self, row: &Landed) -> String {
        let masked = row.clone().map(|mut row| {
            Masking::Secrets.apply(&self.engine.table, &mut row);
            row
        });
        masked.map_or(Value::Null, Value::Object).to_string()
    }

    /// The statement of a `put`.
    fn update(&self, columns: &[&Column]) -> Result<Sql> {
        let (table, data) = (&self.engine.table, self.ask.object("data")?);
        let mut sql = Sql::new(format!("UPDATE {} AS t", table.qualified));
        let set = write::push_sets(&mut sql, table, data)?;
        sql.push(" WHERE ");
        table.push_key(&mut sql, self.id()?)?;
        sql.push(" AND ");
        self.engine.push_scope(&mut sql, self.context, false);
        sql.push(" RETURNING ").push(&select_list(columns));
        sql.push(&self.extra("pg_current_xact_id()::xid::text"));
        self.engine.push_guard(&mut sql, self.context, Written::Changed(&set));
        self.engine.push_signature(&mut sql, self.context);
        Ok(sql)
    }

    pub(super) async fn put(&self) -> Result<Value> {
        let table = &self.engine.table;
        table.refuse_append_only()?;
        let columns: Vec<&Column> = table.shown().collect();
        let (sql, place, token) = (self.update(&columns)?, self.place()?, random::token(16)?);
        // From here on nobody keeps the old row; who dies between the two writes leaves no entry behind.
        void(self.engine, std::slice::from_ref(&place)).await;
        let leased = self.lease_to_put(&place, &token).await?;
        let client = self.engine.client().await?;
        let found = sql.first(&**client).await?;
        drop(client);
        let Some(row) = found else {
            return Ok(json!({"operation": "put", "found": false, "row": null}));
        };
        let loaded = loaded(&columns, &row, true)?;
        self.engine.shared.flights.leave(&place.entry);
        let cached = match self.keep(&place, &token, &loaded).await {
            _ if !leased => false,
            Ok(kept) => kept,
            Err(error) if self.passes_over(&error) => false,
            Err(error) => {
                void(self.engine, &[place]).await;
                return Err(error);
            }
        };
        if !cached {
            void(self.engine, &[place]).await;
        }
        self.count("writes").await;
        let mut row: Map<String, Value> = loaded.row.unwrap_or_default();
        Masking::Secrets.apply(table, &mut row);
        Ok(json!({"operation": "put", "found": true, "row": row, "cached": cached}))
    }

    /// The right to keep the new row, taken from whoever reads the old one; `false` if the cache is away, or not to be believed.
    async fn lease_to_put(&self, place: &Place, token: &str) -> Result<bool> {
        let shared = &self.engine.shared;
        if self.is_notified() && !shared.coherence.is_trusted(shared, &self.engine.table.schema).await {
            return Ok(false);
        }
        let held = Duration::from_millis(limits::CACHE_FILL_LOCK_MS);
        let (sets, ttl) = (self.tag_sets()?, Duration::from_secs(self.ttl()?));
        match self.cache.lease(place, token, (held, true), (&sets, ttl + held)).await {
            Err(error) if self.passes_over(&error) => Ok(false),
            leased => leased,
        }
    }
}

fn loaded(columns: &[&Column], row: &tokio_postgres::Row, fresh: bool) -> Result<Loaded> {
    let at = columns.len();
    let by: String = row.try_get(at).map_err(failure)?;
    let left: Option<f64> = row.try_get(at + 1).map_err(failure)?;
    let left = left.map(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX));
    Ok(Loaded { row: Some(value::row(row, columns)?), by, left, fresh })
}

/// A life between nine tenths and the whole: what was filled together does not end together.
fn jittered(ttl: Duration) -> Duration {
    let bytes = uuid::Uuid::new_v4().into_bytes();
    ttl - ttl / 10 * u32::from(bytes[0]) / 255
}
