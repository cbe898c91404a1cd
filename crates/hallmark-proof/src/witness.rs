//! Asks the servers about the connections that the relays carry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use hallmark_services::witness::{Sighting, counters, sightings, tells_connections};
use hallmark_services::{Handles, ServiceKind};

use crate::ledger::Ledger;
use crate::limits::SIGHTING_TIMEOUT;

/// The servers as witnesses.
pub(crate) struct Witness {
    handles: Handles,
    /// Those that did not answer once: tests must not wait for them again.
    silent: Mutex<BTreeSet<ServiceKind>>,
}

/// The servers' counters, by service and name.
pub(crate) type Counters = BTreeMap<ServiceKind, BTreeMap<String, u64>>;

impl Witness {
    pub(crate) fn new(handles: Handles) -> Self {
        Self { handles, silent: Mutex::default() }
    }

    /// Asks the servers about these connections and writes their answers into the ledger, to the test if one is named.
    pub(crate) async fn confirm(&self, ledger: &Ledger, numbers: &[usize], test: Option<usize>) {
        let mut ports: BTreeMap<ServiceKind, BTreeMap<u16, usize>> = BTreeMap::new();
        {
            let inner = ledger.lock();
            for number in numbers {
                let Some(connection) = inner.connections.get(*number) else { continue };
                if tells_connections(connection.service) {
                    ports.entry(connection.service).or_default().insert(connection.port, *number);
                }
            }
        }
        for (service, ports) in ports {
            let asked: Vec<u16> = ports.keys().copied().collect();
            let Some(found) = self.ask(service, &asked).await else { continue };
            let mut inner = ledger.lock();
            for (port, sighting) in found {
                if let Some(number) = ports.get(&port) {
                    inner.sighted(*number, sighting, test);
                }
            }
        }
    }

    async fn ask(&self, service: ServiceKind, ports: &[u16]) -> Option<BTreeMap<u16, Sighting>> {
        if self.silent().contains(&service) {
            return None;
        }
        let work = sightings(service, &self.handles, ports);
        match tokio::time::timeout(SIGHTING_TIMEOUT, work).await {
            Ok(Ok(found)) => Some(found),
            _ => {
                self.silent().insert(service);
                None
            }
        }
    }

    fn silent(&self) -> std::sync::MutexGuard<'_, BTreeSet<ServiceKind>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The servers' counters now; a server that does not answer is left out.
    pub(crate) async fn counters(&self, services: &[ServiceKind]) -> Counters {
        let mut all = Counters::new();
        for service in services {
            let read = tokio::time::timeout(SIGHTING_TIMEOUT, counters(*service, &self.handles)).await;
            if let Ok(Ok(read)) = read
                && !read.is_empty()
            {
                all.insert(*service, read);
            }
        }
        all
    }
}

/// What grew between two readings.
pub(crate) fn growth(before: &Counters, after: &Counters, service: ServiceKind) -> BTreeMap<String, u64> {
    let (Some(before), Some(after)) = (before.get(&service), after.get(&service)) else {
        return BTreeMap::new();
    };
    let of = |(name, now): (&String, &u64)| {
        let grown = now.saturating_sub(before.get(name).copied().unwrap_or_default());
        (grown > 0).then(|| (name.clone(), grown))
    };
    after.iter().filter_map(of).collect()
}
