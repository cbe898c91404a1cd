//! Gate 3: the frameworks do what they are for: every generated node has its effect, every channel gives the same answers, one
//! session is valid on all, the three tools of the requirements answer.

mod channels;
mod control;
mod nodes;
mod tools;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hallmark_core::Result;
use hallmark_evidence::Evidence;

use crate::channels::Wire;
use crate::codes;
use crate::context::{Context, Instrument, Measured};
use crate::section::Kind;

/// The gate.
pub(crate) static GATE: Instrument = Instrument {
    id: "framework",
    title: "Framework validation",
    kind: Kind::Gate,
    weight: 0.10,
    measure,
    control: control::run,
};

/// Nodes of the data platform.
const NODES: &str = "REQ-FW-001";
/// Channels that give the same answers.
const CHANNELS: &str = "REQ-FW-002";
/// One session across channels.
const SESSION: &str = "REQ-FW-003";
/// The tools of the requirements.
const TOOLS: &str = "REQ-FW-004";

fn measure(context: &Context) -> BoxFuture<'_, Measured> {
    async move {
        let wire = connect(context).await;
        let mut evidence = nodes::measure(context, wire.as_ref()).await;
        evidence.extend(channels::measure(wire.as_ref()).await);
        evidence.extend(tools::measure(wire.as_ref()).await);
        Measured::evidence(evidence)
    }
    .boxed()
}

/// A client of the deployment, or why there is none, in words: every check that needs it says so.
async fn connect(context: &Context) -> Result<Wire, String> {
    match &context.deployment {
        None => Err("no deployment of the project was given: start one with hallmark serve".to_owned()),
        Some(deployment) => Wire::connect(deployment).await.map_err(|e| e.to_string()),
    }
}

/// The evidence with what a check found: a fact and whether it holds, or why it could not be measured.
fn settle(
    evidence: Evidence,
    started: std::time::Instant,
    found: Result<(serde_json::Value, bool, String)>,
) -> Evidence {
    let evidence = evidence.took(started.elapsed());
    match found {
        Ok((measured, true, _)) => evidence.measured(measured, true),
        Ok((measured, false, reason)) => evidence.measured(measured, false).because(reason),
        // What stood in for a service measures nothing: neither for nor against it.
        Err(error) if error.is(&codes::STOOD_IN) => evidence.because(error.to_string()),
        Err(error) => {
            evidence.measured(serde_json::json!({"error": error.code().id}), false).because(error.to_string())
        }
    }
}
