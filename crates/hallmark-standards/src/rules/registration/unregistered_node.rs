//! ## What it does
//!
//! Finds a concrete class that derives, through any number of files, from the SDK's `Node`, has no `@register_node()` and
//! is passed to no registration call. Classes in tests, private and abstract classes, agents, and bases of other classes
//! are left alone.
//!
//! ## Why
//!
//! A workflow names its nodes by their registered type. An unregistered node cannot be named, so it is either unused or
//! passed as a class, which the builder only tolerates.
//!
//! ## Example
//!
//! ```python
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
//! REQ-GS-002: custom node classes are `@register_node` decorated, in both editions. 2025: custom node guide; 2026:
//! `gold-custom-nodes`.
//!
//! ## How to mend
//!
//! Put `@register_node()` above the class and import it from `kailash.nodes.base`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use hallmark_python::index::ClassRef;

pub(crate) static RULE: Rule = Rule {
    name: "unregistered-node",
    family: Family::Registration,
    severity: Severity::Error,
    why: "A workflow names its nodes by their registered type. An unregistered node cannot be named, so it is either unused or passed as a class, which the builder only tolerates.",
    action: "put @register_node() above the class",
    source: include_str!("unregistered_node.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    if class.scope != 0 || class.bases.is_empty() || !context.is_concrete_node(class) {
        return;
    }
    let registered =
        class.decorators.iter().filter_map(|d| d.path.as_deref()).any(|p| p.ends_with("register_node"))
            || context.is_registered_by_call(class);
    // Nobody names an agent in a workflow.
    let module = context.index().from();
    let is_agent = context.face(class).is_some_and(|class| context.is_agent(ClassRef { module, class }));
    let in_sdk = context.module().name.starts_with("kailash.nodes.");
    if registered || is_agent || in_sdk {
        return;
    }
    context.report_milder_in_tests(
        class.span,
        class.scope,
        format!("node `{}` is not registered", class.name),
    );
}
