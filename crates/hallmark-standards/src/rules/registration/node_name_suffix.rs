//! ## What it does
//!
//! Finds a concrete node whose name does not end in `Node`.
//!
//! ## Why
//!
//! Workflows name nodes by type; the suffix tells readers and tools what a name stands for.
//!
//! ## Example
//!
//! ```python
//! class Price(Node): ...
//! ```
//!
//! ## Use instead
//!
//! ```python
//! class PriceNode(Node): ...
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-002. All gold pages.
//!
//! ## How to mend
//!
//! Rename it, or register it under an alias that ends in `Node`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "node-name-suffix",
    family: Family::Registration,
    severity: Severity::Info,
    why: "Workflows name nodes by type; the suffix tells readers and tools what a name stands for.",
    action: "rename the class",
    source: include_str!("node_name_suffix.rs"),
    checks: &[Check::Class(check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, class: &Class) {
    if !class.name.ends_with("Node")
        && !class.name.ends_with("Agent")
        && !context.is_test_file()
        && context.is_concrete_node(class)
    {
        context.report(class.span, class.scope, format!("the node `{}` does not look like one", class.name));
    }
}
