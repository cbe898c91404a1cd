//! What is said on the control socket: one JSON object a line, one answer for each request.

use serde::{Deserialize, Serialize};

use super::board::Record;
use crate::monitor::Snapshot;
use crate::stack::process::Process;
use crate::stack::procfs::Identity;

/// A request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub(crate) enum Request {
    /// What runs.
    Status,
    /// Start this process if it does not run; its place must be prepared.
    Start {
        /// Which.
        process: Process,
    },
    /// Stop this process and leave it stopped.
    Stop {
        /// Which.
        process: Process,
    },
    /// What the monitors say.
    Health,
    /// The monitors' metrics as Prometheus reads them.
    Metrics,
    /// Read the configuration again, and watch as it says.
    Reload,
    /// Stop every process, then end.
    StopAll,
}

/// An answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// The supervisor itself.
    pub(crate) supervisor: Option<Identity>,
    /// Its processes.
    pub(crate) processes: Vec<Record>,
    /// What the monitors say, if that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) health: Option<Vec<Snapshot>>,
    /// The metrics, if they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) metrics: Option<String>,
    /// Why the request was not done.
    pub(crate) error: Option<String>,
}
