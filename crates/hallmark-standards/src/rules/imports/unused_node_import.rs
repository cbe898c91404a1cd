//! ## What it does
//!
//! Finds the import of a node class of the SDK that the file never uses as a name and only names as the text of an `add_node`,
//! where the SDK registers that node for everybody who builds and executes a workflow.
//!
//! ## Why
//!
//! The text does not need the import. It loads a module for nothing, and readers look for the use that is not there.
//!
//! ## Example
//!
//! ```python
//! from kailash.nodes.code.python import PythonCodeNode
//!
//! workflow.add_node("PythonCodeNode", "sum", {"code": "result = a + b"})
//! ```
//!
//! ## Use instead
//!
//! ```python
//! workflow.add_node("PythonCodeNode", "sum", {"code": "result = a + b"})
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-001 with REQ-GS-004: nodes are named by text. Most nodes of the SDK are registered when their module is imported and
//! not before, `CSVReaderNode` among them: such an import is needed although no name is used, and is left alone.
//!
//! ## How to mend
//!
//! Delete the import.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Import;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk::table::Table;
use crate::unused;

pub(crate) static RULE: Rule = Rule {
    name: "unused-node-import",
    family: Family::Imports,
    severity: Severity::Warning,
    why: "The text does not need the import. It loads a module for nothing, and readers look for the use that is not there.",
    action: "delete the import",
    source: include_str!("unused_node_import.rs"),
    checks: &[Check::Import(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, import: &Import) {
    if import.used || import.guard.import_try || !is_needless(context, import) {
        return;
    }
    let Some(name) = import.name.as_deref() else { return };
    let fix = unused::deletion(context, import, |other| !other.used && is_needless(context, other));
    let message = format!("`{name}` is imported, and only named as a text in `add_node`");
    let module = Table::of(context.edition()).node(name).map_or("kailash", |node| node.module);
    let raw = context.report(import.span, import.scope, message);
    raw.action(format!("delete the import: `{module}` is loaded anyway and registers it"));
    if let Some(fix) = fix {
        raw.fix(fix);
    }
}

/// Whether it imports a node that is registered anyway, and that the file names as a text.
fn is_needless(context: &Context<'_>, import: &Import) -> bool {
    let Some(name) = import.name.as_deref() else { return false };
    let node = Table::of(context.edition()).node(name);
    // Another module that hands the node on may register more than that one.
    let loaded = |module: &str| {
        module.strip_prefix(&*import.module).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    node.is_some_and(|node| node.first && loaded(node.module))
        && import.module.starts_with("kailash.nodes.")
        && !context.index().is_own(&import.module)
        && context.module().interface.announced.node_types.iter().any(|kind| &**kind == name)
        && !context.is_handed_on(&import.bound)
}
