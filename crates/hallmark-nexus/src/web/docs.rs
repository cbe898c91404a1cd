//! The page at `/docs`: every operation and every node with its input, offline.

use hallmark_core::Result;
use hallmark_workflow::{NodeSpec, Param};
use serde_json::{Value, json};

use super::render::{self, Page};
use crate::operations::{Effect, Operation, group};
use crate::serve::Site;

pub(super) fn render(site: &Site) -> Result<Page> {
    let operations: Vec<Value> = site.operations.table().iter().map(operation).collect();
    let mut groups: Vec<Value> = Vec::new();
    for name in ["workflow", "agent", "generated", "custom", "builtin"] {
        let nodes: Vec<Value> =
            site.operations.registry().specs().filter(|spec| group(spec) == name).map(node).collect();
        if !nodes.is_empty() {
            groups.push(json!({ "name": name, "nodes": nodes }));
        }
    }
    let context = json!({
        "project": site.operations.project(),
        "rest": site.addresses.rest.to_string(),
        "mcp": site.addresses.mcp.to_string(),
        "operations": operations,
        "groups": groups,
        "total": site.operations.registry().len(),
    });
    render::template("docs.html", context)
}

fn operation(operation: &Operation) -> Value {
    let routes: Vec<Value> =
        operation.routes.iter().map(|(method, path)| json!({ "method": method, "path": path })).collect();
    json!({
        "name": operation.name(),
        "summary": operation.spec.summary,
        "effect": match operation.effect {
            Effect::Reads => "reads",
            Effect::Writes => "writes",
            Effect::AsNode => "as its node",
        },
        "routes": routes,
        "tool": operation.tool,
        "params": params(&operation.spec),
    })
}

fn node(spec: &NodeSpec) -> Value {
    json!({ "name": spec.name, "summary": spec.summary, "read_only": spec.read_only, "params": params(spec) })
}

fn params(spec: &NodeSpec) -> Vec<Value> {
    spec.params.iter().map(param).collect()
}

fn param(param: &Param) -> Value {
    let mut bounds = Vec::new();
    if !param.choices.is_empty() {
        bounds.push(param.choices.iter().map(Value::to_string).collect::<Vec<_>>().join(" | "));
    }
    match (param.minimum, param.maximum) {
        (Some(low), Some(high)) => bounds.push(format!("{low} to {high}")),
        (Some(low), None) => bounds.push(format!("from {low}")),
        (None, Some(high)) => bounds.push(format!("up to {high}")),
        (None, None) => {}
    }
    if let Some(length) = param.max_length {
        bounds.push(format!("length up to {length}"));
    }
    json!({
        "name": param.name,
        "type": param.kind.name(),
        "required": param.required,
        "default": param.schema().get("default").map(Value::to_string),
        "bounds": bounds.join(", "),
        "description": param.description,
    })
}
