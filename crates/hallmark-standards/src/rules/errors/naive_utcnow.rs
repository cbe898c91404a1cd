//! ## What it does
//!
//! Finds `datetime.utcnow()` and `datetime.utcfromtimestamp()`.
//!
//! ## Why
//!
//! They give a time without a zone, which is read as local time later. Python 3.12 deprecates both.
//!
//! ## Example
//!
//! ```python
//! from datetime import datetime
//!
//! now = datetime.utcnow()
//! ```
//!
//! ## Use instead
//!
//! ```python
//! from datetime import UTC, datetime
//!
//! now = datetime.now(UTC)
//! ```
//!
//! ## Gold standard
//!
//! Python 3.12, PRODUCTION.
//!
//! ## How to mend
//!
//! Write `datetime.now(timezone.utc)`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "naive-utcnow",
    family: Family::Errors,
    severity: Severity::Warning,
    why: "They give a time without a zone, which is read as local time later. Python 3.12 deprecates both.",
    action: "write datetime.now(UTC)",
    source: include_str!("naive_utcnow.rs"),
    checks: &[Check::CallTo(&["utcnow", "utcfromtimestamp"], check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, call: &Call) {
    if call.callee.starts_with("datetime.datetime.utc") {
        context.report(call.span, call.scope, "a time without a zone");
    }
}
