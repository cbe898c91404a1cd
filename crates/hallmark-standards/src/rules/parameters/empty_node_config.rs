//! ## What it does
//!
//! Finds `add_node` with an empty configuration of a node that nothing is connected to.
//!
//! ## Why
//!
//! Every parameter is then its default; what the node does cannot be read here.
//!
//! ## Example
//!
//! ```python
//! workflow.add_node("CSVReaderNode", "reader", {})
//! ```
//!
//! ## Use instead
//!
//! ```python
//! workflow.add_node("CSVReaderNode", "reader", {"file_path": "products.csv"})
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `gold-parameter-passing`, method 3.
//!
//! ## How to mend
//!
//! Give the parameters.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Call, Value};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "empty-node-config",
    family: Family::Parameters,
    severity: Severity::Info,
    why: "Every parameter is then its default; what the node does cannot be read here.",
    action: "write the parameters that matter",
    source: include_str!("empty_node_config.rs"),
    checks: &[Check::CallTo(&["add_node"], check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, call: &Call) {
    let Some(config) = call.positional(2).or_else(|| call.keyword("config")) else { return };
    let empty = matches!(&config.value, Value::Dict(keys) if keys.is_empty())
        && config.span.end - config.span.start <= 4;
    let Some(id) = call.positional(1).and_then(|a| a.value.text()).filter(|_| empty) else { return };
    let module = context.module();
    let fed = module.calls.iter().any(|c| {
        c.callee.ends_with(".add_connection") && c.positional(2).and_then(|a| a.value.text()) == Some(id)
    });
    if !fed && context.is_builder_method(call, "add_node") {
        context.report(config.span, call.scope, format!("`{id}` is given nothing"));
    }
}
