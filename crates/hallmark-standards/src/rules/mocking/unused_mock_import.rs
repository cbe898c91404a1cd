//! ## What it does
//!
//! Finds an import of a mocking primitive that nothing uses, neither in the file nor in another that imports it from there.
//!
//! ## Why
//!
//! It replaces nothing, but every search for mocks finds it, and the next author will use what is already there.
//!
//! ## Example
//!
//! ```python
//! from unittest.mock import Mock  # and never used
//! ```
//!
//! ## Use instead
//!
//! ```python
//! # nothing
//! ```
//!
//! ## Gold standard
//!
//! NO-MOCKING. An import that is never used is no violation; it is a false signal.
//!
//! ## How to mend
//!
//! Delete it.

use hallmark_diagnostics::{Fix, Severity};
use hallmark_python::facts::Import;

use crate::Context;
use crate::doubles::primitive;
use crate::rule::{Check, Family, Rule};
use crate::unused;

pub(crate) static RULE: Rule = Rule {
    name: "unused-mock-import",
    family: Family::Mocking,
    severity: Severity::Warning,
    why: "It replaces nothing, but every search for mocks finds it, and the next author will use what is already there.",
    action: "delete the import",
    source: include_str!("unused_mock_import.rs"),
    checks: &[Check::Import(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, import: &Import) {
    let handed_on = import.name.as_deref().is_some_and(|name| name == "*");
    if import.used || context.is_handed_on(if handed_on { "*" } else { &import.bound }) {
        return;
    }
    let Some(name) = primitive(context, import) else { return };
    let fix = fix(context, import);
    let message = format!("`{name}`, a mocking primitive, is imported and never used");
    let raw = context.report(import.span, import.scope, message);
    if let Some(fix) = fix {
        raw.fix(fix);
    }
}

/// Offered in test files only, which no other file imports from inside its functions.
fn fix(context: &Context<'_>, import: &Import) -> Option<Fix> {
    let module = context.module();
    let file = module.path.rsplit('/').next().unwrap_or_default();
    let is_test = file.starts_with("test_") || file.ends_with("_test.py");
    let is_unused = |other: &Import| !other.used && primitive(context, other).is_some();
    if is_test { unused::deletion(context, import, is_unused) } else { None }
}
