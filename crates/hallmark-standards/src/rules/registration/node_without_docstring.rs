//! ## What it does
//!
//! Finds a concrete node without a docstring.
//!
//! ## Why
//!
//! The docstring is what a workflow author reads, and what tools show.
//!
//! ## Example
//!
//! ```python
//! class PriceNode(Node): ...
//! ```
//!
//! ## Use instead
//!
//! ```python
//! class PriceNode(Node):
//!     """The price of one product."""
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-002. 2026: `gold-custom-nodes`, checklist.
//!
//! ## How to mend
//!
//! Write one.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "node-without-docstring",
    family: Family::Registration,
    severity: Severity::Info,
    why: "The docstring is what a workflow author reads, and what tools show.",
    action: "say what the node does",
    source: include_str!("node_without_docstring.rs"),
    checks: &[Check::Class(check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, class: &Class) {
    if !class.documented && !context.is_test_file() && context.is_concrete_node(class) {
        context.report(class.span, class.scope, format!("nothing says what `{}` does", class.name));
    }
}
