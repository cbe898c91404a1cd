//! ## What it does
//!
//! Finds a test or fixture that asks for pytest-mock's `mocker` (or `class_mocker`, `module_mocker`, `package_mocker`,
//! `session_mocker`).
//!
//! ## Why
//!
//! The fixture is `unittest.mock` under another name. The test passes whatever the real service does, so it proves nothing
//! about it.
//!
//! ## Example
//!
//! ```python
//! def test_quotes(mocker):
//!     mocker.patch("app.db.connect")
//! ```
//!
//! ## Use instead
//!
//! ```python
//! def test_quotes(pg):  # a fixture connected to the running stack
//!     ...
//! ```
//!
//! ## Gold standard
//!
//! NO-MOCKING. 2025: test creation guide, "no mocking in tiers 2 and 3"; 2026: `gold-mocking-policy` and `rules/testing`.
//! Under `--profile strict` the requirements' reading applies: no double in any tier.
//!
//! ## How to mend
//!
//! Use the running stack (`hallmark up`), or move the test to the unit tier.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Function;

use crate::Context;
use crate::doubles::asked_fixture;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "mocker-fixture",
    family: Family::Mocking,
    severity: Severity::Error,
    why: "The fixture is `unittest.mock` under another name. The test passes whatever the real service does, so it proves nothing about it.",
    action: "use the running stack (hallmark up), or move the test to the unit tier",
    source: include_str!("mocker_fixture.rs"),
    checks: &[Check::Function(check)],
    ..Rule::STABLE
};

const FIXTURES: &[&str] = &["class_mocker", "mocker", "module_mocker", "package_mocker", "session_mocker"];

fn check(context: &mut Context<'_>, function: &Function) {
    if let Some(param) = asked_fixture(context, function, FIXTURES) {
        let message = format!("`{}` asks for the fixture `{}`", function.name, param.name);
        let scope = function.opens;
        context.report_double(param.span, scope, message);
    }
}
