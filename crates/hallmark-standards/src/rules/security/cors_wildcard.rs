//! ## What it does
//!
//! Finds a list of allowed origins that holds `"*"`.
//!
//! ## Why
//!
//! Every page on the web may then call the service in the name of whoever looks at it.
//!
//! ## Example
//!
//! ```python
//! app.add_middleware(CORSMiddleware, allow_origins=["*"])
//! ```
//!
//! ## Use instead
//!
//! ```python
//! app.add_middleware(CORSMiddleware, allow_origins=["https://app.example.org"])
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `rules/security`.
//!
//! ## How to mend
//!
//! List the origins, from configuration.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Setting;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "cors-wildcard",
    family: Family::Security,
    severity: Severity::Warning,
    why: "Every page on the web may then call the service in the name of whoever looks at it.",
    action: "name the origins",
    source: include_str!("cors_wildcard.rs"),
    checks: &[Check::Setting(&["allow_origins", "origins"], check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, setting: &Setting) {
    if setting.items.iter().any(|origin| &**origin == "*") {
        context.report_milder_in_tests(setting.span, setting.scope, "every origin is allowed");
    }
}
