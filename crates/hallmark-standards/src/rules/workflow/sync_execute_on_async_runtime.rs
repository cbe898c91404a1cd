//! ## What it does
//!
//! Finds `execute` called on an `AsyncLocalRuntime`.
//!
//! ## Why
//!
//! It starts a loop of its own and blocks until the workflow ends: what the runtime is made for is lost, and inside a
//! running loop it fails.
//!
//! ## Example
//!
//! ```python
//! runtime = AsyncLocalRuntime()
//! results, run_id = runtime.execute(workflow.build())
//! ```
//!
//! ## Use instead
//!
//! ```python
//! runtime = AsyncLocalRuntime()
//! result = await runtime.execute_workflow_async(workflow.build(), inputs={})
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `gold-testing`.
//!
//! ## How to mend
//!
//! Await `execute_workflow_async`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "sync-execute-on-async-runtime",
    family: Family::Workflow,
    severity: Severity::Warning,
    why: "It starts a loop of its own and blocks until the workflow ends: what the runtime is made for is lost, and inside a running loop it fails.",
    action: "write await runtime.execute_workflow_async(workflow.build(), inputs={})",
    source: include_str!("sync_execute_on_async_runtime.rs"),
    checks: &[Check::CallTo(&["execute"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    if call.callee.ends_with("AsyncLocalRuntime().execute")
        && context.is(&call.callee, "kailash.runtime.async_local.AsyncLocalRuntime().execute")
    {
        context.report(call.head, call.scope, "the asynchronous runtime is called synchronously");
    }
}
