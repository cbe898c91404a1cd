//! Runs: what was executed, by whom, how it ended and what it gave.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// How a run or a node of it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not ended.
    Running,
    /// Ended as it should.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Not run, because the branch that leads to it was not taken.
    Skipped,
    /// Ended or never begun, because another node failed, the time was up or someone cancelled the run.
    Cancelled,
    /// The process that ran it is gone; how far it came is not known.
    Interrupted,
}

impl Status {
    /// The name as it is stored and sent.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Running, Self::Succeeded, Self::Failed, Self::Skipped, Self::Cancelled, Self::Interrupted]
            .into_iter()
            .find(|status| status.name() == name)
    }
}

/// One execution of a workflow. What [`crate::RunStore::get`] reads is what [`crate::LocalRuntime`] returned.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// A version 7 UUID: sorts by time.
    pub run_id: String,
    /// The name of the workflow or node.
    pub workflow: String,
    /// How it stands.
    pub status: Status,
    /// Who asked for it.
    pub caller: String,
    /// The tenant it was run for.
    pub tenant: Option<String>,
    /// The session it is kept with.
    pub session: Option<String>,
    /// What was given, personal and secret values masked.
    pub inputs: Value,
    /// Every node, in the order of the workflow.
    pub nodes: Vec<NodeRun>,
    /// The results of the nodes that succeeded, by id.
    pub results: BTreeMap<String, Arc<Value>>,
    /// The result of the whole; `null` unless it succeeded.
    pub result: Arc<Value>,
    /// Why it failed, in the shape of [`hallmark_core::Error::to_json`].
    pub error: Option<Value>,
    /// When it began, to the microsecond.
    pub started_at: Timestamp,
    /// How long it took, in microseconds; 0 while it runs.
    pub duration_us: i64,
    /// Whether it can be read again: not without a store, and not if the store could not be reached when a run that
    /// changes nothing was made.
    pub kept: bool,
}

/// One node of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeRun {
    /// The id in the workflow.
    pub id: String,
    /// The name in the registry.
    pub node: String,
    /// How it stands.
    pub status: Status,
    /// Why it failed.
    pub error: Option<Value>,
    /// When it began, if it did.
    pub started_at: Option<Timestamp>,
    /// How long it took, in microseconds.
    pub duration_us: i64,
}

impl Run {
    /// The shape every channel sends. `result` is the member that is the same bytes everywhere in canonical form.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let nodes: Vec<Value> = self.nodes.iter().map(NodeRun::to_json).collect();
        let results: Map<String, Value> =
            self.results.iter().map(|(id, value)| (id.clone(), Value::clone(value))).collect();
        json!({
            "run_id": self.run_id,
            "workflow": self.workflow,
            "status": self.status,
            "caller": self.caller,
            "tenant": self.tenant,
            "session": self.session,
            "inputs": self.inputs,
            "nodes": nodes,
            "results": results,
            "result": *self.result,
            "error": self.error,
            "started_at": self.started_at.to_string(),
            "duration_ms": millis(self.duration_us),
        })
    }
}

impl NodeRun {
    /// The shape every channel sends.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "node": self.node,
            "status": self.status,
            "error": self.error,
            "started_at": self.started_at.map(|t| t.to_string()),
            "duration_ms": millis(self.duration_us),
        })
    }
}

/// One line of a list of runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSummary {
    /// The run.
    pub run_id: String,
    /// The name of the workflow or node.
    pub workflow: String,
    /// How it stands.
    pub status: Status,
    /// Who asked for it.
    pub caller: String,
    /// The tenant it was run for.
    pub tenant: Option<String>,
    /// The session it is kept with.
    pub session: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds; 0 while it runs.
    pub duration_ms: f64,
}

#[expect(clippy::cast_precision_loss, reason = "a run of 285 years would be needed to lose a microsecond")]
pub(crate) fn millis(micros: i64) -> f64 {
    micros as f64 / 1000.0
}

/// Now, to the microsecond, which is what PostgreSQL keeps.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}
