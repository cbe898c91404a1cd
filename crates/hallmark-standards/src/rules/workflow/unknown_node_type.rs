//! ## What it does
//!
//! Finds `add_node` with a type that nothing registers: no node of the SDK of the edition in force, no class of the project, no
//! name given at registration, and no node that DataFlow makes of a model. It is silent where nodes are registered under names
//! that are made at run time, about nodes that DataFlow could have made of a model that is not in sight, and in tests that
//! expect the failure.
//!
//! ## Why
//!
//! The builder looks the type up when the workflow is built, and fails.
//!
//! ## Example
//!
//! ```python
//! workflow.add_node("CSVReader", "read", {"file_path": "prices.csv"})
//! ```
//!
//! ## Use instead
//!
//! ```python
//! workflow.add_node("CSVReaderNode", "read", {"file_path": "prices.csv"})
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. The type of a node is the text under which it is registered: the name of its class, or its alias.
//!
//! ## How to mend
//!
//! Write the name that the finding gives, or register the node.

use hallmark_core::nearest;
use hallmark_diagnostics::{Edit, Fix, Severity};
use hallmark_python::facts::Call;

use crate::Context;
use crate::announced::{Announced, model_of};
use crate::rule::{Check, Family, Rule};
use crate::sdk::table::Table;

pub(crate) static RULE: Rule = Rule {
    name: "unknown-node-type",
    family: Family::Workflow,
    severity: Severity::Error,
    why: "The builder looks the type up when the workflow is built, and fails.",
    action: "write the name of a registered node",
    source: include_str!("unknown_node_type.rs"),
    checks: &[Check::CallTo(&["add_node"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    let Some(arg) = call.positional(0).or_else(|| call.keyword("node_type")) else { return };
    let Some(kind) = arg.value.text() else { return };
    let is_name = kind.starts_with(|c: char| c.is_ascii_alphabetic())
        && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let announced = context.announced();
    let table = Table::of(context.edition());
    if !is_name
        || announced.may_have_node(kind, &context.module().interface)
        || table.node(kind).is_some()
        || is_swapped(call)
        || !context.is_builder_method(call, "add_node")
        || context.is_expected_to_fail(call.span, call.scope)
    {
        return;
    }
    let near = match model_of(kind) {
        // DataFlow makes nodes of models that may come from a library: only a slip of the pen is told from those.
        Some(model) => match nearest(model, announced.models()) {
            Some(near) => Some(format!("{near}{}", &kind[model.len()..])),
            None => return,
        },
        None => near(kind, table, announced),
    };
    let version = context.edition().sdk_version();
    let message = format!(
        "nothing registers a node under the name `{kind}`, neither the SDK {version} nor the project"
    );
    let span = arg.span;
    let raw = context.report_milder_in_tests(span, call.scope, message);
    if let Some(near) = near {
        raw.action(format!("did you mean `{near}`?"));
        if near.strip_suffix("Node") == Some(kind) {
            let edit = Edit { start: span.start, end: span.end, content: format!("\"{near}\"") };
            raw.fix(Fix::safe("Write the name under which the node is registered", vec![edit]));
        }
    }
}

/// The registered name that was meant: with the ending that was left out, or the one that comes nearest.
fn near(kind: &str, table: &Table, announced: &Announced) -> Option<String> {
    let suffixed = format!("{kind}Node");
    if table.node(&suffixed).is_some() || announced.node_names().any(|own| own == suffixed) {
        return Some(suffixed);
    }
    let own: Vec<String> = announced.node_names().collect();
    let mut names: Vec<&str> = own.iter().map(String::as_str).collect();
    table.nodes().for_each(|name| names.push(name));
    nearest(kind, names).map(str::to_owned)
}

/// Whether it is the id that stands where the type belongs, which is another rule's matter.
fn is_swapped(call: &Call) -> bool {
    call.positional(1).and_then(|id| id.value.text()).is_some_and(|id| {
        id.ends_with("Node") && id.starts_with(|c: char| c.is_ascii_uppercase()) && !id.contains(' ')
    })
}
