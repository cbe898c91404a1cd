//! The generated nodes: there are nine for each model, each has its effect, and the deployment offers them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use hallmark_core::Result;
use hallmark_dataflow::{NodeExercise, exercise};
use hallmark_evidence::Evidence;
use hallmark_workflow::{Group, Registry};
use serde_json::{Value, json};

use super::{NODES, settle};
use crate::channels::{Channel, Wire};
use crate::context::Context;
use crate::limits::{NODES_OVER_WIRE, PLACES_LISTED_MAX};

/// The kinds of node that a model becomes.
const KINDS: usize = 9;

/// Nodes that one page of the deployment's list holds.
const PAGE: usize = 500;

pub(super) async fn measure(context: &Context, wire: Result<&Wire, &String>) -> Vec<Evidence> {
    vec![
        generated(context),
        executed(context).await,
        listed(context, wire).await,
        reached(context, wire).await,
    ]
}

fn check(id: &str, what: &str) -> Evidence {
    Evidence::new(NODES, format!("nodes.{id}"), what).reproduce("hallmark nodes")
}

/// Generated nodes by model.
fn by_model(registry: &Registry) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut models: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for spec in registry.specs() {
        if let Group::Generated { model, .. } = &spec.group {
            models.entry(model).or_default().insert(&spec.name);
        }
    }
    models
}

fn generated(context: &Context) -> Evidence {
    let evidence = check("generated", "every model that the project declares has its nine nodes")
        .threshold("9 nodes a model, at least 1 model");
    let Some(dataflow) = &context.dataflow else { return evidence.because("the project declares no models") };
    let models = by_model(&context.registry);
    let declared: Vec<&str> = dataflow.models().map(|m| m.name.as_str()).collect();
    let missing: Vec<&str> =
        declared.iter().copied().filter(|m| models.get(m).is_none_or(|nodes| nodes.len() != KINDS)).collect();
    let nodes: usize = models.values().map(BTreeSet::len).sum();
    // By file, so that one set of models can be told from another.
    let mut files: BTreeMap<&str, usize> = BTreeMap::new();
    for model in dataflow.models() {
        let file = model.source.as_ref().map_or("", |place| place.path.as_str());
        *files.entry(file).or_default() += models.get(model.name.as_str()).map_or(0, BTreeSet::len);
    }
    let measured = json!({
        "models": declared.len(), "nodes": nodes, "nodes_by_file": files, "models_without_nine": missing,
    });
    let holds = !declared.is_empty() && missing.is_empty();
    let evidence = evidence.measured(measured, holds);
    if holds { evidence } else { evidence.because(format!("without nine nodes: {}", missing.join(", "))) }
}

/// Executes all of them and looks at the effect by other means than the nodes'.
async fn executed(context: &Context) -> Evidence {
    let started = Instant::now();
    let evidence =
        check("executed", "every generated node was executed and its effect seen on PostgreSQL and Redis")
            .threshold("all of them")
            .reproduce("hallmark certify")
            .weight(3.0);
    let Some(dataflow) = &context.dataflow else { return evidence.because("the project declares no models") };
    let outcomes = exercise(dataflow, &context.registry).await;
    let raw = serde_json::to_vec(&outcomes).unwrap_or_default();
    let (measured, holds, reason) = judge(&outcomes);
    settle(evidence, started, Ok((measured, holds, reason))).raw(&raw)
}

/// What a set of exercised nodes amounts to.
pub(super) fn judge(outcomes: &[NodeExercise]) -> (Value, bool, String) {
    let failed: Vec<&NodeExercise> = outcomes.iter().filter(|o| !o.ok).collect();
    let names: Vec<&str> = failed.iter().take(PLACES_LISTED_MAX).map(|o| o.name.as_str()).collect();
    let measured =
        json!({"nodes": outcomes.len(), "with_effect": outcomes.len() - failed.len(), "without": names});
    let reason = failed
        .first()
        .map_or("there is no generated node".to_owned(), |o| format!("{}: {}", o.name, o.detail));
    (measured, !outcomes.is_empty() && failed.is_empty(), reason)
}

async fn listed(context: &Context, wire: Result<&Wire, &String>) -> Evidence {
    let started = Instant::now();
    let evidence = check("listed", "the deployment lists every generated node").threshold("all of them");
    match wire {
        Ok(wire) => settle(evidence, started, all_listed(context, wire).await),
        Err(reason) => evidence.because(reason),
    }
}

async fn all_listed(context: &Context, wire: &Wire) -> Result<(Value, bool, String)> {
    let mut offered = BTreeSet::new();
    for page in 0.. {
        let input = json!({"limit": PAGE, "offset": page * PAGE});
        let result = wire.call(Channel::Rest, "nodes.list", &input).await?.result()?;
        let nodes = result["nodes"].as_array().cloned().unwrap_or_default();
        offered.extend(
            nodes.iter().filter_map(|n| n["name"].as_str().or_else(|| n["node"].as_str())).map(str::to_owned),
        );
        if nodes.len() < PAGE {
            break;
        }
    }
    let models = by_model(&context.registry);
    let own: Vec<&str> = models.values().flatten().copied().collect();
    let missing: Vec<&str> = own.iter().copied().filter(|name| !offered.contains(*name)).collect();
    let measured =
        json!({"generated": own.len(), "listed": own.len() - missing.len(), "listed_in_all": offered.len()});
    Ok((measured, !own.is_empty() && missing.is_empty(), format!("not listed: {}", missing.join(", "))))
}

/// A sample over the wire: the search node of some models, which reads only.
async fn reached(context: &Context, wire: Result<&Wire, &String>) -> Evidence {
    let started = Instant::now();
    let evidence = check("reached", "generated nodes run when the deployment is asked over REST")
        .threshold("every node of the sample");
    match wire {
        Ok(wire) => settle(evidence, started, sample(context, wire).await),
        Err(reason) => evidence.because(reason),
    }
}

async fn sample(context: &Context, wire: &Wire) -> Result<(Value, bool, String)> {
    let specs = context.registry.specs();
    let search = |group: &Group| matches!(group, Group::Generated { kind, .. } if kind == "Search");
    let names: Vec<&str> =
        specs.filter(|s| search(&s.group)).map(|s| s.name.as_str()).take(NODES_OVER_WIRE).collect();
    let mut refused = Vec::new();
    for name in &names {
        let input = json!({"node": name, "input": {"limit": 1}});
        let reply = wire.call(Channel::Rest, "node.run", &input).await?;
        if reply.code().starts_with("HM-") {
            refused.push(format!("{name} {}", reply.code()));
        }
    }
    let measured = json!({"asked": names.len(), "answered": names.len() - refused.len()});
    Ok((measured, !names.is_empty() && refused.is_empty(), format!("refused: {}", refused.join(", "))))
}
