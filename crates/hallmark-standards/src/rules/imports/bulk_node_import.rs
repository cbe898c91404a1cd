//! ## What it does
//!
//! Finds node classes imported from `kailash.nodes` itself, and `import kailash.nodes`. Core names such as `Node` are
//! reported by `non-canonical-import`. Modules of a category (`from kailash.nodes import data`) are a warning under the
//! edition 2025 only.
//!
//! ## Why
//!
//! The package loads its categories lazily; a class taken from its top has no stable home and may be loaded twice.
//!
//! ## Example
//!
//! ```python
//! from kailash.nodes import CSVReaderNode
//! ```
//!
//! ## Use instead
//!
//! ```python
//! from kailash.nodes.data import CSVReaderNode
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-001, both editions: a node comes from the module of its category.
//!
//! ## How to mend
//!
//! Import from the category's module. A workflow names its nodes by text and often needs no import at all.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Import;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::{Edition, sdk};

pub(crate) static RULE: Rule = Rule {
    name: "bulk-node-import",
    family: Family::Imports,
    severity: Severity::Error,
    why: "The package loads its categories lazily; a class taken from its top has no stable home.",
    action: "import it from the module of its category, such as `kailash.nodes.data`; a node that is only named in `add_node` needs no import",
    source: include_str!("bulk_node_import.rs"),
    checks: &[Check::Import(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, import: &Import) {
    if &*import.module != "kailash.nodes" {
        return;
    }
    let Some(name) = import.name.as_deref() else {
        context.report(import.span, import.scope, "all of `kailash.nodes` is imported");
        return;
    };
    // Names that other rules report.
    if matches!(name, "*" | "BaseNode") || sdk::CORE.iter().any(|(core, _)| *core == name) {
        return;
    }
    if name.starts_with(|c: char| c.is_ascii_uppercase()) {
        let message = format!("`{name}` is imported from the top of `kailash.nodes`");
        context.report(import.span, import.scope, message);
    } else if context.edition() < Edition::E2026 {
        let message = format!("the whole category `{name}` is imported from `kailash.nodes`");
        context.report(import.span, import.scope, message).severity(Severity::Warning);
    }
}
