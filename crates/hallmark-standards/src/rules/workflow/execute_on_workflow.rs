//! ## What it does
//!
//! Finds `workflow.execute(runtime)`: `execute` called on a `WorkflowBuilder` or on what it built. The receiver is told by
//! its construction, not by its name.
//!
//! ## Why
//!
//! A runtime executes a workflow. The reverse call either does not exist or goes round the runtime's checks.
//!
//! ## Example
//!
//! ```python
//! workflow = WorkflowBuilder()
//! workflow.execute(runtime)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! results, run_id = runtime.execute(workflow.build())
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004, the standard's own example. 2025: pattern expert; 2026: `SKILL.md` core pattern.
//!
//! ## How to mend
//!
//! Call `runtime.execute(workflow.build())`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "execute-on-workflow",
    family: Family::Workflow,
    severity: Severity::Error,
    why: "A runtime executes a workflow. The reverse call either does not exist or goes round the runtime's checks.",
    action: "write results, run_id = runtime.execute(workflow.build())",
    source: include_str!("execute_on_workflow.rs"),
    checks: &[Check::CallTo(&["execute"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    if !call.callee.ends_with(".execute") {
        return;
    }
    let callee = context.canonical(&call.callee);
    let Some(rest) = callee.strip_prefix(sdk::BUILDER) else { return };
    if matches!(rest, "().execute" | "().build().execute") {
        context.report(call.head, call.scope, "the workflow executes the runtime: it is the other way round");
    }
}
