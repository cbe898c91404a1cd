//! ## What it does
//!
//! Finds a generated create node whose fields are nested under `data`.
//!
//! ## Why
//!
//! `ProductCreateNode` takes the fields themselves. Nested ones are an unknown parameter: the record is refused, or made
//! without them.
//!
//! ## Example
//!
//! ```python
//! workflow.add_node("ProductCreateNode", "create", {"data": {"name": "Saw"}})
//! ```
//!
//! ## Use instead
//!
//! ```python
//! workflow.add_node("ProductCreateNode", "create", {"name": "Saw"})
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: DataFlow, create pattern.
//!
//! ## How to mend
//!
//! Move the fields one level up.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Call, Value};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "nested-create-data",
    family: Family::Dataflow,
    severity: Severity::Error,
    why: "`ProductCreateNode` takes the fields themselves. Nested ones are an unknown parameter: the record is refused, or made without them.",
    action: "pass the fields themselves",
    source: include_str!("nested_create_data.rs"),
    checks: &[Check::CallTo(&["add_node"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    let Some(kind) = call.positional(0).and_then(|a| a.value.text()) else { return };
    let single = kind.ends_with("CreateNode") && !kind.contains("Bulk");
    let Some(config) = call.positional(2).or_else(|| call.keyword("config")) else { return };
    let nested =
        matches!(&config.value, Value::Dict(keys) if matches!(keys.as_slice(), [only] if &**only == "data"));
    if single && nested && !has_field_data(context, kind) && context.is_builder_method(call, "add_node") {
        context.report(
            config.span,
            call.scope,
            format!("`{kind}` takes its fields directly, not under `data`"),
        );
    }
}

/// Whether the model that the node belongs to stands in this file and has a field of that name itself.
fn has_field_data(context: &Context<'_>, kind: &str) -> bool {
    let model = kind.strip_suffix("CreateNode").unwrap_or(kind);
    context.module().classes.iter().filter(|class| &*class.name == model).any(|class| {
        class.model.as_ref().is_some_and(|model| model.fields.iter().any(|field| &*field.name == "data"))
    })
}
