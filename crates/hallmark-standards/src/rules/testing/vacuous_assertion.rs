//! ## What it does
//!
//! Finds a test whose every assertion is a constant: `assert True`, `assert 1 == 1`, `assert (x, "message")`.
//!
//! ## Why
//!
//! Such an assertion holds whatever the code does: the test cannot fail.
//!
//! ## Example
//!
//! ```python
//! def test_import():
//!     run_import()
//!     assert True
//! ```
//!
//! ## Use instead
//!
//! ```python
//! def test_import():
//!     assert run_import() == 3
//! ```
//!
//! ## Gold standard
//!
//! 2026: `rules/testing`.
//!
//! ## How to mend
//!
//! Assert on the result or the effect.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Function;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "vacuous-assertion",
    family: Family::Testing,
    severity: Severity::Warning,
    why: "Such an assertion holds whatever the code does: the test cannot fail.",
    action: "assert on what the code under test gives",
    source: include_str!("vacuous_assertion.rs"),
    checks: &[Check::Function(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, function: &Function) {
    let body = &function.body;
    let all = body.asserts as usize == body.constant_asserts.len();
    if !context.is_test_file() || !function.name.starts_with("test") || !all || body.can_fail {
        return;
    }
    if let Some(first) = body.constant_asserts.first() {
        let scope = function.opens;
        context.report(*first, scope, format!("nothing that `{}` asserts can be false", function.name));
    }
}
