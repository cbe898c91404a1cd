//! ## What it does
//!
//! Finds a connection from or to a node id that the builder was never given. Only builders made, filled and used in one
//! function are judged, and only ids that are literals.
//!
//! ## Why
//!
//! The builder refuses the connection, or the workflow fails when it is built.
//!
//! ## Example
//!
//! ```python
//! workflow.add_node("CSVReaderNode", "reader", {})
//! workflow.add_connection("raeder", "data", "writer", "data")
//! ```
//!
//! ## Use instead
//!
//! ```python
//! workflow.add_node("CSVReaderNode", "reader", {})
//! workflow.add_connection("reader", "data", "writer", "data")
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `gold-workflow-design`.
//!
//! ## How to mend
//!
//! Correct the id, or add the node.

use hallmark_core::nearest;
use hallmark_diagnostics::Severity;
use hallmark_python::Module;
use hallmark_python::facts::{Call, ScopeId, ScopeKind};

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::{limits, sdk};

pub(crate) static RULE: Rule = Rule {
    name: "connection-unknown-node",
    family: Family::Workflow,
    severity: Severity::Error,
    why: "The builder refuses the connection, or the workflow fails when it is built.",
    action: "name a node that was added",
    source: include_str!("connection_unknown_node.rs"),
    checks: &[Check::Module(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, module: &Module) {
    if !module.calls.iter().any(|call| call.callee.ends_with(".add_connection")) {
        return;
    }
    let connections: Vec<&Call> = module
        .calls
        .iter()
        .filter(|c| context.is_builder_method(c, "add_connection") && c.args.len() == 4)
        .collect();
    for connection in connections {
        let Some(receiver) = connection.receiver.as_deref() else { continue };
        let home = function_scope(module, connection.scope);
        let Some(ids) = ids_of(context, receiver, home) else { continue };
        for at in [0, 2] {
            let Some(end) = connection.positional(at) else { continue };
            if let Some(id) = end.value.text().filter(|id| !ids.contains(id)) {
                let near = nearest(id, ids.iter().copied());
                let message = format!("no node `{id}` was added to `{receiver}`");
                let raw = context.report(end.span, connection.scope, message);
                if let Some(near) = near {
                    raw.action(format!("write \"{near}\""));
                }
            }
        }
    }
}

/// The ids that a builder is given, if all of them can be seen: it is made in this function, given to nobody, and every id is
/// a literal.
fn ids_of<'a>(context: &Context<'a>, receiver: &str, home: ScopeId) -> Option<Vec<&'a str>> {
    let module = context.module();
    let here = |call: &Call| function_scope(module, call.scope) == home;
    let makes = module.calls.iter().filter(|c| here(c) && context.is(&c.callee, sdk::BUILDER)).count();
    let given = module.given.iter().any(|given| function_scope(module, given.scope) == home);
    if makes == 0 || given || receiver.contains('.') {
        return None;
    }
    let mut ids = Vec::new();
    for call in module
        .calls
        .iter()
        .filter(|c| c.callee.starts_with("kailash.") || c.callee.contains("WorkflowBuilder()"))
    {
        let own = call.receiver.as_deref() == Some(receiver);
        if !own || !call.callee.contains("WorkflowBuilder()") {
            continue;
        }
        if !here(call) {
            if is_within(module, call.scope, home) {
                // Filled by a nested function as well.
                return None;
            }
            // Another function's builder of the same name.
            continue;
        }
        if context.is_builder_method(call, "add_node") {
            let id = call.positional(1).or_else(|| call.keyword("node_id"))?;
            ids.push(id.value.text()?);
        }
    }
    let other_ways = module.calls.iter().any(|c| {
        here(c) && c.callee.contains("WorkflowBuilder") && OTHERS.iter().any(|o| c.callee.ends_with(o))
    });
    (!ids.is_empty() && !other_ways && ids.len() < limits::IDS_OF_A_BUILDER).then_some(ids)
}

/// Ways in which a builder gets nodes that cannot be seen here.
const OTHERS: &[&str] = &[
    ".from_dict",
    ".add_node_instance",
    ".add_node_type",
    ".add_workflow",
    ".add_custom_node",
    ".merge",
    ".create_cycle",
    ".add_nodes",
];

/// The scope of the function around, or of the module.
fn function_scope(module: &Module, scope: ScopeId) -> ScopeId {
    let mut id = scope;
    while let Some(at) = module.scopes.get(id as usize) {
        if matches!(at.kind, ScopeKind::Function(_) | ScopeKind::Module) || at.parent == id {
            return id;
        }
        id = at.parent;
    }
    id
}

/// Whether a scope lies in another.
fn is_within(module: &Module, scope: ScopeId, outer: ScopeId) -> bool {
    let mut id = scope;
    while id != outer {
        match module.scopes.get(id as usize) {
            Some(at) if at.parent != id => id = at.parent,
            _ => return false,
        }
    }
    true
}
