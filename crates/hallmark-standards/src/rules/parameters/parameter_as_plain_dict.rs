//! ## What it does
//!
//! Finds an entry of a node's `get_parameters` whose value is a dictionary, a type or a text in the place of a
//! `NodeParameter`.
//!
//! ## Why
//!
//! The SDK reads `.required`, `.type` and `.default` of each entry: anything else fails at the first validation, or is
//! never validated.
//!
//! ## Example
//!
//! ```python
//! return {"net": {"type": float, "required": True}}
//! ```
//!
//! ## Use instead
//!
//! ```python
//! return {"net": NodeParameter(name="net", type=float, required=True)}
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2025: parameter passing guide; 2026: `gold-parameter-passing`, "explicit parameter declaration".
//!
//! ## How to mend
//!
//! Write a `NodeParameter` with the same fields.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use hallmark_python::facts::Value;

pub(crate) static RULE: Rule = Rule {
    name: "parameter-as-plain-dict",
    family: Family::Parameters,
    severity: Severity::Error,
    why: "The SDK reads `.required`, `.type` and `.default` of each entry: anything else fails at the first validation, or is never validated.",
    action: "write NodeParameter(name=..., type=..., required=...)",
    source: include_str!("parameter_as_plain_dict.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    let module = context.module();
    let getter =
        class.methods.iter().filter_map(|m| module.functions.get(*m as usize)).find(|f| f.declared.is_some());
    let Some((getter, declared)) = getter.and_then(|f| f.declared.as_ref().map(|d| (f, d))) else { return };
    for entry in &declared.entries {
        let is_plain = match &entry.value {
            Value::Dict(_) | Value::Sequence | Value::Text(_) => true,
            Value::Path(path) => matches!(
                &**path,
                "builtins.str"
                    | "builtins.int"
                    | "builtins.float"
                    | "builtins.bool"
                    | "builtins.dict"
                    | "builtins.list"
            ),
            _ => false,
        };
        let Some(key) = entry.key.as_deref().filter(|_| is_plain) else { continue };
        if !context.is_node(class) {
            return;
        }
        context.report(
            entry.span,
            getter.scope,
            format!("parameter `{key}` of `{}` is no NodeParameter", class.name),
        );
    }
}
