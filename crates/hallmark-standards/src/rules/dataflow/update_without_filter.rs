//! ## What it does
//!
//! Finds a generated update node whose configuration has neither `filter` nor `fields`.
//!
//! ## Why
//!
//! `ProductUpdateNode` takes which records as `filter` and what to change as `fields`. Loose keys are taken as neither,
//! and nothing is updated.
//!
//! ## Example
//!
//! ```python
//! workflow.add_node("ProductUpdateNode", "update", {"id": 1, "name": "Saw"})
//! ```
//!
//! ## Use instead
//!
//! ```python
//! workflow.add_node("ProductUpdateNode", "update", {"filter": {"id": 1}, "fields": {"name": "Saw"}})
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. 2026: DataFlow, update pattern.
//!
//! ## How to mend
//!
//! Name the records under `filter` and the changes under `fields`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Call, Value};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "update-without-filter",
    family: Family::Dataflow,
    severity: Severity::Warning,
    why: "`ProductUpdateNode` takes which records as `filter` and what to change as `fields`. Loose keys are taken as neither, and nothing is updated.",
    action: "write {\"filter\": {...}, \"fields\": {...}}",
    source: include_str!("update_without_filter.rs"),
    checks: &[Check::CallTo(&["add_node"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    let Some(kind) = call.positional(0).and_then(|a| a.value.text()) else { return };
    let single = kind.ends_with("UpdateNode") && !kind.contains("Bulk");
    let Some(config) = call.positional(2).or_else(|| call.keyword("config")) else { return };
    let Value::Dict(keys) = &config.value else { return };
    let has = |name: &str| keys.iter().any(|key| &**key == name);
    let loose = !keys.is_empty() && !["filter", "fields", "conditions", "updates"].into_iter().any(has);
    if single && loose && context.is_builder_method(call, "add_node") {
        context.report(
            config.span,
            call.scope,
            format!("`{kind}` is told neither which records nor what to change"),
        );
    }
}
