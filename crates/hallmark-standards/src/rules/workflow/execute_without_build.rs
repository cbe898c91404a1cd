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
use hallmark_python::Module;
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
    checks: &[
        Check::CallTo(&["execute", "execute_async", "execute_workflow_async"], check),
        Check::Module(check_given),
    ],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    let Some(argument) = call.positional(0).or_else(|| call.keyword("workflow")) else { return };
    let Some(path) = argument.value.path() else { return };
    let receiver = context.canonical(&call.callee);
    let receiver = receiver.split_once("()").map_or("", |(head, _)| head);
    if sdk::is_runtime(receiver) && context.is(path, &format!("{}()", sdk::BUILDER)) {
        context.report(argument.span, call.scope, "the builder is executed, not the workflow it builds");
    }
}

/// A builder given to a function of the project that executes what it is given.
fn check_given(context: &mut Context<'_>, module: &Module) {
    for given in &module.given {
        let Some(to) = given.to.as_deref().filter(|to| !to.contains('(') && !to.starts_with('$')) else {
            continue;
        };
        if !context.is(&given.builder, &format!("{}()", sdk::BUILDER)) {
            continue;
        }
        let Some((home, name)) = context.function_path(to) else { continue };
        let executes = home
            .functions
            .iter()
            .any(|f| f.top_level && *f.name == *name && f.executes.contains(&given.position));
        if executes {
            context.report(
                given.span,
                given.scope,
                format!("`{name}` executes the builder, not the workflow it builds"),
            );
        }
    }
}
