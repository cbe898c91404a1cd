//! Rows kept in Redis: read through, written through, forgotten on change.
//!
//! The answer's `source` says where a row came from: `cache`, `database`, `shared` (another caller of this process was loading it),
//! or, while Redis does not answer, `local_cache`: an entry that this process saw, with its age.
//!
//! Nothing that was read before a change is kept after it: see [`hallmark_services::redis::lease`]. Changes through nodes take the
//! entry off at once. Where the model says `cache_invalidation: notify`, so does every other change, told by a trigger (see
//! [`crate::coherence`]); else it is seen when the entry's time is over.

mod fill;
pub(crate) mod flights;
pub(crate) mod names;
pub(crate) mod stats;

use std::sync::Arc;
use std::time::Duration;

use hallmark_core::{Error, Result};
use hallmark_services::redis::LocalCache;
use hallmark_services::redis::lease::Place;
use hallmark_services::resilience::Repeat;
use hallmark_workflow::{BoxFuture, Context, Input, Param};
use redis::aio::ConnectionManager;
use serde_json::{Value, json};

use super::Kind;
use crate::engine::Engine;
use crate::input::Ask;
use crate::table::Table;
use crate::{codes, limits, schema};
use names::Names;

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
            Param::integer("negative_ttl_seconds")
                .describe("How long it is kept that there is no such row; only with cache_invalidation: notify; 0 for not at all")
                .range(0.0, 3_600.0)
                .default(limits::CACHE_NEGATIVE_TTL_SECONDS),
            Param::array("tags")
                .describe("Words that the entry can be invalidated by (get, put), or whose entries are invalidated (invalidate)")
                .max_length(limits::CACHE_TAGS_MAX),
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
            let call = Call::new(engine, context, input);
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

/// Forgets entries after a change. A cache that cannot be reached in time does not fail the change: its entry then lives
/// until its time is over, which the log says.
pub(super) async fn forget(engine: &Engine, context: &Context, ids: &[Value]) {
    if ids.is_empty() {
        return;
    }
    let names = Names::new(&engine.shared.prefix, &engine.table);
    let of = names.of(context);
    let places: Vec<Place> = ids.iter().map(|id| names.row(&of, id)).collect();
    void(engine, &places).await;
}

/// Forgets every entry of the model, after a change that does not say which rows it was.
pub(super) async fn forget_all(engine: &Engine) {
    engine.shared.flights.leave_all();
    let mark = Names::new(&engine.shared.prefix, &engine.table).mark();
    match engine.shared.guarded.redis().end_all(&mark).await {
        Err(error) if error.code().id != "HM-S001" => {
            tracing::warn!(%error, model = engine.table.model.name, "the cache did not forget changed rows");
        }
        _ => {}
    }
}

/// Forgets the entries of every model whose rows PostgreSQL itself removed or changed with rows that were removed of this one.
pub(super) async fn forget_followers(engine: &Engine) {
    let shared = &engine.shared;
    for table in schema::followers(&engine.table, &shared.tables) {
        forget_all(&Engine { table, shared: Arc::clone(shared) }).await;
    }
}

/// Takes entries off, whoever made them.
async fn void(engine: &Engine, places: &[Place]) {
    let model = &engine.table.model.name;
    for chunk in places.chunks(limits::CACHE_FORGET_CHUNK) {
        chunk.iter().for_each(|place| engine.shared.flights.leave(&place.entry));
        // What Redis could not be told is remembered: this process does not believe the entry until Redis has forgotten it.
        let work = engine.shared.guarded.redis().void(chunk, NOBODY);
        match tokio::time::timeout(Duration::from_millis(limits::CACHE_FORGET_TIMEOUT_MS), work).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) if error.code().id == "HM-S001" => {}
            Ok(Err(error)) => tracing::warn!(%error, model, "the cache did not forget changed rows"),
            Err(_) => tracing::warn!(model, "the cache did not forget changed rows in time"),
        }
    }
}

/// Who made a change that takes every entry off.
const NOBODY: &str = "*";

struct Call<'a> {
    engine: &'a Engine,
    context: &'a Context,
    ask: Ask<'a>,
    cache: &'a LocalCache,
    names: Names<'a>,
    /// Where the entries are that this caller sees.
    of: String,
}

impl<'a> Call<'a> {
    fn new(engine: &'a Engine, context: &'a Context, input: &'a Input) -> Self {
        let names = Names::new(&engine.shared.prefix, &engine.table);
        let of = names.of(context);
        Self { engine, context, ask: Ask(input), cache: engine.shared.guarded.redis(), names, of }
    }

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

    fn place(&self) -> Result<Place> {
        Ok(self.names.row(&self.of, self.id()?))
    }

    fn stats_key(&self) -> String {
        format!("{}:stats", self.of)
    }

    async fn count(&self, what: &'static str) {
        self.engine.shared.tallies.count(self.cache, &self.stats_key(), what).await;
    }

    /// The sets that note which entries bear a tag.
    fn tag_sets(&self) -> Result<Vec<String>> {
        let tags = self.ask.get("tags").and_then(Value::as_array);
        let bad = || {
            let message = format!("a tag is a text of 1 to {} bytes", limits::CACHE_TAG_BYTES_MAX);
            Error::new(&codes::BAD_PARAMETER, message).at("tags")
        };
        let one = |tag: &Value| {
            let text = tag.as_str().filter(|t| (1..=limits::CACHE_TAG_BYTES_MAX).contains(&t.len()));
            text.map(|t| format!("{}:tag:{}", self.of, hallmark_core::digest::sha256(t.as_bytes())))
        };
        tags.into_iter().flatten().map(|tag| one(tag).ok_or_else(bad)).collect()
    }

    /// Takes off the entry of a row, or those of tags.
    async fn invalidate(&self) -> Result<Value> {
        let sets = self.tag_sets()?;
        let mut places = match self.ask.get("id") {
            None if !sets.is_empty() => Vec::new(),
            _ => vec![self.place()?],
        };
        for set in &sets {
            let mark = self.names.mark();
            let place =
                |entry: String| Place { lease: format!("{entry}:filling"), entry, mark: mark.clone() };
            places.extend(self.tagged(set).await?.into_iter().map(place));
        }
        let mut removed = 0;
        for chunk in places.chunks(limits::CACHE_FORGET_CHUNK) {
            chunk.iter().for_each(|place| self.engine.shared.flights.leave(&place.entry));
            removed += self.cache.void(chunk, NOBODY).await?;
        }
        self.count("invalidations").await;
        Ok(json!({"operation": "invalidate", "invalidated": removed}))
    }

    /// The entries that a set of a tag names. Those that come later were loaded later, too.
    async fn tagged(&self, set: &str) -> Result<Vec<String>> {
        let work = |mut redis: ConnectionManager| async move {
            let mut pipe = redis::pipe();
            pipe.atomic().cmd("ZRANGE").arg(set).arg(0).arg(-1).cmd("UNLINK").arg(set).ignore();
            pipe.query_async::<(Vec<String>,)>(&mut redis).await
        };
        self.cache.work(Repeat::Never, work).await.map(|(entries,)| entries)
    }

    /// The keys of this model's entries, found by scanning: never `KEYS`, which stops the server.
    /// With `being_filled`, of those that somebody fills now.
    async fn entries(&self, being_filled: bool) -> Result<Vec<String>> {
        let pattern = format!("{}:row:*", self.of);
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
            found.retain(|k| k.ends_with(":filling") == being_filled);
            keys.extend(found.drain(..).map(|k| k.trim_end_matches(":filling").to_owned()));
            cursor = next;
            if cursor == 0 {
                return Ok(keys);
            }
        }
    }

    async fn invalidate_all(&self) -> Result<Value> {
        let mut removed = 0;
        // Whoever fills an entry that no scan has seen must not keep it either.
        for of in [self.entries(true).await?, self.entries(false).await?] {
            let mark = self.names.mark();
            let place = |entry: &String| Place {
                lease: format!("{entry}:filling"),
                entry: entry.clone(),
                mark: mark.clone(),
            };
            for chunk in of.chunks(limits::CACHE_FORGET_CHUNK) {
                let places: Vec<Place> = chunk.iter().map(place).collect();
                removed += self.cache.void(&places, NOBODY).await?;
            }
        }
        self.engine.shared.flights.leave_all();
        self.count("invalidations").await;
        Ok(json!({"operation": "invalidate_all", "invalidated": removed}))
    }

    async fn stats(&self) -> Result<Value> {
        let key = self.stats_key();
        self.engine.shared.tallies.flush(self.cache, &key).await;
        let key = &key;
        let work = |mut redis: ConnectionManager| async move {
            let mut pipe = redis::pipe();
            pipe.hgetall(key).cmd("INFO").arg("stats");
            pipe.query_async::<(std::collections::HashMap<String, i64>, String)>(&mut redis).await
        };
        let (counts, info) = self.cache.work(Repeat::Idempotent, work).await?;
        let of = |name: &str| counts.get(name).copied().unwrap_or(0);
        let served = of("hits") + of("shared");
        let asked = served + of("misses");
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than a double holds")]
        let rate = (asked > 0).then(|| served as f64 / asked as f64);
        let evicted =
            info.lines().find_map(|line| line.strip_prefix("evicted_keys:")?.trim().parse::<u64>().ok());
        let (notices, gaps) = self.engine.shared.coherence.counts();
        Ok(json!({
            "operation": "stats", "entries": self.entries(false).await?.len(), "hits": of("hits"), "misses": of("misses"),
            "shared": of("shared"), "loads": of("loads"), "negative_hits": of("negative_hits"), "stale": of("stale"),
            "passed_over": of("passed_over"), "writes": of("writes"), "invalidations": of("invalidations"), "hit_rate": rate,
            "server_evictions": evicted, "notices": notices, "gaps": gaps,
        }))
    }
}
