//! ## What it does
//!
//! Finds a `WorkflowBuilder` given to `Nexus.register` without `.build()`.
//!
//! ## Why
//!
//! Nexus registers workflows, and a builder is none: under the edition of 2025 (SDK 0.9) the workflow cannot be run. The SDK of 2026
//! (2.65) builds it itself when it is registered; there an error in the workflow is raised out of `register`, far from where it
//! was made, so that the finding is a remark.
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

use crate::rule::{Check, Family, Rule};
use crate::sdk;
use crate::{Context, Edition};

pub(crate) static RULE: Rule = Rule {
    name: "nexus-register-unbuilt",
    family: Family::Channels,
    severity: Severity::Error,
    why: "Nexus registers workflows, and a builder is none. Old SDKs cannot run it; new ones build it on the spot, and an error in it is raised far from where it was made.",
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
        let builds_itself = context.edition() == Edition::E2026;
        let raw = context.report(
            workflow.span,
            call.scope,
            "the builder is registered, not the workflow it builds",
        );
        if builds_itself {
            raw.severity(Severity::Info);
        }
    }
}
