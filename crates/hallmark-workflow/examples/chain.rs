//! What the runtime itself costs: a chain of ten nodes that do nothing, without a store.
//!
//! `cargo run --example chain -p hallmark-workflow --profile ready`

#![expect(clippy::print_stdout, reason = "an example answers on the terminal")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use hallmark_core::{Error, Result};
use hallmark_workflow::{Caller, LocalRuntime, Registry, RunStore, WorkflowBuilder, register_node};
use serde_json::{Value, json};

const RUNS: usize = 20_000;

/// Gives back what it was given.
#[register_node(read_only)]
async fn PassNode(value: Option<Value>) -> Result<Value> {
    Ok(json!({"value": value}))
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut registry = Registry::new();
    registry.register(Arc::new(PassNode))?;
    let registry = Arc::new(registry);
    let mut builder = WorkflowBuilder::new().add_node("PassNode", "n0", json!({"value": 1}));
    for i in 1..10 {
        let (before, id) = (format!("n{}", i - 1), format!("n{i}"));
        builder = builder.add_node("PassNode", &id, json!({})).add_connection(&before, "value", &id, "value");
    }
    let began = Instant::now();
    for _ in 0..1_000 {
        builder.clone().build(&registry)?;
    }
    let build = began.elapsed() / 1_000;
    let workflow = builder.build(&registry)?;
    let runtime = LocalRuntime::new(registry, RunStore::none());
    let caller = Caller::new("example");
    let mut times: Vec<Duration> = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let began = Instant::now();
        let run = runtime.execute(&workflow, json!({}), &caller).await?;
        times.push(began.elapsed());
        if run.result["value"] != 1 {
            return Err(Error::new(&hallmark_core::codes::INTERNAL, "the chain lost its value"));
        }
    }
    times.sort_unstable();
    let at = |share: usize| times[RUNS * share / 100].as_secs_f64() * 1e6;
    println!(
        "10 nodes, {RUNS} runs: p50 {:.1} us, p95 {:.1} us, p99 {:.1} us; build {:.1} us",
        at(50),
        at(95),
        at(99),
        build.as_secs_f64() * 1e6
    );
    Ok(())
}
