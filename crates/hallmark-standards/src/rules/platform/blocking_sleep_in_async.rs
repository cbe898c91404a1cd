//! ## What it does
//!
//! Finds `time.sleep` in an `async` function.
//!
//! ## Why
//!
//! It stops every other task of the event loop.
//!
//! ## Example
//!
//! ```python
//! import time
//!
//! async def wait():
//!     time.sleep(1)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! import asyncio
//!
//! async def wait():
//!     await asyncio.sleep(1)
//! ```
//!
//! ## Gold standard
//!
//! 2026: `gold-testing`, async.
//!
//! ## How to mend
//!
//! Use `asyncio.sleep`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Call, ScopeKind};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "blocking-sleep-in-async",
    family: Family::Platform,
    severity: Severity::Warning,
    why: "It stops every other task of the event loop.",
    action: "write await asyncio.sleep",
    source: include_str!("blocking_sleep_in_async.rs"),
    checks: &[Check::CallTo(&["sleep"], check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, call: &Call) {
    let module = context.module();
    // A lambda or a nested function is run by somebody else, often on a thread.
    let in_async = match module.walk(call.scope).next() {
        Some(ScopeKind::Function(index)) => module.functions.get(index as usize).is_some_and(|f| f.is_async),
        _ => false,
    };
    if in_async && &*call.callee == "time.sleep" {
        context.report(call.span, call.scope, "the event loop stands still");
    }
}
