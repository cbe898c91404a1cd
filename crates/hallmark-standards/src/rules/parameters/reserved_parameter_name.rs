//! ## What it does
//!
//! Finds a parameter called `_node_id`.
//!
//! ## Why
//!
//! The SDK gives every node its id under that name; a parameter of that name is overwritten.
//!
//! ## Example
//!
//! ```python
//! {"_node_id": NodeParameter(name="_node_id", type=str)}
//! ```
//!
//! ## Use instead
//!
//! ```python
//! {"node": NodeParameter(name="node", type=str)}
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `gold-parameter-passing`, reserved names. 2025 also advises against `metadata`.
//!
//! ## How to mend
//!
//! Rename it.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Function;

use crate::Context;
use crate::Edition;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "reserved-parameter-name",
    family: Family::Parameters,
    severity: Severity::Error,
    why: "The SDK gives every node its id under that name; a parameter of that name is overwritten.",
    action: "choose another name",
    source: include_str!("reserved_parameter_name.rs"),
    checks: &[Check::Function(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, function: &Function) {
    let Some(declared) = &function.declared else { return };
    for entry in &declared.entries {
        let Some(key) = entry.key.as_deref() else { continue };
        if key == "_node_id" {
            context.report(entry.span, function.scope, "`_node_id` is the SDK's own name");
        } else if key == "metadata" && context.edition() == Edition::E2025 {
            context
                .report(entry.span, function.scope, "`metadata` is read by the SDK of this edition")
                .severity(Severity::Warning);
        }
    }
}
