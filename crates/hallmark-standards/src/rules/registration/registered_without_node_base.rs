//! ## What it does
//!
//! Finds `@register_node()` on a class that derives from no node.
//!
//! ## Why
//!
//! The SDK refuses it when the module is imported.
//!
//! ## Example
//!
//! ```python
//! @register_node()
//! class Price:
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
//! REQ-GS-002. 2026: `gold-custom-nodes`.
//!
//! ## How to mend
//!
//! Derive from `Node`, or remove the decorator.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;
use hallmark_python::index::Resolved;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "registered-without-node-base",
    family: Family::Registration,
    severity: Severity::Error,
    why: "The SDK refuses it when the module is imported.",
    action: "derive from Node",
    source: include_str!("registered_without_node_base.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    let registers =
        class.decorators.iter().filter_map(|d| d.path.as_deref()).any(|path| context.is(path, sdk::REGISTER));
    // A base that cannot be named, or that leads out of the project, may be a node.
    let unknown = class.bases.iter().any(Option::is_none)
        || context.ancestors(class).iter().any(|a| matches!(a, Resolved::Path(path) if path != "builtins.object" && !path.starts_with("abc.") && !path.starts_with("typing.")));
    if registers && !unknown && !context.is_node(class) {
        context.report(class.span, class.scope, format!("`{}` is registered but is no node", class.name));
    }
}
