//! What the monitors know, and to whom they tell it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use hallmark_core::clock;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::limits;
use super::machine::{Beat, Fault, Health, Machine};
use super::{Histogram, history};
use crate::stack::Cause;
use crate::{ProbeReport, ServiceKind};

/// How many checks went how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Answered, in time or not.
    pub answered: u64,
    /// Not answered in time; those that were answered later count as answered too.
    pub late: u64,
    /// Failed.
    pub failed: u64,
    /// Found their connection cut, and were answered on a new one.
    pub cut: u64,
}

/// What a monitor knows of its service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// Which.
    pub service: ServiceKind,
    /// Its state.
    pub health: Health,
    /// Since when it is in this state.
    pub since: String,
    /// The kind of failure behind that, if one was seen.
    pub fault: Option<Fault>,
    /// Why it is not healthy.
    pub reason: Option<String>,
    /// What the evidence says about that, if it was looked at.
    pub cause: Option<Cause>,
    /// How long the last answer took, in milliseconds.
    pub latency_ms: Option<f64>,
    /// The last checks, oldest first, in milliseconds; `None` where nothing answered.
    pub recent_ms: VecDeque<Option<f64>>,
    /// How the checks went since the monitor began.
    pub checks: Counts,
    /// How often each state was entered since then.
    pub entered: BTreeMap<Health, u64>,
    /// How long the answers took since then.
    pub latency: Histogram,
    /// When it was last looked at.
    pub checked_at: Option<String>,
}

impl Snapshot {
    fn new(service: ServiceKind) -> Self {
        Self {
            service,
            health: Health::NotMeasured,
            since: clock::now(),
            fault: None,
            reason: Some("not measured yet".to_owned()),
            cause: None,
            latency_ms: None,
            recent_ms: VecDeque::with_capacity(limits::RECENT),
            checks: Counts::default(),
            entered: BTreeMap::new(),
            latency: Histogram::default(),
            checked_at: None,
        }
    }

    fn count(&mut self, beat: &Beat) {
        let answered = match beat {
            Beat::Answered(took) => {
                self.checks.answered += 1;
                self.latency.add(*took);
                Some(took.as_secs_f64() * 1e3)
            }
            Beat::Late => {
                self.checks.late += 1;
                return;
            }
            Beat::Cut(_) => {
                self.checks.cut += 1;
                None
            }
            Beat::Failed(..) => {
                self.checks.failed += 1;
                None
            }
        };
        self.latency_ms = answered.map(|ms| (ms * 1e3).round() / 1e3);
        if self.recent_ms.len() == limits::RECENT {
            self.recent_ms.pop_front();
        }
        self.recent_ms.push_back(self.latency_ms);
    }
}

/// A service is in another state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Which.
    pub service: ServiceKind,
    /// When.
    pub at: String,
    /// The state before.
    pub from: Health,
    /// The state now.
    pub to: Health,
    /// How long the state before had lasted, in milliseconds.
    pub lasted_ms: u64,
    /// What was seen.
    pub reason: String,
    /// The kind of failure, if one was seen.
    pub fault: Option<Fault>,
    /// What the evidence says.
    pub cause: Option<Cause>,
}

/// Something that an outlet may want to tell.
#[derive(Clone, Debug)]
pub(crate) enum News {
    /// A state changed.
    Turned(Arc<Turn>),
    /// A line of the history that is no change.
    Noted(ServiceKind, history::Entry),
    /// A check failed.
    Failed { service: ServiceKind, began: SystemTime, took: Duration, reason: String },
    /// A full probe was made.
    Probed { began: SystemTime, report: Arc<ProbeReport> },
}

/// The table of snapshots and the outlets. Cheap to clone; clones share both.
#[derive(Clone, Debug)]
pub(crate) struct Bulletin {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    table: Mutex<BTreeMap<ServiceKind, Snapshot>>,
    outlets: Vec<mpsc::Sender<News>>,
    lost: AtomicU64,
}

impl Bulletin {
    pub(crate) fn new(services: &[ServiceKind], outlets: Vec<mpsc::Sender<News>>) -> Self {
        let table = services.iter().map(|service| (*service, Snapshot::new(*service))).collect();
        Self { inner: Arc::new(Inner { table: Mutex::new(table), outlets, lost: AtomicU64::new(0) }) }
    }

    /// Every snapshot, in the order of the services.
    pub(crate) fn snapshots(&self) -> Vec<Snapshot> {
        self.inner.table.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// News that no outlet took because its queue was full.
    pub(crate) fn lost(&self) -> u64 {
        self.inner.lost.load(Ordering::Relaxed)
    }

    /// Takes note of what was observed and of the state that it led to.
    pub(crate) fn note(&self, service: ServiceKind, beat: Option<&Beat>, machine: &Machine) {
        let mut table = self.inner.table.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = table.entry(service).or_insert_with(|| Snapshot::new(service));
        if let Some(beat) = beat {
            snapshot.count(beat);
            snapshot.checked_at = Some(clock::now());
        }
        if snapshot.health != machine.health() {
            snapshot.health = machine.health();
            snapshot.since = clock::now();
            *snapshot.entered.entry(machine.health()).or_default() += 1;
        }
        snapshot.fault = machine.fault();
        snapshot.reason = machine.reason().map(ToOwned::to_owned);
        if machine.health() == Health::Healthy {
            snapshot.cause = None;
        }
    }

    /// Keeps what the evidence says about the present state.
    pub(crate) fn explain(&self, service: ServiceKind, cause: Option<&Cause>) {
        let mut table = self.inner.table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(snapshot) = table.get_mut(&service) {
            snapshot.cause = cause.cloned();
        }
    }

    /// Tells every outlet. One that is behind misses it; the loss is counted.
    pub(crate) fn tell(&self, news: &News) {
        for outlet in &self.inner.outlets {
            if outlet.try_send(news.clone()).is_err() {
                self.inner.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}
