//! ## What it does
//!
//! Finds a server that is bound to `0.0.0.0` or `::` by a literal.
//!
//! ## Why
//!
//! It is then reached from every network that the machine is on, whether meant or not.
//!
//! ## Example
//!
//! ```python
//! uvicorn.run(app, host="0.0.0.0")
//! ```
//!
//! ## Use instead
//!
//! ```python
//! uvicorn.run(app, host=os.environ.get("HOST", "127.0.0.1"))
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `rules/security`.
//!
//! ## How to mend
//!
//! Read the address from configuration.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Setting;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "bind-all-interfaces",
    family: Family::Security,
    severity: Severity::Warning,
    why: "It is then reached from every network that the machine is on, whether meant or not.",
    action: "bind to 127.0.0.1 by default and let the environment say otherwise",
    source: include_str!("bind_all_interfaces.rs"),
    checks: &[Check::Setting(&["host", "bind"], check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, setting: &Setting) {
    if setting.value.text().is_some_and(|text| matches!(text, "0.0.0.0" | "::")) {
        context.report_milder_in_tests(setting.span, setting.scope, "the server is open to every network");
    }
}
