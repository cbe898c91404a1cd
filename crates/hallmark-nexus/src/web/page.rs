//! The page at `/`: services, gates, nodes, runs and sessions, each asked for as any caller would.

use hallmark_core::{Result, clock};
use hallmark_workflow::{Group, NodeSpec, Registry};
use serde_json::{Map, Value, json};

use super::render::{self, Page};
use crate::Caller;
use crate::operations::{by_model, group};
use crate::serve::Site;

/// The node kinds in the order of the requirements; others follow by name.
const KINDS: [&str; 9] =
    ["CRUD", "Search", "Analytics", "Export", "Import", "Validate", "Transform", "Aggregate", "Cache"];

/// Rows of runs and sessions that are shown.
const ROWS: usize = 12;

/// The whole page, or what changes of it.
pub(super) async fn render(site: &Site, caller: &Caller, fragment: bool) -> Result<Page> {
    let ask = async |name: &str, input: Value| match site.operations.call(caller, name, input).await {
        Ok(mut answer) => answer["result"].take(),
        Err(error) => json!({ "error": error.to_json() }),
    };
    let (stack, gates, runs, sessions) = tokio::join!(
        ask("stack.status", json!({})),
        ask("gates.list", json!({})),
        ask("runs.list", json!({ "limit": ROWS })),
        ask("sessions.list", json!({ "limit": ROWS })),
    );
    let context = json!({
        "project": site.operations.project(),
        "rest": site.addresses.rest.to_string(),
        "mcp": site.addresses.mcp.to_string(),
        "now": clock::now(),
        "services": services(&stack),
        "stack": stack,
        "gates": gates,
        "verdicts": verdicts(&gates),
        "nodes": nodes(site),
        "tools": site.tools,
        "runs": runs,
        "sessions": sessions,
    });
    render::template(if fragment { "main.html" } else { "page.html" }, context)
}

/// How many services are in which state.
fn services(stack: &Value) -> Value {
    let services = stack["services"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of = |state: &str| services.iter().filter(|s| s["state"] == state).count();
    let slowest = services.iter().filter_map(|s| s["latency_ms"].as_f64()).fold(0.0, f64::max);
    json!({
        "total": services.len(),
        "usable": of("usable"),
        "degraded": of("degraded"),
        "down": of("down"),
        "not_measured": of("not_measured"),
        "slowest_ms": slowest,
    })
}

/// How many gates say what.
fn verdicts(gates: &Value) -> Value {
    let gates = gates["gates"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of = |verdict: &str| gates.iter().filter(|g| g["verdict"] == verdict).count();
    json!({
        "total": gates.len(),
        "proven": of("proven"),
        "failed": of("failed"),
        "exempted": of("exempted"),
        "not_measured": of("not_measured"),
    })
}

/// The nodes as a matrix of models and kinds, and the others by group.
fn nodes(site: &Site) -> Value {
    let registry = site.operations.registry();
    let models = by_model(registry);
    let mut kinds: Vec<&str> = KINDS.to_vec();
    kinds.extend(models.values().flat_map(|nodes| nodes.keys()).filter(|kind| !KINDS.contains(kind)));
    kinds.sort_by_key(|kind| KINDS.iter().position(|k| k == kind).unwrap_or(KINDS.len()));
    kinds.dedup();
    let rows: Vec<Value> = models
        .iter()
        .map(|(model, nodes)| {
            let cells: Vec<Value> =
                kinds.iter().map(|kind| cell(registry, nodes.get(kind).copied())).collect();
            json!({ "model": model, "cells": cells, "count": nodes.len() })
        })
        .collect();
    let generated: usize = models.values().map(|nodes| nodes.len()).sum();
    let mut groups: Map<String, Value> = Map::new();
    for spec in registry.specs().filter(|spec| !matches!(spec.group, Group::Generated { .. })) {
        let list = groups.entry(group(spec)).or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(line(spec));
        }
    }
    json!({ "kinds": kinds, "rows": rows, "generated": generated, "total": registry.len(), "groups": groups })
}

/// The node of a model and a kind, if there is one.
fn cell(registry: &Registry, node: Option<&str>) -> Value {
    match node.and_then(|name| registry.get(name).ok()) {
        Some(node) => json!({ "name": node.spec().name, "read_only": node.spec().read_only }),
        None => Value::Null,
    }
}

fn line(spec: &NodeSpec) -> Value {
    json!({ "name": spec.name, "summary": spec.summary, "read_only": spec.read_only })
}
