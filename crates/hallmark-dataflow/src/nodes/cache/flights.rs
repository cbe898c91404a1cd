//! One loader for each entry in a process: who comes while it loads waits for what it finds.
//!
//! Who has changed a row leaves the flight behind: who comes after that does not get what was read before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};
use tokio::sync::watch;

/// What a flight found: the row, or that there is none.
pub(crate) type Landed = Option<Map<String, Value>>;

/// The entries that are being loaded.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashMap<String, Flight>>);

#[derive(Clone, Debug)]
struct Flight(Arc<watch::Sender<Option<Landed>>>);

/// What a caller does.
pub(crate) enum Joined<'a> {
    /// It loads.
    Leads(Lead<'a>),
    /// It waits; the sender goes without a word if the loader failed.
    Waits(watch::Receiver<Option<Landed>>),
}

/// The right and duty to load an entry, over when it is dropped.
pub(crate) struct Lead<'a> {
    flights: &'a Flights,
    entry: String,
    flight: Flight,
}

impl Flights {
    /// Waits with those who wait, or loads.
    pub(crate) fn join(&self, entry: &str) -> Joined<'_> {
        let mut all = self.all();
        if let Some(flight) = all.get(entry) {
            return Joined::Waits(flight.0.subscribe());
        }
        let flight = Flight(Arc::new(watch::Sender::new(None)));
        all.insert(entry.to_owned(), flight.clone());
        Joined::Leads(Lead { flights: self, entry: entry.to_owned(), flight })
    }

    /// Who comes from now on loads anew.
    pub(crate) fn leave(&self, entry: &str) {
        self.all().remove(entry);
    }

    /// The same for every entry.
    pub(crate) fn leave_all(&self) {
        self.all().clear();
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Flight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lead<'_> {
    /// Tells those who wait.
    pub(crate) fn land(&self, row: &Landed) {
        self.flight.0.send_replace(Some(row.clone()));
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        let mut all = self.flights.all();
        if all.get(&self.entry).is_some_and(|flight| Arc::ptr_eq(&flight.0, &self.flight.0)) {
            all.remove(&self.entry);
        }
    }
}
