//! ## What it does
//!
//! Finds `@register_node(...)` with a keyword other than `alias`.
//!
//! ## Why
//!
//! The SDK's decorator takes `alias` only; anything else raises a `TypeError` when the module is imported.
//!
//! ## Example
//!
//! ```python
//! @register_node(name="Price", version="1.0")
//! class PriceNode(Node):
//!     ...
//! ```
//!
//! ## Use instead
//!
//! ```python
//! @register_node(alias="Price")
//! class PriceNode(Node):
//!     ...
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-002. The signature is the same in both editions: `register_node(alias: str | None = None)`.
//!
//! ## How to mend
//!
//! Keep `alias` and delete the rest; a version belongs into the node's metadata.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "register-node-unknown-argument",
    family: Family::Registration,
    severity: Severity::Error,
    why: "The SDK's decorator takes `alias` only; anything else raises a `TypeError` when the module is imported.",
    action: "keep alias= and delete the other arguments",
    source: include_str!("register_node_unknown_argument.rs"),
    checks: &[Check::CallTo(&["register_node"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    if !call.role.decorator || !context.is(&call.callee, sdk::REGISTER) {
        return;
    }
    let unknown = call.args.iter().find(|a| a.keyword.as_deref().is_some_and(|k| k != "alias"));
    if let Some(arg) = unknown {
        let keyword = arg.keyword.as_deref().unwrap_or_default();
        context.report(arg.span, call.scope, format!("register_node takes no argument `{keyword}`"));
    }
}
