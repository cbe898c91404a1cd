//! ## What it does
//!
//! Finds, where the configuration says `governed = true`, a concrete node that does not derive from `SecureGovernedNode`.
//!
//! ## Why
//!
//! Only the governed base checks declared parameters and masks sensitive ones before `run` sees them.
//!
//! ## Example
//!
//! ```python
//! class PriceNode(Node):
//!     def run(self, **kwargs):
//!         return {}
//! ```
//!
//! ## Use instead
//!
//! ```python
//! class PriceNode(SecureGovernedNode):
//!     def run_governed(self, **kwargs):
//!         return {}
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-002. 2025: custom node guide, governed nodes; 2026: `kailash.nodes.governance`.
//!
//! ## How to mend
//!
//! Change the base.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;
use hallmark_python::index::Resolved;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "ungoverned-node-base",
    family: Family::Registration,
    severity: Severity::Error,
    why: "Only the governed base checks declared parameters and masks sensitive ones before `run` sees them.",
    action: "derive from SecureGovernedNode and implement run_governed",
    source: include_str!("ungoverned_node_base.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    if !context.is_governed()
        || context.is_test_file()
        || class.bases.is_empty()
        || !context.is_concrete_node(class)
    {
        return;
    }
    let governed = context.ancestors(class).iter().any(|ancestor| match ancestor {
        Resolved::Class(found) => found.class.name.contains("Governed"),
        Resolved::Path(path) => path.rsplit('.').next().is_some_and(|name| name.contains("Governed")),
    });
    if !governed {
        context.report(class.span, class.scope, format!("node `{}` is not governed", class.name));
    }
}
