//! ## What it does
//!
//! Finds a node whose `get_parameters` returns an empty dictionary while `run` takes a parameter or reads a key from its keyword
//! arguments. A
//! node that reads nothing (a source) may declare nothing.
//!
//! ## Why
//!
//! The SDK passes on what is declared and drops the rest: the value that `run` reads never arrives.
//!
//! ## Example
//!
//! ```python
//! def get_parameters(self):
//!     return {}
//!
//! def run(self, **kwargs):
//!     return {"gross": kwargs["net"] * 1.2}
//! ```
//!
//! ## Use instead
//!
//! ```python
//! def get_parameters(self):
//!     return {"net": NodeParameter(name="net", type=float, required=True)}
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2025: parameter passing guide; 2026: `gold-parameter-passing`, pitfall 1.
//!
//! ## How to mend
//!
//! Declare each key that `run` reads, with its type.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "empty-get-parameters",
    family: Family::Parameters,
    severity: Severity::Error,
    why: "The SDK passes on what is declared and drops the rest: the value that `run` reads never arrives.",
    action: "declare each key that run reads",
    source: include_str!("empty_get_parameters.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    let module = context.module();
    let methods = || class.methods.iter().filter_map(|m| module.functions.get(*m as usize));
    let Some(getter) = methods().find(|f| f.declared.is_some()) else { return };
    let Some(declared) = &getter.declared else { return };
    if declared.open || !declared.literal || !declared.entries.is_empty() {
        return;
    }
    let mut runs = methods().filter(|f| matches!(&*f.name, "run" | "async_run" | "run_governed"));
    let read = runs.find_map(|run| {
        // The context comes to every node; a parameter for everything at once reads nothing by itself.
        let counts =
            |name: &&str| !matches!(*name, "context" | "config" | "inputs") && !name.starts_with('_');
        let read = run.reads.iter().map(|r| &*r.text).find(counts);
        read.or_else(|| run.params.iter().map(|p| &*p.name).find(counts))
    });
    if let Some(read) = read
        && context.is_node(class)
    {
        let message = format!("`{}` declares no parameters, but its run reads `{read}`", class.name);
        context.report(declared.span, getter.scope, message);
    }
}
