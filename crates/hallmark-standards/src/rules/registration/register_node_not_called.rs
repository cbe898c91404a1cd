//! ## What it does
//!
//! Finds `@register_node` without its parentheses.
//!
//! ## Why
//!
//! `register_node` is a function that returns the decorator. Without the call the class is taken for its `alias` argument,
//! and the name is bound to a function: the node does not exist.
//!
//! ## Example
//!
//! ```python
//! @register_node
//! class PriceNode(Node):
//!     ...
//! ```
//!
//! ## Use instead
//!
//! ```python
//! @register_node()
//! class PriceNode(Node):
//!     ...
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-002. 2025: custom node guide; 2026: the SDK's signature `register_node(alias=None)`.
//!
//! ## How to mend
//!
//! Add `()`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "register-node-not-called",
    family: Family::Registration,
    severity: Severity::Error,
    why: "`register_node` is a function that returns the decorator. Without the call the class is taken for its `alias` argument, and the name is bound to a function: the node does not exist.",
    action: "write @register_node()",
    source: include_str!("register_node_not_called.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    for decorator in class.decorators.iter().filter(|d| !d.called) {
        let Some(path) = &decorator.path else { continue };
        if context.is(path, sdk::REGISTER) {
            let message = format!("@register_node is not called, so `{}` is not registered", class.name);
            context.report(decorator.span, class.scope, message);
        }
    }
}
