//! ## What it does
//!
//! Finds `LocalRuntime.execute` called inside `async def` without handing it to a thread. In tests it is a warning.
//!
//! ## Why
//!
//! The call blocks the event loop for as long as the workflow runs: every other request waits.
//!
//! ## Example
//!
//! ```python
//! async def handle():
//!     results, run_id = LocalRuntime().execute(workflow.build())
//! ```
//!
//! ## Use instead
//!
//! ```python
//! async def handle():
//!     results, run_id = await AsyncLocalRuntime().execute_workflow_async(workflow.build(), inputs={})
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `gold-testing` (both runtimes); 2025: pattern expert.
//!
//! ## How to mend
//!
//! Use `AsyncLocalRuntime` and await it, or call `asyncio.to_thread(runtime.execute, ...)`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Call, ScopeKind};

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "sync-runtime-in-async",
    family: Family::Workflow,
    severity: Severity::Error,
    why: "The call blocks the event loop for as long as the workflow runs: every other request waits.",
    action: "use AsyncLocalRuntime and await execute_workflow_async",
    source: include_str!("sync_runtime_in_async.rs"),
    checks: &[Check::CallTo(&["execute"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    let module = context.module();
    // A lambda is run by somebody else: `asyncio.to_thread(lambda: runtime.execute(workflow))` blocks no loop.
    let in_async = match module.walk(call.scope).next() {
        Some(ScopeKind::Function(index)) => module.functions.get(index as usize).is_some_and(|f| f.is_async),
        _ => false,
    };
    // What is awaited is another runtime's, whatever the name says.
    if !in_async || call.role.awaited || !call.callee.ends_with("().execute") {
        return;
    }
    let callee = context.canonical(&call.callee);
    if callee.strip_suffix("().execute").is_some_and(sdk::is_sync_runtime) {
        let in_test = context.is_test_file();
        let raw = context.report(call.head, call.scope, "a synchronous runtime blocks the event loop");
        if in_test {
            raw.severity(Severity::Warning);
        }
    }
}
