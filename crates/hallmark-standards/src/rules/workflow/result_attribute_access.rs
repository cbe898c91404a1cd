//! ## What it does
//!
//! Finds an attribute that is asked of a node's result: `results["node"].value`, where `results` comes from a runtime.
//!
//! ## Why
//!
//! A node gives a dictionary. The attribute does not exist, and the program fails after the workflow has run.
//!
//! ## Example
//!
//! ```python
//! results, run_id = runtime.execute(workflow.build())
//! print(results["reader"].rows)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! results, run_id = runtime.execute(workflow.build())
//! print(results["reader"]["rows"])
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: `SKILL.md` table.
//!
//! ## How to mend
//!
//! Use a subscript.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "result-attribute-access",
    family: Family::Workflow,
    severity: Severity::Error,
    why: "A node gives a dictionary. The attribute does not exist, and the program fails after the workflow has run.",
    action: "write results[\"node\"][\"name\"]",
    source: include_str!("result_attribute_access.rs"),
    checks: &[Check::Module(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, module: &Module) {
    for attribute in &module.result_attributes {
        let path = context.canonical(&attribute.text);
        let of_runtime = path.split_once("()").is_some_and(|(head, _)| sdk::is_runtime(head));
        if of_runtime {
            context.report(attribute.span, attribute.scope, "a node's result is a dictionary, not an object");
        }
    }
}
