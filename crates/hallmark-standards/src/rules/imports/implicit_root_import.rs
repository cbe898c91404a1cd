//! ## What it does
//!
//! Finds an import of one of the project's own modules by a path that does not start at an import root: it only works while
//! a folder inside a package is on Python's path.
//!
//! ## Why
//!
//! The module is then importable under two names. Python loads it twice, classes are not equal to themselves, and a node
//! registered by both raises a name collision.
//!
//! ## Example
//!
//! ```python
//! # in catalog/nodes/quotes.py, beside catalog/nodes/products.py
//! from nodes.products import ProductNode
//! ```
//!
//! ## Use instead
//!
//! ```python
//! from catalog.nodes.products import ProductNode
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-001. 2025: ADR-005 (imports start at the repository root); 2026: `gold-absolute-imports`, "full module paths".
//!
//! ## How to mend
//!
//! Write the path from the folder above the topmost `__init__.py`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Import;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "implicit-root-import",
    family: Family::Imports,
    severity: Severity::Error,
    why: "The module is then importable under two names. Python loads it twice, classes are not equal to themselves, and a node registered by both raises a name collision.",
    action: "write the path from the topmost package",
    source: include_str!("implicit_root_import.rs"),
    checks: &[Check::Import(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, import: &Import) {
    let Some(name) = &import.name else { return };
    if import.level > 0 || !import.first || context.module().is_package {
        return;
    }
    let Some(target) = context.index().module(&import.module) else { return };
    let written = format!("{}.", import.module.split('.').next().unwrap_or_default());
    let is_rooted = *target.name == *import.module || target.name.starts_with(&written);
    // A folder may hold a file of the same name as an installed package: only a name that is really there counts.
    let holds = target.export(name).is_some() || target.is_package;
    if is_rooted || !holds || !target.name.ends_with(&*import.module) {
        return;
    }
    let message = format!(
        "`{}` is imported from inside its package; its full name is `{}`",
        import.module, target.name
    );
    let action = format!("write `from {} import {name}`", target.name);
    context.report(import.statement, import.scope, message).action(action);
}
