//! ## What it does
//!
//! Finds a secret that is read from the environment with a literal to fall back on, as a default or behind `or`.
//!
//! ## Why
//!
//! Where the variable is missing the literal is used, silently, by everyone who can read the source.
//!
//! ## Example
//!
//! ```python
//! import os
//!
//! key = os.getenv("JWT_SECRET", "dev-secret")
//! ```
//!
//! ## Use instead
//!
//! ```python
//! import os
//!
//! key = os.environ["JWT_SECRET"]
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `gold-security` 1.
//!
//! ## How to mend
//!
//! Use `os.environ["NAME"]`.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;
use hallmark_python::facts::Call;
use hallmark_python::names::is_secret;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "secret-default-from-environment",
    family: Family::Security,
    severity: Severity::Error,
    why: "Where the variable is missing the literal is used, silently, by everyone who can read the source.",
    action: "read it without a default, and fail where it is missing",
    source: include_str!("secret_default_from_environment.rs"),
    checks: &[Check::CallTo(&["getenv", "get"], check), Check::Module(check_fallbacks)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    if !matches!(&*call.callee, "os.getenv" | "os.environ.get") || context.is_test_file() {
        return;
    }
    let Some(name) = call.positional(0).and_then(|a| a.value.text()).filter(|name| is_secret(name)) else {
        return;
    };
    let Some(default) = call.positional(1).or_else(|| call.keyword("default")) else { return };
    if default.value.text().is_some_and(|text| !text.trim().is_empty()) {
        context
            .report(default.span, call.scope, format!("`{name}` falls back on a secret in the source"))
            .masked();
    }
}

/// `os.environ.get("X") or "text"`.
fn check_fallbacks(context: &mut Context<'_>, module: &Module) {
    if context.is_test_file() {
        return;
    }
    for fallback in &module.secret_fallbacks {
        let message = format!("`{}` falls back on a secret in the source", fallback.text);
        context.report(fallback.span, fallback.scope, message).masked();
    }
}
