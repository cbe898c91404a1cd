//! ## What it does
//!
//! Finds a `NodeParameter` whose name differs from the key it is declared under.
//!
//! ## Why
//!
//! The SDK goes by one, the code by the other: the value is checked under one name and read under another.
//!
//! ## Example
//!
//! ```python
//! {"sku": NodeParameter(name="code", type=str)}
//! ```
//!
//! ## Use instead
//!
//! ```python
//! {"sku": NodeParameter(name="sku", type=str)}
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `gold-custom-nodes`, template.
//!
//! ## How to mend
//!
//! Use the key.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Function;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "parameter-name-mismatch",
    family: Family::Parameters,
    severity: Severity::Error,
    why: "The SDK goes by one, the code by the other: the value is checked under one name and read under another.",
    action: "give both the same name",
    source: include_str!("parameter_name_mismatch.rs"),
    checks: &[Check::Function(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, function: &Function) {
    let Some(declared) = &function.declared else { return };
    let module = context.module();
    for entry in &declared.entries {
        let Some(key) = &entry.key else { continue };
        let Some(call) = module.calls.iter().find(|call| call.span == entry.span) else { continue };
        let name =
            call.keyword("name").or_else(|| call.positional(0)).and_then(|a| Some((a.value.text()?, a.span)));
        if let Some((name, place)) = name
            && name != &**key
            && context.is(&call.callee, sdk::PARAMETER)
        {
            context.report(place, call.scope, format!("the parameter `{key}` is called `{name}`"));
        }
    }
}
