//! ## What it does
//!
//! Finds code of a `PythonCodeNode` into which values are interpolated.
//!
//! ## Why
//!
//! A value becomes code: a quote in it breaks the node, and an input that somebody else writes runs what they want.
//!
//! ## Example
//!
//! ```python
//! workflow.add_node("PythonCodeNode", "calc", {"code": f"result = {price} * 2"})
//! ```
//!
//! ## Use instead
//!
//! ```python
//! workflow.add_node("PythonCodeNode", "calc", {"code": "result = price * 2", "price": price})
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `rules/security`.
//!
//! ## How to mend
//!
//! Pass it as an input of the node.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "python-code-interpolated",
    family: Family::Workflow,
    severity: Severity::Warning,
    why: "A value becomes code: a quote in it breaks the node, and an input that somebody else writes runs what they want.",
    action: "pass the value as an input",
    source: include_str!("python_code_interpolated.rs"),
    checks: &[Check::Module(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, module: &Module) {
    for code in &module.codes {
        if code.formatted {
            context.report(code.span, code.scope, "values are written into the code of the node");
        }
    }
}
