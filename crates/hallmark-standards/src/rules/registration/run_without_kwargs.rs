//! ## What it does
//!
//! Finds a node's `run`, `async_run` or `run_governed` that has no `**kwargs` and does not name every parameter that
//! `get_parameters` declares, or takes one dictionary (`inputs`, `params`, …) that nothing declares.
//!
//! ## Why
//!
//! The SDK calls the method with one keyword argument for each parameter; what the method does not take raises `TypeError`.
//!
//! ## Example
//!
//! ```python
//! def run(self, inputs): ...
//! ```
//!
//! ## Use instead
//!
//! ```python
//! def run(self, **kwargs): ...
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-002, both editions: the template of a custom node is `def run(self, **kwargs)`.
//!
//! ## How to mend
//!
//! Take `**kwargs`, or name every declared parameter.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Class, Function, Module, Name};
use hallmark_python::index::{ClassRef, Resolved};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "run-without-kwargs",
    family: Family::Registration,
    severity: Severity::Warning,
    why: "The SDK passes each parameter as a keyword argument; what the method does not take raises `TypeError`.",
    action: "take `**kwargs`, or name every declared parameter",
    source: include_str!("run_without_kwargs.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

/// Methods that the SDK calls to do a node's work.
const WORK: &[&str] = &["run", "async_run", "run_governed"];

/// Names that are given to one dictionary of all inputs.
const BAGS: &[&str] = &["context", "data", "input_data", "inputs", "parameters", "params"];

fn check(context: &mut Context<'_>, class: &Class) {
    if class.bases.is_empty()
        || !context.defines(class, WORK)
        || !context.is_node(class)
        || is_agent(context, class)
    {
        return;
    }
    let module = context.module();
    let declared = declared(context, class);
    for method in methods(module, class).filter(|f| WORK.contains(&&*f.name) && f.kwarg.is_none()) {
        if let Some(message) = problem(method, declared) {
            context.report(method.span, class.scope, message);
        } else if declared.is_some() && !method.params.is_empty() {
            let message = format!("`{}` takes its parameters one by one, without `**kwargs`", method.name);
            let raw = context.report(method.span, class.scope, message);
            raw.severity(Severity::Info)
                .action("take `**kwargs`, as the template does: what is declared later arrives too");
        }
    }
}

fn methods<'m>(module: &'m Module, class: &'m Class) -> impl Iterator<Item = &'m Function> {
    class.methods.iter().filter_map(|index| module.functions.get(*index as usize))
}

/// An agent derives from a node for its parameters only; it is called by its own code.
fn is_agent(context: &Context<'_>, class: &Class) -> bool {
    class.name.ends_with("Agent")
        || context.ancestors(class).iter().any(|ancestor| match ancestor {
            Resolved::Class(found) => found.class.name.ends_with("Agent"),
            Resolved::Path(path) => path.ends_with("Agent"),
        })
}

/// The keys that the class, or the nearest of its bases in the project, declares, if all of them can be read.
fn declared<'a>(context: &Context<'a>, class: &Class) -> Option<&'a [Name]> {
    let own = ClassRef { module: &context.module().interface, class: context.face(class)? };
    let inherited = context.ancestors(class).into_iter().filter_map(|ancestor| match ancestor {
        Resolved::Class(found) => Some(found),
        Resolved::Path(_) => None,
    });
    let (keys, open) = std::iter::once(own)
        .chain(inherited)
        .find_map(|found| found.module.methods(found.class).find_map(|f| f.declared.as_deref()))?;
    (!open).then_some(keys.as_slice())
}

fn problem(method: &Function, declared: Option<&[Name]>) -> Option<String> {
    let takes = |name: &str| method.params.iter().any(|p| &*p.name == name);
    let is_declared = |name: &str| declared.is_some_and(|keys| keys.iter().any(|key| &**key == name));
    if let [bag] = method.params.as_slice()
        && BAGS.contains(&&*bag.name)
        && declared.is_some()
        && !is_declared(&bag.name)
    {
        return Some(format!(
            "`{}` takes one argument `{}` that the node does not declare",
            method.name, bag.name
        ));
    }
    let missing = declared?.iter().find(|key| !takes(key))?;
    Some(format!("`{}` takes neither `**kwargs` nor the declared parameter `{missing}`", method.name))
}
