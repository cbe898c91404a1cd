//! ## What it does
//!
//! Finds a node id that says nothing: `node1`, `step_2`, `x`.
//!
//! ## Why
//!
//! Results and errors are named by it; nobody can tell what failed.
//!
//! ## Example
//!
//! ```python
//! workflow.add_node("CSVReaderNode", "node1", {})
//! ```
//!
//! ## Use instead
//!
//! ```python
//! workflow.add_node("CSVReaderNode", "read_products", {})
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `gold-workflow-design` 4.
//!
//! ## How to mend
//!
//! Rename it.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "generic-node-id",
    family: Family::Workflow,
    severity: Severity::Info,
    why: "Results and errors are named by it; nobody can tell what failed.",
    action: "name what the node does",
    source: include_str!("generic_node_id.rs"),
    checks: &[Check::CallTo(&["add_node"], check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, call: &Call) {
    let Some(id) = call.positional(1).or_else(|| call.keyword("node_id")) else { return };
    let Some(text) = id.value.text() else { return };
    let word = text.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('_');
    let generic = matches!(word, "node" | "n" | "step" | "x" | "a" | "b" | "c" | "task" | "block");
    if generic && context.is_builder_method(call, "add_node") {
        context.report(id.span, call.scope, format!("`{text}` says nothing of what the node does"));
    }
}
