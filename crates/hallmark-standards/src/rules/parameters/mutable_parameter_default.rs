//! ## What it does
//!
//! Finds a `NodeParameter` whose default is a list or dictionary literal.
//!
//! ## Why
//!
//! All nodes share the one object.
//!
//! ## Example
//!
//! ```python
//! NodeParameter(name="tags", type=list, default=[])
//! ```
//!
//! ## Use instead
//!
//! ```python
//! NodeParameter(name="tags", type=list, default=None)
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. Python.
//!
//! ## How to mend
//!
//! Use `None`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Call, Value};

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "mutable-parameter-default",
    family: Family::Parameters,
    severity: Severity::Info,
    why: "All nodes share the one object.",
    action: "use None and make it in run",
    source: include_str!("mutable_parameter_default.rs"),
    checks: &[Check::CallTo(&["NodeParameter"], check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, call: &Call) {
    let Some(default) = call.keyword("default") else { return };
    if matches!(default.value, Value::Dict(_) | Value::Sequence) && context.is(&call.callee, sdk::PARAMETER) {
        context.report(default.span, call.scope, "all nodes share this default");
    }
}
