//! ## What it does
//!
//! Finds a function outside tests that does nothing but raise `NotImplementedError`, and is no method that a subclass
//! fills in.
//!
//! ## Why
//!
//! It is a promise that fails when it is called.
//!
//! ## Example
//!
//! ```python
//! def export(path):
//!     raise NotImplementedError
//! ```
//!
//! ## Use instead
//!
//! ```python
//! def export(path):
//!     path.write_text(render())
//! ```
//!
//! ## Gold standard
//!
//! 2026: `zero-tolerance`, no stubs.
//!
//! ## How to mend
//!
//! Implement it or delete it.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Function;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "not-implemented-in-production",
    family: Family::Errors,
    severity: Severity::Warning,
    why: "It is a promise that fails when it is called.",
    action: "implement it, or delete it; make a method that subclasses fill in abstract",
    source: include_str!("not_implemented_in_production.rs"),
    checks: &[Check::Function(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, function: &Function) {
    let Some(place) = function.body.not_implemented else { return };
    if context.is_test_file() || is_meant(context, function) {
        return;
    }
    let scope = function.opens;
    context.report(place, scope, format!("`{}` is not implemented", function.name));
}

/// Whether a subclass is meant to fill it in, or the class refuses an operation of its base.
fn is_meant(context: &Context<'_>, function: &Function) -> bool {
    let marks = |p: &str| p.starts_with("abc.abstract") || p == "typing.overload";
    if function.decorators.iter().filter_map(|d| d.path.as_deref()).any(marks) {
        return true;
    }
    let class = function.class.and_then(|index| context.module().classes.get(index as usize));
    class.is_some_and(|class| {
        let word =
            ["Base", "Abstract", "Mixin", "Interface", "Protocol"].iter().any(|w| class.name.contains(w));
        word || class.is_abstract
            || context.is_subclassed(class)
            || class.bases.iter().any(|b| b.as_deref() != Some("builtins.object"))
    })
}
