//! ## What it does
//!
//! Finds `add_connection` on a `WorkflowBuilder` with other than four arguments.
//!
//! ## Why
//!
//! A connection names a source, its output, a target and its input. With fewer the builder guesses or refuses, and the data
//! arrives nowhere.
//!
//! ## Example
//!
//! ```python
//! workflow.add_connection("reader", "writer")
//! ```
//!
//! ## Use instead
//!
//! ```python
//! workflow.add_connection("reader", "data", "writer", "data")
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2025 and 2026: `SKILL.md` table, `gold-parameter-passing` method 2.
//!
//! ## How to mend
//!
//! Name source, output, target and input.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "connection-arity",
    family: Family::Workflow,
    severity: Severity::Error,
    why: "A connection names a source, its output, a target and its input. With fewer the builder guesses or refuses, and the data arrives nowhere.",
    action: "name all four: source, output, target, input",
    source: include_str!("connection_arity.rs"),
    checks: &[Check::Call(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    let count = call.args.len();
    if count == 4 || call.has_spread() || !call.callee.ends_with(".add_connection") {
        return;
    }
    if context.is(&call.callee, &format!("{}().add_connection", sdk::BUILDER)) {
        context.report(call.span, call.scope, format!("add_connection has {count} arguments, not four"));
    }
}
