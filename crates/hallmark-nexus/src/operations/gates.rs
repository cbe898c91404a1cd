//! `gates.list`: what the last certification found, gate by gate.

use hallmark_evidence::Verdict;
use serde::Serialize;
use serde_json::json;

use super::{Effect, Operation, Outcome};

/// The gates as the last certification left them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GatesStatus {
    /// The gates in the order they are shown in.
    pub gates: Vec<GateStatus>,
    /// The proven score, 0 to 1; `None` before the first certification.
    pub score: Option<f64>,
    /// `excellent`, `good`, `acceptable` or `insufficient`.
    pub level: Option<String>,
    /// When it was certified, RFC 3339.
    pub certified_at: Option<String>,
    /// What to do next.
    pub next: Option<String>,
}

/// One gate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GateStatus {
    /// The identifier, `infrastructure`.
    pub id: String,
    /// What a person calls it.
    pub title: String,
    /// Its weight in the whole, 0 to 1.
    pub weight: f64,
    /// How much of its weight is proven, 0 to 1 of the gate.
    pub proven: f64,
    /// What it says.
    pub verdict: Verdict,
    /// Whether its negative control was caught in the same run.
    pub instrument_proven: bool,
    /// What its control showed.
    pub instrument: String,
    /// How many of its checks say what.
    pub checks: Vec<(Verdict, u64)>,
    /// When it was measured, RFC 3339.
    pub measured_at: Option<String>,
    /// The command that measures it again.
    pub reproduce: String,
}

pub(super) fn list() -> Operation {
    let run: super::Run =
        |call| Box::pin(async move { Ok(Outcome::of(json!(call.operations.shared.gates.get().await?))) });
    Operation::new(
        "gates.list",
        "The gates of the last certification with their verdicts.",
        Effect::Reads,
        run,
    )
    .routes(&[("GET", "/api/v1/gates")])
    .tool("list_gates")
}
