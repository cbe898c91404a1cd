//! ## What it does
//!
//! Finds `addNode`, `addConnection` and other camel-case methods on a `WorkflowBuilder`.
//!
//! ## Why
//!
//! The builder has no such method: the call fails at run time. The spelling comes from older documents and other languages.
//!
//! ## Example
//!
//! ```python
//! workflow.addNode("CSVReaderNode", "reader", {})
//! ```
//!
//! ## Use instead
//!
//! ```python
//! workflow.add_node("CSVReaderNode", "reader", {})
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `documentation-validation-patterns` 1.
//!
//! ## How to mend
//!
//! Use the method's name in snake case.

use hallmark_diagnostics::{Edit, Fix, Severity};
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "camel-case-method",
    family: Family::Workflow,
    severity: Severity::Error,
    why: "The builder has no such method: the call fails at run time. The spelling comes from older documents and other languages.",
    action: "write the method in snake case",
    source: include_str!("camel_case_method.rs"),
    checks: &[Check::CallTo(&["addNode", "addConnection"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    let method = call.callee.rsplit('.').next().unwrap_or_default();
    let snake = match method {
        "addNode" => "add_node",
        "addConnection" => "add_connection",
        _ => return,
    };
    if context.canonical(&call.callee).starts_with(&format!("{}().", sdk::BUILDER)) {
        let raw = context.report(call.head, call.scope, format!("WorkflowBuilder has no method `{method}`"));
        let length = u32::try_from(method.len()).unwrap_or(u32::MAX);
        let name = Edit {
            start: call.head.end.saturating_sub(length),
            end: call.head.end,
            content: snake.to_owned(),
        };
        raw.action(format!("write `{snake}`")).fix(Fix::safe(format!("Write {snake}"), vec![name]));
    }
}
