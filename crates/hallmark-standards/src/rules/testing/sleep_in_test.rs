//! ## What it does
//!
//! Finds `time.sleep` and `asyncio.sleep` of a fixed time in a test.
//!
//! ## Why
//!
//! The time is either too short on a slow machine or wasted on a fast one. A test that waits for a condition is neither.
//!
//! ## Example
//!
//! ```python
//! import time
//!
//! def test_job():
//!     start()
//!     time.sleep(5)
//!     assert done()
//! ```
//!
//! ## Use instead
//!
//! ```python
//! def test_job():
//!     start()
//!     wait_until(done, seconds=5)
//! ```
//!
//! ## Gold standard
//!
//! 2026: `gold-test-creation`, deterministic tests.
//!
//! ## How to mend
//!
//! Poll the condition, or wait for an event.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Call, Value};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "sleep-in-test",
    family: Family::Testing,
    severity: Severity::Warning,
    why: "The time is either too short on a slow machine or wasted on a fast one. A test that waits for a condition is neither.",
    action: "wait for the condition, with a bound",
    source: include_str!("sleep_in_test.rs"),
    checks: &[Check::CallTo(&["sleep"], check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, call: &Call) {
    let in_test = context.module().function_of(call.scope).is_some_and(|f| f.name.starts_with("test"));
    let yields = call.positional(0).is_some_and(|a| a.value == Value::Integer(0));
    if context.is_test_file() && in_test && !yields && matches!(&*call.callee, "time.sleep" | "asyncio.sleep")
    {
        context.report(call.span, call.scope, "the test waits a fixed time");
    }
}
