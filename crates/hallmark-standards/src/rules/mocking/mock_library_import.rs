//! ## What it does
//!
//! Finds an import of a mocking primitive of `unittest.mock` or `mock` (`Mock`, `MagicMock`, `AsyncMock`, `patch`, ..., or
//! the module itself) that the file uses or hands on to others, under any alias and through any re-export of the project. `ANY`, `call`,
//! `sentinel` and `DEFAULT` are no primitives.
//!
//! ## Why
//!
//! The test passes whatever the real service does, so it proves nothing about it. An import is where it starts.
//!
//! ## Example
//!
//! ```python
//! from unittest.mock import MagicMock, patch
//! ```
//!
//! ## Use instead
//!
//! ```python
//! # a fixture that is connected to the running stack: hallmark up; eval $(hallmark env)
//! ```
//!
//! ## Gold standard
//!
//! NO-MOCKING. 2025: test creation guide, "no mocking in tiers 2 and 3"; 2026: `gold-mocking-policy` and `rules/testing`.
//! Under `--profile strict` the requirements' reading applies: no double in any tier.
//!
//! ## How to mend
//!
//! Replace the double by the service of the running stack (`hallmark up`), or move the test to the unit tier.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Import;

use crate::Context;
use crate::doubles::{only_values, primitive};
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "mock-library-import",
    family: Family::Mocking,
    severity: Severity::Error,
    why: "The test passes whatever the real service does, so it proves nothing about it. An import is where it starts.",
    action: "use the running stack (hallmark up), or move the test to the unit tier",
    source: include_str!("mock_library_import.rs"),
    checks: &[Check::Import(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, import: &Import) {
    let used = || {
        let name = import.name.as_deref().filter(|name| *name == "*").unwrap_or(&import.bound);
        import.used || context.is_handed_on(name)
    };
    if !used() || import.level > 0 && !context.is_test_file() {
        return;
    }
    if let Some(name) = primitive(context, import).filter(|name| !only_values(context, name)) {
        context.report_double(
            import.span,
            import.scope,
            format!("`{name}`, a mocking primitive, is imported"),
        );
    }
}
