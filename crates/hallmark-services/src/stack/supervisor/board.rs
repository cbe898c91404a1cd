//! What is known of each process, kept on disk so that it survives the supervisor.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use hallmark_core::{Result, clock, fs};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::platform::Signal;
use crate::stack::home::Home;
use crate::stack::limits;
use crate::stack::process::Process;
use crate::stack::procfs::Identity;

/// Where a process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Not running, and meant to be so.
    Stopped,
    /// Running.
    Running,
    /// Died; it will be started again.
    Restarting,
    /// Died too often in a row; given up.
    Failed,
}

/// What is known of a process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Which.
    pub process: Process,
    /// Where it is in its life.
    pub phase: Phase,
    /// The running process.
    pub identity: Option<Identity>,
    /// Since when it is in this phase.
    pub since: String,
    /// How often it was restarted after a death.
    pub restarts: u32,
    /// Whether a later supervisor took it over.
    pub adopted: bool,
    /// How it ended last: exit code or signal, and its last words.
    pub last_exit: Option<String>,
}

impl Record {
    fn new(process: Process) -> Self {
        Self {
            process,
            phase: Phase::Stopped,
            identity: None,
            since: clock::now(),
            restarts: 0,
            adopted: false,
            last_exit: None,
        }
    }

    /// The process if it runs at this moment.
    #[must_use]
    pub fn alive(&self) -> Option<&Identity> {
        self.identity.as_ref().filter(|identity| identity.is_alive())
    }
}

fn file(home: &Home) -> PathBuf {
    home.run().join("processes.json")
}

/// The records on disk, whoever wrote them.
pub(crate) fn records(home: &Home) -> BTreeMap<Process, Record> {
    let text = std::fs::read_to_string(file(home)).unwrap_or_default();
    let rows: Vec<Record> = serde_json::from_str(&text).unwrap_or_default();
    rows.into_iter().map(|record| (record.process, record)).collect()
}

/// The supervisor's table of records. Each change is on disk before the next step is taken.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    home: Home,
    /// Counts the changes.
    moves: watch::Sender<u64>,
    moved: watch::Receiver<u64>,
    rows: Arc<Mutex<BTreeMap<Process, Record>>>,
    /// Processes that are being stopped on purpose: their end is no death.
    stopping: Arc<Mutex<BTreeSet<Process>>>,
}

impl Board {
    /// The table as it was left.
    pub(super) fn open(home: Home) -> Self {
        let rows = Arc::new(Mutex::new(records(&home)));
        let (moves, moved) = watch::channel(0);
        Self { home, moves, moved, rows, stopping: Arc::default() }
    }

    /// The record of a process.
    pub(crate) fn get(&self, process: Process) -> Record {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.get(&process).cloned().unwrap_or_else(|| Record::new(process))
    }

    /// All records.
    pub(crate) fn all(&self) -> Vec<Record> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Whether the process is being stopped on purpose.
    pub(crate) fn is_stopping(&self, process: Process) -> bool {
        self.stopping.lock().unwrap_or_else(PoisonError::into_inner).contains(&process)
    }

    /// Says that the process is being stopped on purpose, or that this is over.
    pub(super) fn stopping(&self, process: Process, now: bool) {
        let mut all = self.stopping.lock().unwrap_or_else(PoisonError::into_inner);
        if now {
            all.insert(process)
        } else {
            all.remove(&process)
        };
        drop(all);
        self.moves.send_modify(|count| *count += 1);
    }

    /// Waits until a record has changed since this clone of the table last said so.
    pub(crate) async fn moved(&mut self) {
        if self.moved.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Changes a record and writes the table. A table that cannot be written is not worth a server's life: it is logged.
    pub(super) fn change(&self, process: Process, change: impl FnOnce(&mut Record)) {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let record = rows.entry(process).or_insert_with(|| Record::new(process));
        let before = (record.phase, record.identity.clone());
        change(record);
        if (record.phase, &record.identity) != (before.0, &before.1) {
            record.since = clock::now();
        }
        let written: Vec<&Record> = rows.values().collect();
        let text = serde_json::to_string_pretty(&written).unwrap_or_default();
        if let Err(error) = fs::write_atomic(&file(&self.home), text.as_bytes(), fs::Mode::Private) {
            tracing::error!(%error, "the process records could not be written");
        }
        drop(rows);
        self.moves.send_modify(|count| *count += 1);
    }
}

/// Stops what runs without a supervisor: only processes whose pid and start time are the recorded ones.
pub(crate) async fn stop_directly(home: &Home, only: &[Process]) -> Result<()> {
    let board = Board::open(home.clone());
    let alive = board.all().into_iter().filter(|record| only.contains(&record.process));
    let endings = alive.filter_map(|record| Some((record.process, record.alive()?.clone())));
    join_all(endings.map(|(process, identity)| {
        let board = board.clone();
        async move {
            let stop = process.stop();
            identity.signal(stop.signal);
            if !identity.gone_within(stop.patience).await {
                identity.signal(Signal::Kill);
                identity.gone_within(limits::KILL_PATIENCE).await;
            }
            board.change(process, |record| {
                record.phase = Phase::Stopped;
                record.identity = None;
                record.last_exit = Some("stopped".to_owned());
            });
        }
    }))
    .await;
    Ok(())
}
