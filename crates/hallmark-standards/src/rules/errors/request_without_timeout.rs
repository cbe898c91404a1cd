//! ## What it does
//!
//! Finds a call of `requests` (`get`, `post`, ..., `request`) without `timeout`.
//!
//! ## Why
//!
//! `requests` waits for ever by default: one silent peer stops a worker for good.
//!
//! ## Example
//!
//! ```python
//! import requests
//!
//! requests.get(url)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! import requests
//!
//! requests.get(url, timeout=10)
//! ```
//!
//! ## Gold standard
//!
//! 2026: `gold-error-handling`.
//!
//! ## How to mend
//!
//! Pass `timeout=`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "request-without-timeout",
    family: Family::Errors,
    severity: Severity::Warning,
    why: "`requests` waits for ever by default: one silent peer stops a worker for good.",
    action: "pass a timeout in seconds",
    source: include_str!("request_without_timeout.rs"),
    checks: &[Check::CallTo(METHODS, check)],
    ..Rule::STABLE
};

const METHODS: &[&str] = &["get", "post", "put", "patch", "delete", "head", "options", "request"];

fn check(context: &mut Context<'_>, call: &Call) {
    let Some(method) = call.callee.strip_prefix("requests.") else { return };
    let plain = method.strip_prefix("api.").unwrap_or(method);
    let session = plain.strip_prefix("Session().").or_else(|| plain.strip_prefix("session()."));
    if METHODS.contains(&session.unwrap_or(plain))
        && call.keyword("timeout").is_none()
        && !call.has_spread()
        && !context.index().is_own("requests")
    {
        context.report(call.span, call.scope, format!("`requests.{plain}` waits for ever"));
    }
}
