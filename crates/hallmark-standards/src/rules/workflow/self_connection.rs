//! ## What it does
//!
//! Finds a connection from a node to itself.
//!
//! ## Why
//!
//! It is a cycle without an end, which the workflow refuses.
//!
//! ## Example
//!
//! ```python
//! workflow.add_connection("a", "out", "a", "in")
//! ```
//!
//! ## Use instead
//!
//! ```python
//! workflow.add_connection("a", "out", "b", "in")
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `gold-workflow-design`, no cycles.
//!
//! ## How to mend
//!
//! Use `create_cycle`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "self-connection",
    family: Family::Workflow,
    severity: Severity::Warning,
    why: "It is a cycle without an end, which the workflow refuses.",
    action: "use create_cycle, or connect another node",
    source: include_str!("self_connection.rs"),
    checks: &[Check::CallTo(&["add_connection"], check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, call: &Call) {
    let (Some(from), Some(to)) = (call.positional(0), call.positional(2)) else { return };
    let same = from.value.text().is_some_and(|id| to.value.text() == Some(id));
    if same && context.is_builder_method(call, "add_connection") {
        context.report(call.span, call.scope, "the node is connected to itself");
    }
}
