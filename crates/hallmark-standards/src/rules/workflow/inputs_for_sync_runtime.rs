//! ## What it does
//!
//! Finds the keyword `inputs` given to the `execute` of a synchronous runtime.
//!
//! ## Why
//!
//! `LocalRuntime.execute` takes `parameters`; `inputs` belongs to the asynchronous runtime and fails here.
//!
//! ## Example
//!
//! ```python
//! runtime.execute(workflow.build(), inputs={"reader": {"path": p}})
//! ```
//!
//! ## Use instead
//!
//! ```python
//! runtime.execute(workflow.build(), parameters={"reader": {"path": p}})
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `gold-parameter-passing` method 3.
//!
//! ## How to mend
//!
//! Rename the keyword to `parameters`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "inputs-for-sync-runtime",
    family: Family::Workflow,
    severity: Severity::Error,
    why: "`LocalRuntime.execute` takes `parameters`; `inputs` belongs to the asynchronous runtime and fails here.",
    action: "write parameters=",
    source: include_str!("inputs_for_sync_runtime.rs"),
    checks: &[Check::CallTo(&["execute"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    let Some(inputs) = call.keyword("inputs") else { return };
    if !call.callee.ends_with("().execute") {
        return;
    }
    if context.canonical(&call.callee).strip_suffix("().execute").is_some_and(sdk::is_sync_runtime) {
        context.report(inputs.span, call.scope, "a synchronous runtime takes `parameters`, not `inputs`");
    }
}
