//! ## What it does
//!
//! Finds `add_node` with a class or an instance in the place of the registered type's name.
//!
//! ## Why
//!
//! The string API is the one that can be serialised, governed and checked; a class ties the workflow to one import and goes
//! round the registry.
//!
//! ## Example
//!
//! ```python
//! workflow.add_node(CSVReaderNode, "reader", {})
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
//! REQ-GS-004. 2025: custom node guide; 2026: `gold-workflow-design`, "string-based node API".
//!
//! ## How to mend
//!
//! Pass the registered name as a text, and the configuration as a dictionary.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "node-class-reference",
    family: Family::Workflow,
    severity: Severity::Error,
    why: "The string API is the one that can be serialised, governed and checked; a class ties the workflow to one import and goes round the registry.",
    action: "pass the registered name as a text",
    source: include_str!("node_class_reference.rs"),
    checks: &[Check::CallTo(&["add_node"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    if !call.callee.ends_with(".add_node")
        || !context.is(&call.callee, &format!("{}().add_node", sdk::BUILDER))
    {
        return;
    }
    for argument in [call.positional(0), call.positional(1)].into_iter().flatten() {
        let Some(path) = argument.value.path() else { continue };
        let (name, made) = match path.strip_suffix("()") {
            Some(constructed) => (constructed, true),
            None => (path, false),
        };
        let last = name.rsplit('.').next().unwrap_or_default();
        if name.starts_with('$')
            || name.contains("()")
            || !last.starts_with(|c: char| c.is_ascii_uppercase())
            || is_constant(last)
        {
            continue;
        }
        let what = if made { "an instance" } else { "the class" };
        let message = format!("add_node gets {what} of `{last}`, not its registered name");
        context
            .report(argument.span, call.scope, message)
            .action(format!("write add_node(\"{last}\", \"id\", {{...}})"));
        return;
    }
}

fn is_constant(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}
