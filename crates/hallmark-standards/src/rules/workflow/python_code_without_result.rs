//! ## What it does
//!
//! Finds code of a `PythonCodeNode` in which the name `result` does not occur.
//!
//! ## Why
//!
//! The node gives nothing back: what is connected to it gets nothing.
//!
//! ## Example
//!
//! ```python
//! workflow.add_node("PythonCodeNode", "calc", {"code": "total = price"})
//! ```
//!
//! ## Use instead
//!
//! ```python
//! workflow.add_node("PythonCodeNode", "calc", {"code": "result = price"})
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `gold-testing`, SDK documentation of PythonCodeNode.
//!
//! ## How to mend
//!
//! Bind `result`.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "python-code-without-result",
    family: Family::Workflow,
    severity: Severity::Warning,
    why: "The node gives nothing back: what is connected to it gets nothing.",
    action: "bind result",
    source: include_str!("python_code_without_result.rs"),
    checks: &[Check::Module(check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, module: &Module) {
    for code in &module.codes {
        if !code.formatted && code.lines > 0 && !code.binds_result {
            context.report(code.span, code.scope, "the code binds no `result`");
        }
    }
}
