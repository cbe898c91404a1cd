//! ## What it does
//!
//! Finds `from . import x` and `from ..pkg import x`.
//!
//! ## Why
//!
//! A relative import breaks as soon as a file is run by itself, moved, or collected by a test runner from another root, and
//! a reader cannot tell what it names without knowing where the file lies.
//!
//! ## Example
//!
//! ```python
//! from ..models import Product
//! ```
//!
//! ## Use instead
//!
//! ```python
//! from catalog.models import Product
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-001. 2025: absolute imports guide and ADR-005; 2026: `gold-absolute-imports`, "always absolute, never relative".
//!
//! ## How to mend
//!
//! Write the full path from the package root. The finding names it.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Import;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "relative-import",
    family: Family::Imports,
    severity: Severity::Error,
    why: "A relative import breaks as soon as a file is run by itself, moved, or collected by a test runner from another root, and a reader cannot tell what it names without knowing where the file lies.",
    action: "write the module's full path",
    source: include_str!("relative_import.rs"),
    checks: &[Check::Import(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, import: &Import) {
    if import.level == 0 || !import.first {
        return;
    }
    let module = if import.module.is_empty() { "the package" } else { &*import.module };
    let dots = ".".repeat(import.level as usize);
    // Where the root is a package itself, its name is part of the full path, and not of the project.
    let depth = context.module().path.matches('/').count();
    let is_of_root = import.level as usize > depth && context.index().is_somewhere("__init__");
    let raw = context.report(import.statement, import.scope, format!("relative import ({dots}) of {module}"));
    if !is_of_root {
        raw.action(format!("write `from {module} import ...`"));
    }
}
