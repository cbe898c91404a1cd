//! ## What it does
//!
//! Finds production code that, in an exception handler, defines, imports, binds or returns a double: a class called Fake,
//! Mock, Stub, Dummy or Spy, or an object of `unittest.mock`.
//!
//! ## Why
//!
//! When the real thing is missing the program goes on with an imitation and reports success. Nobody notices until the data
//! is asked for.
//!
//! ## Example
//!
//! ```python
//! try:
//!     from app.db import Store
//! except ImportError:
//!     class MockStore:
//!         ...
//!     Store = MockStore
//! ```
//!
//! ## Use instead
//!
//! ```python
//! from app.db import Store  # a missing part stops the program, with the reason
//! ```
//!
//! ## Gold standard
//!
//! NO-MOCKING, in production code in every profile. 2026: `rules/zero-tolerance`, no silent fallback.
//!
//! ## How to mend
//!
//! Let the error reach the caller, or degrade openly: say so, and answer with an error.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Handler;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use hallmark_python::names::double_word;

pub(crate) static RULE: Rule = Rule {
    name: "production-fallback-to-double",
    family: Family::Mocking,
    severity: Severity::Error,
    why: "When the real thing is missing the program goes on with an imitation and reports success. Nobody notices until the data is asked for.",
    action: "let the error reach the caller",
    source: include_str!("production_fallback_to_double.rs"),
    checks: &[Check::Handler(check)],
};

fn check(context: &mut Context<'_>, handler: &Handler) {
    if context.is_test_file() {
        return;
    }
    for bind in &handler.binds {
        let value = bind.value.as_deref().map(|p| context.canonical(p));
        let library = value.as_deref().is_some_and(|p| p.starts_with("unittest.mock."));
        let last = value
            .as_deref()
            .unwrap_or_default()
            .trim_end_matches("()")
            .rsplit('.')
            .next()
            .unwrap_or_default();
        let defined = bind.is_class && double_word(&bind.name).is_some();
        if !library && !defined && double_word(last).is_none() {
            continue;
        }
        let double = if bind.is_class { &bind.name } else { last };
        let cause = match handler.tried_imports.first() {
            Some(module) => format!("when `{module}` cannot be imported"),
            None => "when something fails".to_owned(),
        };
        context.report(bind.span, handler.scope, format!("production code falls back to `{double}` {cause}"));
    }
}
