//! Every generated node executed once, its effect seen by other means than the node itself.
//!
//! The trial runs in a schema, a key prefix and a folder of its own, which are removed afterwards. Rows are put in and looked
//! at with SQL that shares nothing with the nodes, so a node that answers nicely and does nothing is found out.

mod checks;
mod generate;
mod oracle;

use std::sync::Arc;
use std::time::Instant;

use hallmark_core::{Error, Result, canonical, digest};
use hallmark_workflow::{Caller, Context, Node, Registry};
use serde::Serialize;
use serde_json::Value;

use crate::dataflow::DataFlow;
use crate::table::Table;
use checks::Trial;
use oracle::Oracle;

pub use generate::row;

/// The outcome of one node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeExercise {
    /// The node's name.
    pub name: String,
    /// Whether its effect was seen.
    pub ok: bool,
    /// What was seen, or what was expected and not seen.
    pub detail: String,
    /// How long calls and checks took.
    pub duration_ms: f64,
    /// SHA-256 of the facts seen, in canonical JSON; empty if not ok.
    pub effect_digest: String,
}

/// Executes every node of the data flow that the registry has under its name.
///
/// A node of the registry that is the data flow's own is executed through its twin in the trial schema. Any other node
/// under that name is executed as it is: that is how a deliberately broken node is shown to be found out.
pub async fn exercise(dataflow: &DataFlow, registry: &Registry) -> Vec<NodeExercise> {
    let names: Vec<String> = dataflow.nodes().iter().map(|n| n.spec().name.clone()).collect();
    match prepare(dataflow, registry).await {
        Ok((scratch, trial)) => {
            let mut outcomes = Vec::new();
            for table in scratch.tables() {
                outcomes.append(&mut model(&scratch, &trial, table).await);
            }
            outcomes.sort_by(|a, b| a.name.cmp(&b.name));
            if let Err(error) = remove(&scratch).await {
                tracing::warn!(%error, schema = scratch.schema(), "the trial schema was not removed");
            }
            outcomes
        }
        Err(error) => names.into_iter().map(|name| failed(name, &error, 0.0)).collect(),
    }
}

fn failed(name: String, error: &Error, duration_ms: f64) -> NodeExercise {
    NodeExercise {
        name,
        ok: false,
        detail: format!("[{}] {error}", error.code().id),
        duration_ms,
        effect_digest: String::new(),
    }
}

/// The trial's data flow with its schema applied, and the registry to call.
async fn prepare(dataflow: &DataFlow, registry: &Registry) -> Result<(DataFlow, Registry)> {
    let scratch = dataflow.scratch()?;
    let mut trial = Registry::new();
    for (own, twin) in dataflow.nodes().iter().zip(scratch.nodes()) {
        if let Ok(registered) = registry.get(&own.spec().name) {
            let ours = Arc::ptr_eq(registered, own);
            let chosen: Arc<dyn Node> = if ours { twin } else { Arc::clone(registered) };
            trial.register(chosen)?;
        }
    }
    scratch.apply_schema().await?;
    Ok((scratch, trial))
}

/// Removes what the trial made: its schema, its keys, its folder.
async fn remove(scratch: &DataFlow) -> Result<()> {
    let oracle = Oracle::open(scratch).await?;
    oracle.drop_schema(scratch.schema()).await?;
    oracle.drop_keys(&scratch.shared().prefix).await?;
    let folder = &scratch.shared().export_dir;
    if folder.exists() {
        tokio::fs::remove_dir_all(folder).await.map_err(|e| {
            Error::new(&crate::codes::FILE_FAILED, format!("could not remove {}", folder.display()))
                .because(&e)
        })?;
    }
    Ok(())
}

async fn model(scratch: &DataFlow, registry: &Registry, table: &Table) -> Vec<NodeExercise> {
    let context = Context::new(&Caller::new("exercise"));
    let mut outcomes = Vec::new();
    for kind in crate::nodes::KINDS {
        let name = format!("{}{}Node", table.model.name, kind.name());
        let started = Instant::now();
        let seen = match Oracle::open(scratch).await {
            Ok(oracle) => {
                Trial { table, registry, context: &context, name: &name, oracle: &oracle }
                    .run(kind.name())
                    .await
            }
            Err(error) => Err(error),
        };
        let duration_ms = started.elapsed().as_secs_f64() * 1_000.0;
        outcomes.push(match seen {
            Ok((detail, facts)) => NodeExercise {
                name,
                ok: true,
                detail,
                duration_ms,
                effect_digest: digest::sha256(canonical::to_string(&facts).as_bytes()),
            },
            Err(error) => failed(name, &error, duration_ms),
        });
    }
    outcomes
}

/// What a check gives: a sentence, and the facts that it saw.
type Seen = Result<(String, Value)>;
