//! ## What it does
//!
//! Finds a connection that is made a cycle by a flag: `connect(..., cycle=True)`.
//!
//! ## Why
//!
//! The flag is gone from the SDK: a cycle has a name, an end and a bound, and is built as one.
//!
//! ## Example
//!
//! ```python
//! workflow.connect("a", "b", cycle=True)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! cycle = workflow.create_cycle("refine")
//! cycle.connect("a", "b").max_iterations(10).build()
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `gold-workflow-design`, cycles.
//!
//! ## How to mend
//!
//! Use `create_cycle`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Setting, Value};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "cycle-flag",
    family: Family::Workflow,
    severity: Severity::Error,
    why: "The flag is gone from the SDK: a cycle has a name, an end and a bound, and is built as one.",
    action: "write workflow.create_cycle(...) and build() it",
    source: include_str!("cycle_flag.rs"),
    checks: &[Check::Setting(&["cycle"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, setting: &Setting) {
    let connects = setting.method.as_deref().is_some_and(|m| matches!(m, "connect" | "add_connection"));
    if connects && setting.value == Value::Bool(true) {
        context.report(setting.span, setting.scope, "a cycle is asked for by a flag");
    }
}
