//! Redis with a cache of this process behind it, whose entries live no longer than they would have lived in Redis.
//!
//! What keeps it honest: an entry is taken off before a change is sent; a change that did not reach Redis is *owed*, and the
//! entry there is not believed until the debt is paid.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hallmark_core::Result;

use super::{Redis, error};
use crate::limits;
use crate::resilience::{Answer, Line, Repeat, Shelf, Source, Stand, is_outage};

/// Texts by key in Redis, and those seen lately in this process.
#[derive(Debug)]
pub struct LocalCache {
    redis: Redis,
    line: Line,
    shelf: Shelf<String>,
    owed: Mutex<Owed>,
}

/// A text of Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The text.
    pub text: String,
    /// How long it will live in Redis; `None` if it does not end there, or if Redis was not asked.
    pub left: Option<Duration>,
}

/// Keys whose entries in Redis are not to be believed.
#[derive(Debug, Default)]
struct Owed {
    keys: BTreeSet<String>,
    /// More were owed than can be kept: until then, nothing that Redis holds is believed.
    all_until: Option<Instant>,
}

impl LocalCache {
    /// Nothing is contacted yet.
    #[must_use]
    pub(crate) fn new(redis: Redis, line: Line) -> Self {
        let shelf = Shelf::new(line.policy().memory_bytes, line.policy().ttl);
        Self { redis, line, shelf, owed: Mutex::default() }
    }

    /// The guarded way to Redis.
    #[must_use]
    pub fn line(&self) -> &Line {
        &self.line
    }

    /// The text of a key. While Redis does not answer, one that this process saw lately, with its age.
    ///
    /// # Errors
    /// Those of Redis, if it cannot answer and this process has nothing.
    pub async fn get(&self, key: &str) -> Result<Answer<Option<Entry>>> {
        self.look(key, None).await
    }

    /// As [`LocalCache::get`], for an entry that bears a mark: one of another time is none.
    ///
    /// # Errors
    /// As [`LocalCache::get`].
    pub async fn get_marked(&self, key: &str, mark: &str) -> Result<Answer<Option<Entry>>> {
        self.look(key, Some(mark)).await
    }

    async fn look(&self, key: &str, mark: Option<&str>) -> Result<Answer<Option<Entry>>> {
        let believed = self.pay(key).await;
        if matches!(believed, Ok(false)) {
            return Ok(self.primary(None));
        }
        let since = self.shelf.since(Instant::now());
        let work = || async {
            let mut redis = self.redis.connection().await?;
            let Some(mark) = mark else {
                let both =
                    redis::pipe().get(key).pttl(key).query_async::<(Option<String>, i64)>(&mut redis).await;
                return both.map_err(|e| error(&e));
            };
            let mut all = redis::pipe();
            let all = all
                .get(mark)
                .get(key)
                .pttl(key)
                .query_async::<(Option<String>, Option<String>, i64)>(&mut redis);
            let (mark, text, left) = all.await.map_err(|e| error(&e))?;
            let of_now = |text: &String| mark.as_deref().is_some_and(|m| text.split(' ').next() == Some(m));
            Ok((text.filter(of_now), left))
        };
        // What is owed still is not asked for: Redis might answer now, with what is stale.
        let answered = match believed {
            Ok(_) => self.line.call(Repeat::Idempotent, work).await,
            Err(failure) => Err(failure),
        };
        match answered {
            Ok((Some(text), left)) => {
                // -1 says that it never ends there; here it does.
                let life = u64::try_from(left).ok().map(Duration::from_millis);
                let bytes = text.len() as u64;
                self.shelf.put(since, key, (text.clone(), bytes), life);
                Ok(self.primary(Some(Entry { text, left: life })))
            }
            Ok((None, _)) => {
                self.shelf.remove(key);
                Ok(self.primary(None))
            }
            Err(failure) if is_outage(&failure) && self.line.policy().fallback => {
                match self.shelf.get(key, Instant::now()) {
                    Some((text, age)) => {
                        let source = Source::Fallback { stand: Stand::LocalCache, age: Some(age) };
                        self.line.note(&source);
                        Ok(Answer::new(Some(Entry { text: text.as_ref().clone(), left: None }), source))
                    }
                    None => Err(failure),
                }
            }
            Err(failure) => Err(failure),
        }
    }

    /// Keeps a text for a time, in Redis and here. Where Redis did not take it, the entry there is owed, and `kept` is what this
    /// process may answer with until Redis is back.
    ///
    /// # Errors
    /// Those of Redis: it does not hold the text.
    pub async fn set(&self, key: &str, text: &str, ttl: Duration) -> Result<()> {
        self.shelf.remove(key);
        let since = self.shelf.since(Instant::now());
        let milliseconds = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1);
        let work = || async {
            let mut redis = self.redis.connection().await?;
            let mut set = redis::cmd("SET");
            set.arg(key).arg(text).arg("PX").arg(milliseconds);
            set.query_async::<()>(&mut redis).await.map_err(|e| error(&e))
        };
        // Setting the same text twice is the same as once.
        let done = self.line.call(Repeat::Idempotent, work).await;
        if done.is_err() {
            self.owe([key]);
        } else {
            self.owed().keys.remove(key);
        }
        self.shelf.put(since, key, (text.to_owned(), text.len() as u64), Some(ttl));
        done
    }

    /// Forgets keys. What could not be forgotten in Redis is owed.
    ///
    /// # Errors
    /// Those of Redis: it may hold the entries still, and this process does not believe them.
    pub async fn unlink(&self, keys: &[String]) -> Result<u64> {
        keys.iter().for_each(|key| self.shelf.remove(key));
        let work = || async {
            let mut redis = self.redis.connection().await?;
            redis::cmd("UNLINK").arg(keys).query_async::<u64>(&mut redis).await.map_err(|e| error(&e))
        };
        let done = self.line.call(Repeat::Idempotent, work).await;
        if done.is_err() {
            self.owe(keys.iter().map(String::as_str));
        } else {
            let mut owed = self.owed();
            owed.keys.retain(|key| !keys.contains(key));
        }
        done
    }

    /// Keeps a text that came from elsewhere in this process alone, to answer with while Redis is away.
    pub fn keep(&self, key: &str, text: &str, asked: Instant, ttl: Duration) {
        self.shelf.put(self.shelf.since(asked), key, (text.to_owned(), text.len() as u64), Some(ttl));
    }

    /// Takes an entry off in this process alone.
    pub(super) fn forget_here(&self, key: &str) {
        self.shelf.remove(key);
    }

    /// Takes all entries off in this process alone.
    pub fn forget_all_here(&self) {
        self.shelf.clear();
    }

    /// Other work on Redis under the same guard; it has no fallback.
    ///
    /// # Errors
    /// The work's own, and those of the guard.
    pub async fn work<T, F>(
        &self,
        repeat: Repeat,
        work: impl Fn(redis::aio::ConnectionManager) -> F,
    ) -> Result<T>
    where
        F: Future<Output = redis::RedisResult<T>>,
    {
        let whole = || async {
            let connection = self.redis.connection().await?;
            work(connection).await.map_err(|e| error(&e))
        };
        self.line.call(repeat, whole).await
    }

    fn primary<T>(&self, value: T) -> Answer<T> {
        self.line.note(&Source::Primary);
        Answer::new(value, Source::Primary)
    }

    fn owed(&self) -> MutexGuard<'_, Owed> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn owe<'a>(&self, keys: impl IntoIterator<Item = &'a str>) {
        let mut owed = self.owed();
        owed.keys.extend(keys.into_iter().map(str::to_owned));
        if owed.keys.len() > limits::REDIS_OWED_MAX {
            owed.keys.clear();
            owed.all_until = Some(Instant::now() + limits::REDIS_DISTRUST);
            tracing::warn!(
                "more entries of Redis are stale than can be remembered: none is believed for a while"
            );
        }
    }

    /// Whether the entry in Redis may be believed. One that is owed is forgotten there first; the error says that it could not be.
    async fn pay(&self, key: &str) -> Result<bool> {
        let (owes, distrusted) = {
            let owed = self.owed();
            (owed.keys.contains(key), owed.all_until.is_some_and(|until| until > Instant::now()))
        };
        if !owes {
            return Ok(!distrusted);
        }
        // While Redis is away the debt stays, and this process may still answer with what it wrote itself.
        let work = || async {
            let mut redis = self.redis.connection().await?;
            redis::cmd("UNLINK").arg(key).query_async::<u64>(&mut redis).await.map_err(|e| error(&e))
        };
        self.line.call(Repeat::Idempotent, work).await?;
        self.owed().keys.remove(key);
        self.shelf.remove(key);
        Ok(false)
    }
}
