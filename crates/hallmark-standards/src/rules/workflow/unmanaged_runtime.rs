//! ## What it does
//!
//! Finds a `LocalRuntime` made outside a `with`, in a function that never closes one.
//!
//! ## Why
//!
//! The runtime holds threads and connections until the process ends.
//!
//! ## Example
//!
//! ```python
//! runtime = LocalRuntime()
//! ```
//!
//! ## Use instead
//!
//! ```python
//! with LocalRuntime() as runtime:
//!     runtime.execute(workflow.build())
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: SDK 2.65, runtime lifecycle.
//!
//! ## How to mend
//!
//! Use `with`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "unmanaged-runtime",
    family: Family::Workflow,
    severity: Severity::Info,
    why: "The runtime holds threads and connections until the process ends.",
    action: "write with LocalRuntime() as runtime",
    source: include_str!("unmanaged_runtime.rs"),
    checks: &[Check::CallTo(&["LocalRuntime", "AsyncLocalRuntime"], check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, call: &Call) {
    let runtime = context.canonical(&call.callee);
    if call.role.with || !sdk::is_runtime(&runtime) {
        return;
    }
    let module = context.module();
    let closed = module.calls.iter().any(|c| c.callee.ends_with("Runtime().close"));
    if !closed {
        context.report(call.span, call.scope, "nothing closes this runtime");
    }
}
