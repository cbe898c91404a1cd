//! ## What it does
//!
//! Finds a method of the builder that the SDK is about to drop: `add_workflow_inputs`, `add_node_instance`,
//! `add_node_type`.
//!
//! ## Why
//!
//! It warns today and fails with the next version.
//!
//! ## Example
//!
//! ```python
//! workflow.add_node_instance(node)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! workflow.add_node("PriceNode", "price", {})
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. SDK 2.65.
//!
//! ## How to mend
//!
//! Use `add_node`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "deprecated-builder-method",
    family: Family::Workflow,
    severity: Severity::Warning,
    why: "It warns today and fails with the next version.",
    action: "use add_node with a configuration",
    source: include_str!("deprecated_builder_method.rs"),
    checks: &[Check::CallTo(METHODS, check)],
    ..Rule::PREVIEW
};

const METHODS: &[&str] = &["add_workflow_inputs", "add_node_instance", "add_node_type"];

fn check(context: &mut Context<'_>, call: &Call) {
    let method = call.callee.rsplit('.').next().unwrap_or_default();
    if METHODS.contains(&method) && context.is_builder_method(call, method) {
        context.report(call.head, call.scope, format!("`{method}` is deprecated"));
    }
}
