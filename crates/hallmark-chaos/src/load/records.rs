//! Numbered records in a service that keeps them, beside the ledger of what it acknowledged.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hallmark_core::Result;
use hallmark_services::Handles;

use super::Load;
use crate::failure::{Failure, Outcome};
use crate::ledger::{Ledger, PARTS, Source, Stored, Violation};
use hallmark_core::random::mixed;

/// How records lie in one kind of server.
pub(crate) trait Store: Send + Sync {
    /// Whether a record's parts are written in a transaction.
    const WHOLE: bool;

    /// The pauses between two writes, and between two reads.
    const PAUSES: (Duration, Duration);

    /// Makes what the records lie in.
    fn prepare(&self, handles: &Handles) -> impl Future<Output = Result<()>> + Send;

    /// Writes both parts of a record and sets the register to its number: in one transaction, which stays open for
    /// [`HELD`], where the server has transactions.
    fn write(
        &self,
        handles: &Handles,
        number: u64,
        parts: [String; PARTS as usize],
    ) -> impl Future<Output = Result<()>> + Send;

    /// The parts of a record.
    fn record(
        &self,
        handles: &Handles,
        number: u64,
    ) -> impl Future<Output = Result<BTreeMap<u8, String>>> + Send;

    /// The register.
    fn register(&self, handles: &Handles) -> impl Future<Output = Result<Option<u64>>> + Send;

    /// All records with numbers up to this one, and all above it.
    fn all(&self, handles: &Handles, begun: u64) -> impl Future<Output = Result<Stored>> + Send;
}

/// How long a transaction of the load stays open between its two parts.
pub(super) const HELD: Duration = Duration::from_millis(25);

/// The load of a store.
pub(crate) struct Records<S> {
    store: S,
    ledger: Ledger,
    writing: RwLock<Handles>,
    reading: RwLock<Handles>,
    turns: std::sync::atomic::AtomicU64,
}

impl<S: Store> Records<S> {
    pub(super) fn new(store: S, handles: &Handles, ledger: Ledger) -> Self {
        let (writing, reading) = (RwLock::new(handles.clone()), RwLock::new(handles.clone()));
        Self { store, ledger, writing, reading, turns: std::sync::atomic::AtomicU64::new(0) }
    }

    fn reading(&self) -> Handles {
        self.reading.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn write_one(&self) -> Result<()> {
        let handles = self.writing.read().unwrap_or_else(PoisonError::into_inner).clone();
        let number = self.ledger.begin();
        let parts =
            std::array::from_fn(|part| self.ledger.content(number, u8::try_from(part).unwrap_or_default()));
        self.store.write(&handles, number, parts).await?;
        self.ledger.acknowledge(number).map_err(|Failure(e)| {
            hallmark_core::Error::new(&hallmark_core::codes::INTERNAL, "the ledger").because_text(e)
        })
    }

    async fn read_one(&self) -> Result<Vec<Violation>> {
        let handles = self.reading();
        let turn = self.turns.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (acknowledged, _) = self.ledger.bounds();
        let register = self.store.register(&handles).await?;
        let (_, begun) = self.ledger.bounds();
        let mut found = Ledger::judge_register(register, acknowledged, begun, Source::Unlabelled);
        let place = usize::try_from(mixed(turn) >> 16).unwrap_or_default();
        if let Some(number) = self.ledger.pick(place) {
            found.extend(self.ledger.judge_record(number, &self.store.record(&handles, number).await?));
        }
        Ok(found)
    }

    async fn verify_all(&self) -> Result<Vec<Violation>> {
        let handles = self.reading();
        let before = self.ledger.page();
        let register = self.store.register(&handles).await?;
        let stored = self.store.all(&handles, before.begun).await?;
        let after = self.ledger.page();
        let mut found = self.ledger.judge_all(&stored, &before, &after, S::WHOLE);
        let acknowledged = before.acknowledged.last().copied().unwrap_or(0);
        found.extend(Ledger::judge_register(register, acknowledged, after.begun, Source::Unlabelled));
        Ok(found)
    }
}

impl<S: Store> Load for Records<S> {
    fn prepare(&self) -> BoxFuture<'_, Outcome> {
        Box::pin(async {
            let handles = self.reading();
            self.store.prepare(&handles).await.map_err(|e| Failure(super::words(&e)))
        })
    }

    fn write(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.write_one())
    }

    fn read(&self) -> BoxFuture<'_, Result<Vec<Violation>>> {
        Box::pin(self.read_one())
    }

    fn verify(&self) -> BoxFuture<'_, Result<Vec<Violation>>> {
        Box::pin(self.verify_all())
    }

    fn renew(&self, writing: Handles, reading: Handles) {
        *self.writing.write().unwrap_or_else(PoisonError::into_inner) = writing;
        *self.reading.write().unwrap_or_else(PoisonError::into_inner) = reading;
    }

    fn acknowledged(&self) -> u64 {
        self.ledger.count()
    }

    fn pauses(&self) -> (Duration, Duration) {
        S::PAUSES
    }
}
