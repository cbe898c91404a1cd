//! ## What it does
//!
//! Finds `NodeParameter(required=True, default=...)`.
//!
//! ## Why
//!
//! One of the two never applies: a required parameter is always given, so its default is dead, or it is not required after
//! all.
//!
//! ## Example
//!
//! ```python
//! NodeParameter(name="rate", type=float, required=True, default=1.2)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! NodeParameter(name="rate", type=float, required=False, default=1.2)
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2025 and 2026: `gold-parameter-passing`, "required or default".
//!
//! ## How to mend
//!
//! Keep one of the two.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use hallmark_python::facts::Value;

use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "required-parameter-with-default",
    family: Family::Parameters,
    severity: Severity::Warning,
    why: "One of the two never applies: a required parameter is always given, so its default is dead, or it is not required after all.",
    action: "keep required=True or the default, not both",
    source: include_str!("required_parameter_with_default.rs"),
    checks: &[Check::CallTo(&["NodeParameter"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    let Some(default) = call.keyword("default").or_else(|| call.keyword("default_value")) else { return };
    let required = call.keyword("required").is_some_and(|a| a.value == Value::Bool(true));
    if default.value == Value::Nothing || !required || !context.is(&call.callee, sdk::PARAMETER) {
        return;
    }
    context.report(default.span, call.scope, "a required parameter has a default");
}
