//! Who answered the reads of one call: noted where a read is made, read where the call's answer is given out.
//!
//! A ledger goes with the task. What is spawned for a call takes it along with [`carry`].

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::Source;
use crate::ServiceKind;

tokio::task_local! {
    static CURRENT: Ledger;
}

/// The sources of the answers that one call is made of. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    worst: Arc<Mutex<BTreeMap<ServiceKind, Source>>>,
}

/// Orders sources from the service itself to an answer of unknown age.
fn rank(source: &Source) -> (u8, u128) {
    let age = source.age().map_or(u128::MAX, |age| age.as_nanos());
    match source {
        Source::Primary => (0, 0),
        Source::Replica { .. } => (1, age),
        Source::Fallback { .. } => (2, age),
    }
}

impl Ledger {
    /// Notes one answer; of each service the worst source is kept.
    pub fn note(&self, service: ServiceKind, source: &Source) {
        let mut worst = self.worst.lock().unwrap_or_else(PoisonError::into_inner);
        match worst.get(&service) {
            Some(known) if rank(known) >= rank(source) => {}
            _ => drop(worst.insert(service, source.clone())),
        }
    }

    /// The worst source of each service that was read.
    #[must_use]
    pub fn sources(&self) -> BTreeMap<ServiceKind, Source> {
        self.worst.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The sources that are not the service itself, as every channel sends them, the worst first; `None` if there are none.
    #[must_use]
    pub fn to_json(&self) -> Option<Value> {
        let mut other: Vec<(ServiceKind, Source)> =
            self.sources().into_iter().filter(|(_, source)| !source.is_primary()).collect();
        other.sort_by_key(|(_, source)| std::cmp::Reverse(rank(source)));
        let rows: Vec<Value> = other.iter().map(|(service, source)| source.to_json(*service)).collect();
        (!rows.is_empty()).then_some(Value::Array(rows))
    }

    /// Whether every answer was the service's own.
    #[must_use]
    pub fn is_primary(&self) -> bool {
        self.sources().values().all(Source::is_primary)
    }

    /// Runs the work with this ledger.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }
}

/// Notes an answer in the ledger of the call that is under way, if there is one.
pub fn note(service: ServiceKind, source: &Source) {
    let _ = CURRENT.try_with(|ledger| ledger.note(service, source));
}

/// Runs a part of a call on a ledger of its own, and tells what that part is made of: what is kept for later must be the
/// services' own. The call's ledger is told, too.
pub async fn apart<F: Future>(work: F) -> (F::Output, Ledger) {
    let own = Ledger::default();
    let output = own.clone().scope(work).await;
    for (service, source) in own.sources() {
        note(service, &source);
    }
    (output, own)
}

/// The work with the ledger of the call that is under way: for what is spawned.
pub fn carry<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let ledger = CURRENT.try_with(Ledger::clone).unwrap_or_default();
    CURRENT.scope(ledger, work)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resilience::Stand;
    use std::time::Duration;

    fn cache(ms: u64) -> Source {
        Source::Fallback { stand: Stand::LocalCache, age: Some(Duration::from_millis(ms)) }
    }

    #[tokio::test]
    async fn the_worst_source_counts_also_across_tasks() {
        let ledger = Ledger::default();
        let work = async {
            note(ServiceKind::Redis, &cache(30));
            note(ServiceKind::Redis, &Source::Primary);
            note(ServiceKind::Neo4j, &Source::Primary);
            tokio::spawn(carry(async { note(ServiceKind::Redis, &cache(50)) })).await.unwrap();
            note(ServiceKind::Redis, &cache(40));
            let (_, own) = apart(async { note(ServiceKind::Neo4j, &Source::Primary) }).await;
            assert!(own.is_primary(), "only of its own part");
            let (_, own) = apart(async { note(ServiceKind::Redis, &cache(10)) }).await;
            assert!(!own.is_primary());
        };
        ledger.clone().scope(work).await;
        let rows = ledger.to_json().unwrap();
        assert_eq!(rows.as_array().map(Vec::len), Some(1), "{rows}");
        assert_eq!((&rows[0]["age_ms"], &rows[0]["name"]), (&50.into(), &"local-cache".into()));
        note(ServiceKind::Redis, &cache(1)); // outside of a call it is nobody's
        assert_eq!(Ledger::default().to_json(), None);
    }
}
