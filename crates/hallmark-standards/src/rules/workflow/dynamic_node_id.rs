//! ## What it does
//!
//! Finds a node whose id is put together when the program runs.
//!
//! ## Why
//!
//! Such an id cannot be found by reading, and connections to it cannot be checked.
//!
//! ## Example
//!
//! ```python
//! workflow.add_node("CSVReaderNode", f"reader_{n}", {})
//! ```
//!
//! ## Use instead
//!
//! ```python
//! workflow.add_node("CSVReaderNode", "products", {})
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `gold-workflow-design` 4.
//!
//! ## How to mend
//!
//! Write the ids out.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Call, Value};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "dynamic-node-id",
    family: Family::Workflow,
    severity: Severity::Info,
    why: "Such an id cannot be found by reading, and connections to it cannot be checked.",
    action: "use a literal where the set of nodes is known",
    source: include_str!("dynamic_node_id.rs"),
    checks: &[Check::CallTo(&["add_node"], check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, call: &Call) {
    let Some(id) = call.positional(1).or_else(|| call.keyword("node_id")) else { return };
    let dynamic = matches!(id.value, Value::Formatted | Value::Other)
        && call.positional(0).is_some_and(|a| a.value.text().is_some());
    if dynamic && context.is_builder_method(call, "add_node") {
        context.report(id.span, call.scope, "the node's id is put together when the program runs");
    }
}
