//! ## What it does
//!
//! Finds `add_node` with the id before the type.
//!
//! ## Why
//!
//! The builder looks for a type of the id's name and does not find it.
//!
//! ## Example
//!
//! ```python
//! workflow.add_node("reader", "CSVReaderNode", {})
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
//! REQ-GS-004. 2025: document validation.
//!
//! ## How to mend
//!
//! Swap them.

use hallmark_diagnostics::Severity;
use hallmark_diagnostics::{Edit, Fix};
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "add-node-swapped-arguments",
    family: Family::Workflow,
    severity: Severity::Error,
    why: "The builder looks for a type of the id's name and does not find it.",
    action: "write the type first, then the id",
    source: include_str!("add_node_swapped_arguments.rs"),
    checks: &[Check::CallTo(&["add_node"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    let (Some(first), Some(second)) = (call.positional(0), call.positional(1)) else { return };
    let (Some(kind), Some(id)) = (first.value.text(), second.value.text()) else { return };
    let swapped = id.ends_with("Node")
        && !kind.ends_with("Node")
        && id.starts_with(|c: char| c.is_ascii_uppercase())
        && !id.contains(' ');
    if swapped && context.is_builder_method(call, "add_node") {
        let edit = |at: &hallmark_python::facts::Arg, text: &str| Edit {
            start: at.span.start,
            end: at.span.end,
            content: format!("\"{text}\""),
        };
        let fix = Fix::safe("Swap type and id", vec![edit(first, id), edit(second, kind)]);
        context
            .report(call.span, call.scope, format!("the id `{kind}` stands where the type `{id}` belongs"))
            .fix(fix);
    }
}
