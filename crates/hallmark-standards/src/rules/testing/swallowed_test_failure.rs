//! ## What it does
//!
//! Finds a test that catches every exception and goes on: a bare or broad `except` without `raise`, `fail`, `skip` or an
//! assertion in it.
//!
//! ## Why
//!
//! The test passes when the code under test raises. `AssertionError` is an exception too, so not even a failed assertion
//! in the `try` is seen.
//!
//! ## Example
//!
//! ```python
//! def test_price():
//!     try:
//!         assert price() == 1
//!     except Exception as error:
//!         print(error)
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
//! 2026: `rules/testing`, `zero-tolerance`.
//!
//! ## How to mend
//!
//! Delete the `try`, or use `pytest.raises` for an exception that is wanted.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Handler;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "swallowed-test-failure",
    family: Family::Testing,
    severity: Severity::Error,
    why: "The test passes when the code under test raises. `AssertionError` is an exception too, so not even a failed assertion in the `try` is seen.",
    action: "catch the exception that is expected, with pytest.raises, or let it through",
    source: include_str!("swallowed_test_failure.rs"),
    checks: &[Check::Handler(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, handler: &Handler) {
    // A service that is not there may be a reason to skip; an assertion that failed is none.
    let skips = handler.skips && !handler.tries_check;
    if !context.is_test_file() || handler.can_fail || skips || !is_broad(handler) {
        return;
    }
    let module = context.module();
    let Some(function) = module.function_of(handler.scope) else { return };
    let in_test = function.name.starts_with("test")
        && !function.decorators.iter().filter_map(|d| d.path.as_deref()).any(|p| p.ends_with("fixture"));
    // What is caught beside the proof is put in order there, or is the very thing that is asserted on later.
    let beside = !handler.tries_check && (function.body.asserts > 0 || function.body.can_fail);
    if !in_test || beside || handler.tries_cleanup {
        return;
    }
    context.report(handler.span, handler.scope, format!("`{}` passes when this is caught", function.name));
}

fn is_broad(handler: &Handler) -> bool {
    handler.is_bare
        || handler.exceptions.iter().any(|e| {
            matches!(&**e, "builtins.Exception" | "builtins.BaseException" | "builtins.AssertionError")
        })
}
