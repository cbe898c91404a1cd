//! ## What it does
//!
//! Finds a node that overrides `execute` beside `run`.
//!
//! ## Why
//!
//! `execute` checks the inputs before it calls `run`; an override goes round the checks.
//!
//! ## Example
//!
//! ```python
//! class PriceNode(Node):
//!     def run(self, **kwargs): ...
//!     def execute(self, **kwargs): ...
//! ```
//!
//! ## Use instead
//!
//! ```python
//! class PriceNode(Node):
//!     def run(self, **kwargs): ...
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-002. 2025: custom node guide.
//!
//! ## How to mend
//!
//! Move the code into `run`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "node-overrides-execute",
    family: Family::Registration,
    severity: Severity::Warning,
    why: "`execute` checks the inputs before it calls `run`; an override goes round the checks.",
    action: "do the work in run",
    source: include_str!("node_overrides_execute.rs"),
    checks: &[Check::Class(check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, class: &Class) {
    if class.name.contains("Base")
        || class.name.contains("Governed")
        || !context.defines(class, &["run", "async_run"])
        || !context.is_node(class)
    {
        return;
    }
    let module = context.module();
    let own = class
        .methods
        .iter()
        .filter_map(|m| module.functions.get(*m as usize))
        .find(|f| &*f.name == "execute");
    if let Some(execute) = own {
        context.report(
            execute.span,
            execute.scope,
            format!("`{}` goes round the checks of execute", class.name),
        );
    }
}
