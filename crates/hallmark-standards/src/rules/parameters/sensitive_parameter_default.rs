//! ## What it does
//!
//! Finds a `NodeParameter` with a sensitive name (password, token, api_key, ...) and a text as its default.
//!
//! ## Why
//!
//! The default is a secret in the source, it is the same for everybody, and it is shown wherever parameters are listed.
//!
//! ## Example
//!
//! ```python
//! NodeParameter(name="password", type=str, default="changeme")
//! ```
//!
//! ## Use instead
//!
//! ```python
//! NodeParameter(name="password", type=str, required=True)
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `gold-security` 1, secrets come from the environment.
//!
//! ## How to mend
//!
//! Make the parameter required and pass the value from the environment.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use hallmark_python::names::is_secret;

use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "sensitive-parameter-default",
    family: Family::Parameters,
    severity: Severity::Error,
    why: "The default is a secret in the source, it is the same for everybody, and it is shown wherever parameters are listed.",
    action: "make it required and pass it from the environment",
    source: include_str!("sensitive_parameter_default.rs"),
    checks: &[Check::CallTo(&["NodeParameter"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    let Some(name) = call.keyword("name").or_else(|| call.positional(0)).and_then(|a| a.value.text()) else {
        return;
    };
    let Some(default) = call.keyword("default") else { return };
    let given = default.value.text().is_some_and(|t| !t.is_empty());
    if given && is_secret(name) && context.is(&call.callee, sdk::PARAMETER) {
        context
            .report(
                default.span,
                call.scope,
                format!("sensitive parameter `{name}` has a default in the source"),
            )
            .masked();
    }
}
