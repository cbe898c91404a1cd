//! ## What it does
//!
//! Finds a core name of the SDK (`WorkflowBuilder`, `LocalRuntime`, `Node`, `NodeParameter`, `register_node`, ...) imported
//! from another module than the one that defines it.
//!
//! ## Why
//!
//! Shortcuts come and go between SDK versions; the defining module stays. One spelling also lets tools and readers find
//! every use.
//!
//! ## Example
//!
//! ```python
//! from kailash import WorkflowBuilder
//! from kailash.nodes import Node
//! ```
//!
//! ## Use instead
//!
//! ```python
//! from kailash.workflow.builder import WorkflowBuilder
//! from kailash.nodes.base import Node
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-001. 2025: absolute imports guide; 2026: `SKILL.md` table. Runtimes from `kailash.runtime` are an error in 2025
//! and a warning in 2026, because the 2026 pages use both spellings.
//!
//! ## How to mend
//!
//! Import the name from the module that the finding names.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Import;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::{Edition, sdk};

pub(crate) static RULE: Rule = Rule {
    name: "non-canonical-import",
    family: Family::Imports,
    severity: Severity::Error,
    why: "Shortcuts come and go between SDK versions; the defining module stays. One spelling also lets tools and readers find every use.",
    action: "import it from the module that defines it",
    source: include_str!("non_canonical_import.rs"),
    checks: &[Check::Import(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, import: &Import) {
    let Some(name) = &import.name else { return };
    let in_sdk = &*context.module().name == "kailash" || context.module().name.starts_with("kailash.");
    if in_sdk || import.level > 0 || import.module.split('.').next() != Some("kailash") {
        return;
    }
    let Some((_, home)) = sdk::CORE.iter().find(|(core, _)| *core == &**name) else { return };
    if *home == &*import.module {
        return;
    }
    let tolerated = &*import.module == "kailash.runtime" && context.edition() >= Edition::E2026;
    let message = format!("`{name}` is imported from `{}`, not from `{home}`", import.module);
    let raw = context.report(import.span, import.scope, message);
    raw.action(format!("write `from {home} import {name}`"));
    if tolerated {
        raw.severity(Severity::Warning);
    }
}
