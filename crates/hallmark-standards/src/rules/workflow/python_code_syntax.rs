//! ## What it does
//!
//! Finds a text run by a `PythonCodeNode` that is not valid Python.
//!
//! ## Why
//!
//! The node fails whenever it runs.
//!
//! ## Example
//!
//! ```python
//! workflow.add_node("PythonCodeNode", "calc", {"code": "result = (1"})
//! ```
//!
//! ## Use instead
//!
//! ```python
//! workflow.add_node("PythonCodeNode", "calc", {"code": "result = 1"})
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `gold-testing`, SDK documentation of PythonCodeNode.
//!
//! ## How to mend
//!
//! Mend it.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "python-code-syntax",
    family: Family::Workflow,
    severity: Severity::Error,
    why: "The node fails whenever it runs.",
    action: "mend the code, or write a function and use PythonCodeNode.from_function",
    source: include_str!("python_code_syntax.rs"),
    checks: &[Check::Module(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, module: &Module) {
    for code in &module.codes {
        if let Some(error) = &code.error {
            context.report(
                code.span,
                code.scope,
                format!("the code of the node is not valid Python: {error}"),
            );
        }
    }
}
