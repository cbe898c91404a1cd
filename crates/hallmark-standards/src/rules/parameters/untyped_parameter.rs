//! ## What it does
//!
//! Finds a `NodeParameter` without `type`.
//!
//! ## Why
//!
//! Without a type nothing is validated: whatever arrives is passed on to `run`.
//!
//! ## Example
//!
//! ```python
//! NodeParameter(name="net", required=True)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! NodeParameter(name="net", type=float, required=True)
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2025 and 2026: `gold-parameter-passing`, every parameter has a type.
//!
//! ## How to mend
//!
//! Give the narrowest type that fits.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "untyped-parameter",
    family: Family::Parameters,
    severity: Severity::Error,
    why: "Without a type nothing is validated: whatever arrives is passed on to `run`.",
    action: "add type=...",
    source: include_str!("untyped_parameter.rs"),
    checks: &[Check::CallTo(&["NodeParameter"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    let typed = call.keyword("type").is_some() || call.positional(1).is_some() || call.has_spread();
    if !typed && context.is(&call.callee, sdk::PARAMETER) {
        let name = call.keyword("name").and_then(|a| a.value.text()).unwrap_or("?");
        context.report(call.span, call.scope, format!("parameter `{name}` has no type"));
    }
}
