//! ## What it does
//!
//! Finds a `WorkflowBuilder` given to `Nexus.register` without `.build()`.
//!
//! ## Why
//!
//! Nexus registers workflows. A builder is none: the call fails when the service starts, or the workflow cannot be run.
//!
//! ## Example
//!
//! ```python
//! app.register("import", builder)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! app.register("import", builder.build())
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: Nexus guide.
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
    name: "nexus-register-unbuilt",
    family: Family::Channels,
    severity: Severity::Error,
    why: "Nexus registers workflows. A builder is none: the call fails when the service starts, or the workflow cannot be run.",
    action: "pass builder.build()",
    source: include_str!("nexus_register_unbuilt.rs"),
    checks: &[Check::CallTo(&["register", "register_workflow"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    let callee = context.canonical(&call.callee);
    let is_nexus = ["nexus.Nexus()", "nexus.core.Nexus()", "nexus.create_nexus()"]
        .iter()
        .any(|app| callee.starts_with(app));
    let Some(workflow) = call.positional(1).or_else(|| call.keyword("workflow")) else { return };
    let unbuilt = workflow.value.path().is_some_and(|path| context.is(path, &format!("{}()", sdk::BUILDER)));
    if is_nexus && unbuilt {
        context.report(workflow.span, call.scope, "the builder is registered, not the workflow it builds");
    }
}
