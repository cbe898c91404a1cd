//! ## What it does
//!
//! Finds `runtime.execute(workflow)` where `workflow` is a `WorkflowBuilder` that was not built.
//!
//! ## Why
//!
//! The runtime takes a workflow, not its builder: the call fails at run time.
//!
//! ## Example
//!
//! ```python
//! results, run_id = runtime.execute(workflow)
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
//! REQ-GS-004. 2025 and 2026: `SKILL.md` table, `gold-workflow-design` ("always .build() before execute").
//!
//! ## How to mend
//!
//! Add `.build()`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "execute-without-build",
    family: Family::Workflow,
    severity: Severity::Error,
    why: "The runtime takes a workflow, not its builder: the call fails at run time.",
    action: "add .build()",
    source: include_str!("execute_without_build.rs"),
    checks: &[Check::Call(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    let method = call.callee.rsplit('.').next().unwrap_or_default();
    if !matches!(method, "execute" | "execute_async" | "execute_workflow_async") {
        return;
    }
    let Some(argument) = call.positional(0).or_else(|| call.keyword("workflow")) else { return };
    let Some(path) = argument.value.path() else { return };
    let receiver = context.canonical(&call.callee);
    let receiver = receiver.split_once("()").map_or("", |(head, _)| head);
    if sdk::is_runtime(receiver) && context.is(path, &format!("{}()", sdk::BUILDER)) {
        context.report(argument.span, call.scope, "the builder is executed, not the workflow it builds");
    }
}
