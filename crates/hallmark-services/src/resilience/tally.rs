//! What a process counts of its answers, as metrics and `status` show it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hallmark_core::{Error, clock};
use serde::{Deserialize, Serialize};

use super::answer::millis;
use super::{BreakerState, Source};
use crate::ServiceKind;

/// The counts of one service in one process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Answers of the service itself.
    pub primary: u64,
    /// Answers of replicas in good order.
    pub replica: u64,
    /// Answers of what stood in, by its name.
    pub fallback: BTreeMap<String, u64>,
    /// Requests that found no place.
    pub full: u64,
    /// Statements that took longer than the project allows before they are written down.
    #[serde(default)]
    pub slow: u64,
    /// How often the circuit opened.
    pub opened: u64,
    /// The circuit's state when it was last touched.
    pub breaker: Option<BreakerState>,
    /// Why the service was last taken for unusable; `None` once it answers again.
    pub reason: Option<String>,
    /// When something last stood in.
    pub last_fallback_at: Option<String>,
    /// What last stood in.
    pub last_fallback: Option<String>,
    /// How old that answer was at most, in milliseconds; `None` if nobody knows.
    pub last_fallback_age_ms: Option<u64>,
    /// The largest age of an answer that stood in, in milliseconds.
    pub oldest_ms: u64,
    /// The lag of the replica that last answered, in milliseconds.
    pub lag_ms: Option<u64>,
}

impl Count {
    /// Whether something stands in for the service at this moment: the circuit is not closed.
    #[must_use]
    pub fn stands_in(&self) -> bool {
        self.breaker.is_some_and(|state| state != BreakerState::Closed) && !self.fallback.is_empty()
    }

    /// Answers of what stood in.
    #[must_use]
    pub fn fallbacks(&self) -> u64 {
        self.fallback.values().sum()
    }
}

/// All counts of a process. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    counts: Mutex<BTreeMap<ServiceKind, Count>>,
    changes: AtomicU64,
}

impl Tally {
    /// The counts of each service that was used.
    #[must_use]
    pub fn all(&self) -> BTreeMap<ServiceKind, Count> {
        self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Grows with every change that somebody may want to see.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.shared.changes.load(Ordering::Relaxed)
    }

    pub(super) fn answered(&self, service: ServiceKind, source: &Source) {
        self.change(service, |count| match source {
            Source::Primary => count.primary += 1,
            Source::Replica { lag, .. } => {
                count.replica += 1;
                count.lag_ms = Some(millis(*lag));
            }
            Source::Fallback { stand, age } => {
                *count.fallback.entry(stand.name().to_owned()).or_default() += 1;
                count.last_fallback_at = Some(clock::now());
                count.last_fallback = Some(stand.name().to_owned());
                count.last_fallback_age_ms = age.map(millis);
                count.oldest_ms = count.oldest_ms.max(age.map(millis).unwrap_or_default());
            }
        });
    }

    /// Counts a statement that was slow.
    pub fn slow(&self, service: ServiceKind) {
        self.change(service, |count| count.slow += 1);
    }

    pub(super) fn full(&self, service: ServiceKind) {
        self.change(service, |count| count.full += 1);
    }

    pub(super) fn breaker(
        &self,
        service: ServiceKind,
        state: BreakerState,
        opened: u64,
        outage: Option<&Error>,
    ) {
        self.change(service, |count| {
            count.breaker = Some(state);
            count.opened = opened;
            match outage {
                Some(error) => count.reason = Some(format!("[{}] {error}", error.code().id)),
                None if state == BreakerState::Closed => count.reason = None,
                None => {}
            }
        });
    }

    /// Why the service was last taken for unusable.
    pub(super) fn reason(&self, service: ServiceKind) -> Option<String> {
        let counts = self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(&service).and_then(|count| count.reason.clone())
    }

    fn change(&self, service: ServiceKind, change: impl FnOnce(&mut Count)) {
        let mut counts = self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner);
        change(counts.entry(service).or_default());
        drop(counts);
        self.shared.changes.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resilience::Stand;
    use std::time::Duration;

    #[test]
    fn it_stands_in_only_while_the_circuit_is_not_closed() {
        let (tally, redis) = (Tally::default(), ServiceKind::Redis);
        let source = Source::Fallback { stand: Stand::LocalCache, age: Some(Duration::from_millis(40)) };
        tally.answered(redis, &Source::Primary);
        tally.answered(redis, &source);
        tally.breaker(redis, BreakerState::Open, 1, Some(&Error::new(&crate::codes::TIMED_OUT, "late")));
        let count = tally.all()[&redis].clone();
        assert!(count.stands_in() && count.reason.is_some_and(|r| r.contains("HM-S004")));
        assert_eq!((count.primary, count.oldest_ms, count.fallback["local-cache"]), (1, 40, 1));
        tally.breaker(redis, BreakerState::Closed, 1, None);
        let count = tally.all()[&redis].clone();
        assert!(!count.stands_in() && count.reason.is_none());
        assert_eq!(tally.changes(), 4);
    }
}
