//! A bounded cache whose entries know their age: what stands in comes from here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// Entries that are expected; more or fewer only cost a little memory.
const ENTRIES: usize = 1_024;

/// Answers by key, with the time at which each was true, in a bounded number of bytes.
#[derive(Debug)]
pub struct Shelf<V> {
    kept: Cache<String, Arc<Kept<V>>, ByBytes>,
    ttl: Duration,
    /// Counts what was taken off or replaced by a writer: what a reader fetched before is then not put.
    writes: AtomicU64,
}

#[derive(Debug)]
struct Kept<V> {
    value: Arc<V>,
    at: Instant,
    until: Instant,
    bytes: u64,
}

#[derive(Clone, Debug)]
struct ByBytes;

impl<V> Weighter<String, Arc<Kept<V>>> for ByBytes {
    fn weight(&self, key: &String, kept: &Arc<Kept<V>>) -> u64 {
        // The entry itself is not free, so that a million empty ones are bounded too.
        kept.bytes + key.len() as u64 + 96
    }
}

/// What a reader must hold before it asks the service, so that what it puts later is no older than a writer's word, and its age
/// is counted from before the question.
#[derive(Clone, Copy, Debug)]
pub struct Since {
    writes: u64,
    asked: Instant,
}

impl<V> Shelf<V> {
    /// An empty one for this many bytes, on which nothing stays longer than `ttl`.
    #[must_use]
    pub fn new(bytes: u64, ttl: Duration) -> Self {
        Self { kept: Cache::with_weighter(ENTRIES, bytes, ByBytes), ttl, writes: AtomicU64::new(0) }
    }

    /// Taken before the service is asked, which is at `asked`.
    pub fn since(&self, asked: Instant) -> Since {
        Since { writes: self.writes.load(Ordering::Acquire), asked }
    }

    /// Keeps what the service said, with the bytes that it takes; an entry ends after `life` at the latest. Nothing is kept if
    /// a writer changed anything since.
    pub fn put(&self, since: Since, key: &str, (value, bytes): (V, u64), life: Option<Duration>) {
        if since.writes != self.writes.load(Ordering::Acquire) {
            return;
        }
        let asked = since.asked;
        let until = asked + life.unwrap_or(self.ttl).min(self.ttl);
        self.kept.insert(key.to_owned(), Arc::new(Kept { value: Arc::new(value), at: asked, until, bytes }));
    }

    /// The entry and how old it is; none if its time is over.
    pub fn get(&self, key: &str, now: Instant) -> Option<(Arc<V>, Duration)> {
        let kept = self.kept.get(key)?;
        if now >= kept.until {
            self.kept.remove(key);
            return None;
        }
        Some((Arc::clone(&kept.value), now.saturating_duration_since(kept.at)))
    }

    /// Takes an entry off: it was changed, or may have been.
    pub fn remove(&self, key: &str) {
        self.writes.fetch_add(1, Ordering::AcqRel);
        self.kept.remove(key);
    }

    /// Takes everything off.
    pub fn clear(&self) {
        self.writes.fetch_add(1, Ordering::AcqRel);
        self.kept.clear();
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(10);

    fn shelf() -> Shelf<u32> {
        Shelf::new(64 * 1024, TTL)
    }

    #[test]
    fn an_entry_knows_its_age_and_ends() {
        let (shelf, t) = (shelf(), Instant::now());
        shelf.put(shelf.since(t), "a", (1, 4), None);
        shelf.put(shelf.since(t), "b", (2, 4), Some(Duration::from_secs(3)));
        assert_eq!(shelf.get("a", t + TTL / 2).map(|(v, age)| (*v, age)), Some((1, TTL / 2)));
        assert!(shelf.get("b", t + Duration::from_secs(3)).is_none(), "the server's own expiry counts");
        assert!(shelf.get("a", t + TTL).is_none() && shelf.is_empty());
    }

    #[test]
    fn a_slow_reader_does_not_bring_back_what_a_writer_took_off() {
        let (shelf, t) = (shelf(), Instant::now());
        let since = shelf.since(t);
        shelf.remove("a");
        shelf.put(since, "a", (1, 4), None);
        assert!(shelf.get("a", t).is_none());
    }

    #[test]
    fn its_bytes_are_bounded() {
        let (shelf, t) = (shelf(), Instant::now());
        for n in 0..10_000 {
            shelf.put(shelf.since(t), &n.to_string(), (n, 1_000), None);
        }
        assert!(shelf.len() <= 60, "{}", shelf.len());
    }
}
