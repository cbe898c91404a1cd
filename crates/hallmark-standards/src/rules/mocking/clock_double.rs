//! ## What it does
//!
//! Finds a test that stops or moves the clock: `freezegun`, `time_machine`, and their fixtures `freezer` and `time_machine`.
//!
//! ## Why
//!
//! The clock is no service, and a time that stands still makes a test repeatable. But timeouts, expiry and ordering are not
//! tested by it, and a connection to a real service can fail on a time that is wrong.
//!
//! ## Example
//!
//! ```python
//! @freeze_time("2026-01-01")
//! def test_invoice():
//!     assert issue().day == date(2026, 1, 1)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! def test_invoice():
//!     assert issue(today=date(2026, 1, 1)).day == date(2026, 1, 1)
//! ```
//!
//! ## Gold standard
//!
//! NO-MOCKING. Information only: no edition forbids it, and it is counted apart from doubles of services.
//!
//! ## How to mend
//!
//! Give the code under test the time as an argument.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Function, Import};

use crate::Context;
use crate::doubles::asked_fixture;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "clock-double",
    family: Family::Mocking,
    severity: Severity::Info,
    why: "Timeouts, expiry and ordering are not tested while the clock stands still.",
    action: "nothing, unless the code under test can be told the time",
    source: include_str!("clock_double.rs"),
    checks: &[Check::Import(check_import), Check::Function(check_function)],
    ..Rule::STABLE
};

fn check_import(context: &mut Context<'_>, import: &Import) {
    let root = import.module.split('.').next().unwrap_or_default();
    let is_clock = matches!(root, "freezegun" | "time_machine") && import.level == 0;
    if is_clock && import.first && import.used && !context.index().is_own(root) {
        context.report(import.statement, import.scope, format!("`{root}` stops the clock"));
    }
}

fn check_function(context: &mut Context<'_>, function: &Function) {
    if let Some(param) = asked_fixture(context, function, &["freezer", "time_machine"]) {
        let message = format!("the fixture `{}` stops the clock", param.name);
        let scope = function.opens;
        context.report(param.span, scope, message);
    }
}
