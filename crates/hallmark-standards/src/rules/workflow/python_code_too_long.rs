//! ## What it does
//!
//! Finds a text of more than three lines that is run by a `PythonCodeNode`.
//!
//! ## Why
//!
//! No editor, type checker, test or debugger sees code in a text.
//!
//! ## Example
//!
//! ```python
//! workflow.add_node("PythonCodeNode", "calc", {"code": "a = 1\\nb = 2\\nc = 3\\nresult = a + b + c"})
//! ```
//!
//! ## Use instead
//!
//! ```python
//! workflow.add_node("PythonCodeNode", "calc", PythonCodeNode.from_function(calculate))
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `gold-testing`, SDK documentation of PythonCodeNode.
//!
//! ## How to mend
//!
//! Move the code into a function.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "python-code-too-long",
    family: Family::Workflow,
    severity: Severity::Warning,
    why: "No editor, type checker, test or debugger sees code in a text.",
    action: "write a function and use PythonCodeNode.from_function",
    source: include_str!("python_code_too_long.rs"),
    checks: &[Check::Module(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, module: &Module) {
    for code in &module.codes {
        if code.lines > 3 {
            context.report(code.span, code.scope, format!("{} lines of code in a text", code.lines));
        }
    }
}
