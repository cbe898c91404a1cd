//! ## What it does
//!
//! Finds two node classes of one project that are registered under one name.
//!
//! ## Why
//!
//! The SDK refuses the second one when its module is imported; which one that is depends on the order of imports.
//!
//! ## Example
//!
//! ```python
//! # a.py
//! @register_node()
//! class PriceNode(Node): ...
//!
//! # b.py
//! @register_node()
//! class PriceNode(Node): ...
//! ```
//!
//! ## Use instead
//!
//! ```python
//! # b.py
//! @register_node(alias="NetPriceNode")
//! class PriceNode(Node): ...
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-002. SDK 2.65: `NodeConfigurationError`.
//!
//! ## How to mend
//!
//! Rename one. If it is one class that is importable by two paths, mend the imports.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "duplicate-node-name",
    family: Family::Registration,
    severity: Severity::Error,
    why: "The SDK refuses the second one when its module is imported; which one that is depends on the order of imports.",
    action: "rename one of them, or give it an alias",
    source: include_str!("duplicate_node_name.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    let Some(name) = context.face(class).and_then(|face| face.registered_as.as_deref()) else { return };
    if context.is_test_file() || class.scope != 0 {
        return;
    }
    if let Some(other) = context.other_registered(name) {
        let message = format!("the name `{name}` is also registered in {other}");
        context.report(class.span, class.scope, message);
    }
}
