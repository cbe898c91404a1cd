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
use hallmark_python::facts::{Call, Span};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "connection-arity",
    family: Family::Workflow,
    severity: Severity::Error,
    why: "A connection names a source, its output, a target and its input. With fewer the builder guesses or refuses, and the data arrives nowhere.",
    action: "name all four: source, output, target, input",
    source: include_str!("connection_arity.rs"),
    checks: &[Check::CallTo(&["add_connection"], check)],
    ..Rule::STABLE
};

/// The length of `add_connection`.
const METHOD: u32 = 14;

fn check(context: &mut Context<'_>, call: &Call) {
    let count = call.args.len();
    if count == 4 || call.has_spread() {
        return;
    }
    if context.is_builder_method(call, "add_connection") {
        // In a chain the call begins where the builder does; what is wrong begins behind it.
        let place = Span { start: call.head.end.saturating_sub(METHOD), end: call.span.end };
        context.report(place, call.scope, format!("add_connection has {count} arguments, not four"));
    }
}
