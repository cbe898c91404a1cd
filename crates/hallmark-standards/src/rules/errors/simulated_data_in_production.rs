//! ## What it does
//!
//! Finds a name outside tests that says that its value is made up: `simulated_data`, `fake_response`, `mock_results`,
//! `dummy_user`.
//!
//! ## Why
//!
//! Callers cannot tell invented data from real data. What looks like a working feature is a placeholder.
//!
//! ## Example
//!
//! ```python
//! def prices():
//!     fake_response = {"price": 1}
//!     return fake_response
//! ```
//!
//! ## Use instead
//!
//! ```python
//! def prices():
//!     return client.get("/prices")
//! ```
//!
//! ## Gold standard
//!
//! 2026: `zero-tolerance`, no simulated data.
//!
//! ## How to mend
//!
//! Call the real source; if it is not there yet, raise an error that says so.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Bound;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "simulated-data-in-production",
    family: Family::Errors,
    severity: Severity::Warning,
    why: "Callers cannot tell invented data from real data. What looks like a working feature is a placeholder.",
    action: "get the real data, or fail",
    source: include_str!("simulated_data_in_production.rs"),
    checks: &[Check::Bound(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, bound: &Bound) {
    let path = &context.module().path;
    let words = ["example", "demo", "samples", "fixture", "testing", "mock", "fake", "simulat", "benchmark"];
    let shown = words.iter().any(|word| path.to_ascii_lowercase().contains(word));
    if !context.is_test_file() && !shown {
        context.report(bound.span, bound.scope, format!("`{}` holds invented data", bound.name));
    }
}
