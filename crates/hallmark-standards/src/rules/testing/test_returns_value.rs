//! ## What it does
//!
//! Finds a test that returns a value.
//!
//! ## Why
//!
//! pytest ignores what a test returns: a test that returns `False` passes.
//!
//! ## Example
//!
//! ```python
//! def test_price():
//!     return price() == 1
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
//! 2026: `gold-test-creation`; pytest warns of it.
//!
//! ## How to mend
//!
//! Replace `return` by `assert`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Function;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "test-returns-value",
    family: Family::Testing,
    severity: Severity::Warning,
    why: "pytest ignores what a test returns: a test that returns `False` passes.",
    action: "assert the value instead of returning it",
    source: include_str!("test_returns_value.rs"),
    checks: &[Check::Function(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, function: &Function) {
    let is_fixture = function
        .decorators
        .iter()
        .filter_map(|d| d.path.as_deref())
        .any(|p| p.ends_with("fixture") || p.contains("property"));
    let class = function.class.and_then(|index| context.module().classes.get(index as usize));
    let own_class = class.is_none_or(|c| c.name.starts_with("Test"));
    let file = context.module().path.rsplit('/').next().unwrap_or_default();
    let collected = (file.starts_with("test_") || file.ends_with("_test.py"))
        && own_class
        && context.module().function_of(function.scope).is_none();
    if !context.is_test_file()
        || !function.name.starts_with("test")
        || is_fixture
        || function.body.yields
        || !collected
    {
        return;
    }
    if let Some(place) = function.body.returned {
        let scope = function.opens;
        context.report(place, scope, format!("`{}` returns a value that nobody looks at", function.name));
    }
}
