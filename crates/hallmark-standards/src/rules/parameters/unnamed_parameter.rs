//! ## What it does
//!
//! Finds a `NodeParameter` without `name`.
//!
//! ## Why
//!
//! `name` is required: the declaration fails when the node is made.
//!
//! ## Example
//!
//! ```python
//! {"sku": NodeParameter(type=str)}
//! ```
//!
//! ## Use instead
//!
//! ```python
//! {"sku": NodeParameter(name="sku", type=str)}
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `gold-parameter-passing`.
//!
//! ## How to mend
//!
//! Name it.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "unnamed-parameter",
    family: Family::Parameters,
    severity: Severity::Error,
    why: "`name` is required: the declaration fails when the node is made.",
    action: "write name= with the key of the entry",
    source: include_str!("unnamed_parameter.rs"),
    checks: &[Check::CallTo(&["NodeParameter"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    let named = call.keyword("name").is_some() || call.positional(0).is_some() || call.has_spread();
    if !named && context.is(&call.callee, sdk::PARAMETER) {
        context.report(call.span, call.scope, "the parameter has no name");
    }
}
