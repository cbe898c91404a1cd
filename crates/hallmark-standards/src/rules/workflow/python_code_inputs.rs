//! ## What it does
//!
//! Finds code of a `PythonCodeNode` that reads `inputs`.
//!
//! ## Why
//!
//! Inputs are variables of their own in such code; there is no `inputs`, so the node fails when it runs.
//!
//! ## Example
//!
//! ```python
//! workflow.add_node("PythonCodeNode", "calc", {"code": "result = inputs.get('price')"})
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
//! REQ-GS-003. 2026: `gold-parameter-passing`.
//!
//! ## How to mend
//!
//! Write the name of the input.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "python-code-inputs",
    family: Family::Workflow,
    severity: Severity::Error,
    why: "Inputs are variables of their own in such code; there is no `inputs`, so the node fails when it runs.",
    action: "use the name of the input itself",
    source: include_str!("python_code_inputs.rs"),
    checks: &[Check::Module(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, module: &Module) {
    for code in &module.codes {
        if code.reads_inputs {
            context.report(code.span, code.scope, "the code reads `inputs`, which it does not have");
        }
    }
}
