//! ## What it does
//!
//! Finds a node class that defines `execute` and neither `run`, `async_run` nor `run_governed`.
//!
//! ## Why
//!
//! The SDK's `execute` validates the input and then calls `run`. A node that replaces it skips the validation, and its
//! `run` is missing.
//!
//! ## Example
//!
//! ```python
//! class PriceNode(Node):
//!     def execute(self, **kwargs):
//!         return {}
//! ```
//!
//! ## Use instead
//!
//! ```python
//! class PriceNode(Node):
//!     def run(self, **kwargs):
//!         return {}
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-002. 2025: custom node guide, "implement run, never execute"; 2026: the same.
//!
//! ## How to mend
//!
//! Rename the method to `run`; callers go on calling `execute`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;
use hallmark_python::index::Resolved;

pub(crate) static RULE: Rule = Rule {
    name: "node-defines-execute",
    family: Family::Registration,
    severity: Severity::Error,
    why: "The SDK's `execute` validates the input and then calls `run`. A node that replaces it skips the validation, and its `run` is missing.",
    action: "rename execute to run",
    source: include_str!("node_defines_execute.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    let module = context.module();
    let method = |names: &[&str]| {
        class
            .methods
            .iter()
            .filter_map(|m| module.functions.get(*m as usize))
            .find(|f| names.contains(&&*f.name))
    };
    let Some(execute) = method(&["execute"]) else { return };
    if method(RUN).is_some() || !context.is_concrete_node(class) {
        return;
    }
    let inherits =
        context.ancestors(class).iter().any(|ancestor| match ancestor {
            Resolved::Class(found) => {
                &*found.class.path != sdk::NODE
                    && found.class.methods.iter().any(|m| {
                        found.module.functions.get(*m as usize).is_some_and(|f| RUN.contains(&&*f.name))
                    })
            }
            Resolved::Path(path) => sdk::normalise(path) != sdk::NODE && path.ends_with("Node"),
        });
    if !inherits {
        context.report(
            execute.span,
            execute.scope,
            format!("node `{}` defines execute in the place of run", class.name),
        );
    }
}

const RUN: &[&str] = &["run", "async_run", "run_governed"];
