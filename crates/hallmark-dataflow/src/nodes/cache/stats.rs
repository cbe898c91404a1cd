//! What is counted of a cache: in this process first, and from time to time in Redis, where the counts of all processes meet.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hallmark_services::redis::LocalCache;
use hallmark_services::resilience::Repeat;
use redis::aio::ConnectionManager;

use crate::limits;

/// Counts that Redis does not have yet, by the key that they go to.
#[derive(Debug, Default)]
pub(crate) struct Tallies(Mutex<HashMap<String, Pending>>);

#[derive(Debug)]
struct Pending {
    counts: BTreeMap<&'static str, i64>,
    since: Instant,
}

impl Tallies {
    /// Counts one; now and then the counts go to Redis.
    pub(super) async fn count(&self, cache: &LocalCache, key: &str, what: &'static str) {
        let due = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if !all.contains_key(key) {
                all.insert(key.to_owned(), Pending { counts: BTreeMap::new(), since: Instant::now() });
            }
            all.get_mut(key).is_some_and(|pending| {
                *pending.counts.entry(what).or_default() += 1;
                pending.since.elapsed() > Duration::from_millis(limits::CACHE_COUNTS_EVERY_MS)
            })
        };
        if due {
            self.flush(cache, key).await;
        }
    }

    /// Brings the counts to Redis. Those that it does not take are lost, and nothing else.
    pub(super) async fn flush(&self, cache: &LocalCache, key: &str) {
        let pending = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        let Some(Pending { counts, .. }) = pending else { return };
        // The counts outlive the entries, not the project.
        let life = i64::try_from(limits::CACHE_TTL_SECONDS_MAX).unwrap_or(i64::MAX);
        let counts = &counts;
        let work = |mut redis: ConnectionManager| async move {
            let mut pipe = redis::pipe();
            for (what, count) in counts {
                pipe.hincr(key, *what, *count).ignore();
            }
            pipe.expire(key, life).ignore();
            pipe.query_async::<()>(&mut redis).await
        };
        if let Err(error) = cache.work(Repeat::Never, work).await {
            tracing::debug!(%error, "the cache did not count");
        }
    }
}
