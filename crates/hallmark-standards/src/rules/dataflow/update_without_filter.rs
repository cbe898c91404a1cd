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

/// What is written in the place of the two.
const MISNAMED: &[&str] = &["conditions", "data", "filters", "updates", "values", "where"];

fn check(context: &mut Context<'_>, call: &Call) {
    let Some(kind) = call.positional(0).and_then(|a| a.value.text()) else { return };
    let single = kind.ends_with("UpdateNode") && !kind.contains("Bulk");
    let Some(config) = call.positional(2).or_else(|| call.keyword("config")) else { return };
    let Value::Dict(keys) = &config.value else { return };
    let has = |name: &str| keys.iter().any(|key| &**key == name);
    let missing = match (has("filter"), has("fields")) {
        (true, true) => return,
        // One of them may come through a connection.
        (true, false) | (false, true) if !keys.iter().any(|key| MISNAMED.contains(&&**key)) => return,
        (true, false) => "what to change, as `fields`",
        (false, true) => "which records, as `filter`",
        (false, false) => "which records, as `filter`, and what to change, as `fields`",
    };
    if single && !keys.is_empty() && context.is_builder_method(call, "add_node") {
        context.report(config.span, call.scope, format!("`{kind}` is not told {missing}"));
    }
}
