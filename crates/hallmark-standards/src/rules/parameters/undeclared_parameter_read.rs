//! ## What it does
//!
//! Finds a key that a node's `run` reads from its keyword arguments and that its `get_parameters` does not declare. Nodes
//! whose declaration is built by merging, loops or `super()` are left alone. A declaration that a class of the same file hands
//! down counts.
//!
//! ## Why
//!
//! The SDK passes on what is declared and drops the rest: the key is never there, and `get` quietly returns its default for
//! ever.
//!
//! ## Example
//!
//! ```python
//! def get_parameters(self):
//!     return {"net": NodeParameter(name="net", type=float)}
//!
//! def run(self, **kwargs):
//!     return {"gross": kwargs["net"] * kwargs.get("rate", 1.2)}
//! ```
//!
//! ## Use instead
//!
//! ```python
//! return {
//!     "net": NodeParameter(name="net", type=float),
//!     "rate": NodeParameter(name="rate", type=float, required=False, default=1.2),
//! }
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2025: parameter passing guide; 2026: `gold-parameter-passing`, pitfall 2.
//!
//! ## How to mend
//!
//! Declare the key, or stop reading it.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;
use hallmark_python::facts::{Class, Declared, Function};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "undeclared-parameter-read",
    family: Family::Parameters,
    severity: Severity::Error,
    why: "The SDK passes on what is declared and drops the rest: the key is never there, and `get` quietly returns its default for ever.",
    action: "declare it in get_parameters",
    source: include_str!("undeclared_parameter_read.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    let module = context.module();
    let Some(declared) = declared(module, class) else { return };
    // A node that declares nothing at all is the matter of `empty-get-parameters`.
    if declared.open || !declared.literal || declared.entries.is_empty() || !context.is_node(class) {
        return;
    }
    for run in methods(module, class).filter(|f| matches!(&*f.name, "run" | "async_run" | "run_governed")) {
        for read in &run.reads {
            let known = declared.entries.iter().any(|e| e.key.as_deref() == Some(&*read.text))
                || run.params.iter().any(|p| p.name == read.text)
                // What the SDK hands to every node, whatever it declares.
                || matches!(&*read.text, "context" | "config")
                || read.text.starts_with('_');
            if !known {
                let message = format!("`{}` reads `{}`, which it does not declare", class.name, read.text);
                context.report(read.span, read.scope, message);
            }
        }
    }
}

/// How many classes are followed from one to its base.
const STEPS: usize = 8;

fn methods<'a>(module: &'a Module, class: &'a Class) -> impl Iterator<Item = &'a Function> {
    class.methods.iter().filter_map(|m| module.functions.get(*m as usize))
}

/// What a class declares, itself or by the one class of this file that it derives from.
fn declared<'a>(module: &'a Module, class: &'a Class) -> Option<&'a Declared> {
    let mut class = class;
    for _ in 0..STEPS {
        if let Some(own) = methods(module, class).find(|f| &*f.name == "get_parameters") {
            return own.declared.as_deref();
        }
        let [Some(base)] = class.bases.as_slice() else { return None };
        let mut named = module.classes.iter().filter(|c| c.path == *base && c.scope == 0);
        // Of two classes of one name it cannot be said which is meant.
        class = named.next().filter(|_| named.next().is_none())?;
    }
    None
}
