//! ## What it does
//!
//! Finds an import of a mocking primitive that nothing in the file uses.
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

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Import;

use crate::Context;
use crate::doubles::primitive;
use crate::rule::{Check, Family, Rule};

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
    if import.used {
        return;
    }
    if let Some(name) = primitive(context, import) {
        context.report(
            import.span,
            import.scope,
            format!("`{name}`, a mocking primitive, is imported and never used"),
        );
    }
}
