//! ## What it does
//!
//! Finds a test that is skipped by a marker without a condition, or by a plain `pytest.skip`.
//!
//! ## Why
//!
//! A skipped test proves nothing and is easily forgotten.
//!
//! ## Example
//!
//! ```python
//! import pytest
//!
//! @pytest.mark.skip(reason="flaky")
//! def test_price():
//!     assert price() == 1
//! ```
//!
//! ## Use instead
//!
//! ```python
//! def test_price():
//!     assert price() == 1
//! ```
//!
//! ## Gold standard
//!
//! 2026: `zero-tolerance`.
//!
//! ## How to mend
//!
//! Mend the test, or delete it.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Function;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "skipped-test",
    family: Family::Testing,
    severity: Severity::Info,
    why: "A skipped test proves nothing and is easily forgotten.",
    action: "run it, or delete it; give a skip a condition that can become false",
    source: include_str!("skipped_test.rs"),
    checks: &[Check::Function(check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, function: &Function) {
    let skipped = function
        .decorators
        .iter()
        .find(|d| d.path.as_deref().is_some_and(|p| matches!(p, "pytest.mark.skip" | "unittest.skip")));
    if let Some(decorator) = skipped.filter(|_| context.is_test_file()) {
        context.report(decorator.span, function.scope, format!("`{}` is never run", function.name));
    }
}
