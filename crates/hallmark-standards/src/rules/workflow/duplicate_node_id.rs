//! ## What it does
//!
//! Finds a node id that one builder is given twice in one function, outside branches.
//!
//! ## Why
//!
//! The builder refuses the second one, or it takes the place of the first and its connections.
//!
//! ## Example
//!
//! ```python
//! workflow.add_node("CSVReaderNode", "reader", {})
//! workflow.add_node("JSONReaderNode", "reader", {})
//! ```
//!
//! ## Use instead
//!
//! ```python
//! workflow.add_node("CSVReaderNode", "products", {})
//! workflow.add_node("JSONReaderNode", "prices", {})
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `gold-workflow-design`.
//!
//! ## How to mend
//!
//! Rename one of them.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;
use hallmark_python::facts::{Name, ScopeId};
use rustc_hash::FxHashSet;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "duplicate-node-id",
    family: Family::Workflow,
    severity: Severity::Error,
    why: "The builder refuses the second one, or it takes the place of the first and its connections.",
    action: "give each node an id of its own",
    source: include_str!("duplicate_node_id.rs"),
    checks: &[Check::Module(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, module: &Module) {
    let mut seen: FxHashSet<(ScopeId, Name, String)> = FxHashSet::default();
    // Where a variable is bound to a new builder, its ids begin anew.
    for call in &module.calls {
        if call.callee.ends_with(".WorkflowBuilder") {
            seen.retain(|(scope, ..)| *scope != call.scope);
            continue;
        }
        if !call.callee.ends_with("add_node")
            || call.guard.conditional
            || call.guard.handler
            || call.guard.import_try
            || !context.is_builder_method(call, "add_node")
        {
            continue;
        }
        let (Some(receiver), Some(id)) =
            (&call.receiver, call.positional(1).or_else(|| call.keyword("node_id")))
        else {
            continue;
        };
        let Some(text) = id.value.text() else { continue };
        if !seen.insert((call.scope, receiver.clone(), text.to_owned())) && !expects_failure(context, call) {
            let message = format!("`{receiver}` is given the id `{text}` a second time");
            context.report(id.span, call.scope, message);
        }
    }
}

/// Whether a test looks at the refusal itself.
fn expects_failure(context: &Context<'_>, call: &hallmark_python::facts::Call) -> bool {
    let module = context.module();
    context.is_test_file() && module.function_of(call.scope).is_some_and(|f| f.body.can_fail)
}
