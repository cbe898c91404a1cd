//! ## What it does
//!
//! Finds `run` called directly on an instance of a node. An agent derives from `Node` too, but `run` is what its callers call.
//!
//! ## Why
//!
//! `execute` checks and converts the inputs, then calls `run`. Called directly, none of that happens: the node is used in
//! a way that no workflow does.
//!
//! ## Example
//!
//! ```python
//! node = PriceNode()
//! node.run(sku="A")
//! ```
//!
//! ## Use instead
//!
//! ```python
//! node = PriceNode()
//! node.execute(sku="A")
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2025 and 2026: custom node guide, callers use `execute`.
//!
//! ## How to mend
//!
//! Call `execute`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;
use hallmark_python::index::Resolved;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "node-run-called",
    family: Family::Workflow,
    severity: Severity::Error,
    why: "`execute` checks and converts the inputs, then calls `run`. Called directly, none of that happens: the node is used in a way that no workflow does.",
    action: "call execute",
    source: include_str!("node_run_called.rs"),
    checks: &[Check::CallTo(&["run"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    let Some(object) = call.callee.strip_suffix("().run") else { return };
    // A node may call its own `run`, or that of its base.
    if object.ends_with(')')
        || matches!(call.receiver.as_deref(), Some("self" | "cls"))
        || object == "builtins.super"
    {
        return;
    }
    let name = match context.index().resolve(object) {
        Resolved::Class(found) => {
            (context.is_node_class(found) && !context.is_agent(found)).then(|| found.class.name.to_string())
        }
        Resolved::Path(path) => (sdk::is_node_base(&path) && path.ends_with("Node"))
            .then(|| path.rsplit('.').next().unwrap_or_default().to_owned()),
    };
    if let Some(name) = name {
        let raw = context.report_milder_in_tests(
            call.head,
            call.scope,
            format!("`run` of `{name}` is called directly"),
        );
        raw.action("call execute");
    }
}
