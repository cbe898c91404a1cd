//! ## What it does
//!
//! Finds `from module import *`.
//!
//! ## Why
//!
//! Nobody can tell which names a wildcard binds, so no tool can tell what they stand for, and a new name in the module can
//! silently replace one of yours.
//!
//! ## Example
//!
//! ```python
//! from dataflow import *
//! ```
//!
//! ## Use instead
//!
//! ```python
//! from dataflow import DataFlow
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-001. 2025 and 2026: imports name what they import.
//!
//! ## How to mend
//!
//! List the names that the file uses. An `__init__.py` that re-exports its own modules is left alone.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Import;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "star-import",
    family: Family::Imports,
    severity: Severity::Error,
    why: "Nobody can tell which names a wildcard binds, so no tool can tell what they stand for, and a new name in the module can silently replace one of yours.",
    action: "list the names that the file uses",
    source: include_str!("star_import.rs"),
    checks: &[Check::Import(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, import: &Import) {
    if import.name.as_deref() != Some("*") {
        return;
    }
    let module = context.module();
    let top = module.name.split('.').next().unwrap_or_default();
    let is_own = import.module.split('.').next() == Some(top);
    if !(module.is_package && is_own) {
        context.report(import.statement, import.scope, format!("wildcard import of `{}`", import.module));
    }
}
