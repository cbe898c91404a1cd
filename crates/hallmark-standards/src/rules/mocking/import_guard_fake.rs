//! ## What it does
//!
//! Finds a class or function that a test defines, or a mock or fake that it binds, where an import failed.
//!
//! ## Why
//!
//! Where the library is missing the tests run against what was written here, and pass.
//!
//! ## Example
//!
//! ```python
//! try:
//!     from redis import Redis
//! except ImportError:
//!     class Redis:
//!         def get(self, key):
//!             return None
//! ```
//!
//! ## Use instead
//!
//! ```python
//! import pytest
//!
//! redis = pytest.importorskip("redis")
//! ```
//!
//! ## Gold standard
//!
//! NO-MOCKING. 2025: test creation guide; 2026: `gold-mocking-policy` and `rules/testing`. Under `--profile strict` no
//! double is allowed in any tier.
//!
//! ## How to mend
//!
//! Install the library; use `pytest.importorskip` where it is optional.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Handler;
use hallmark_python::names::double_word;

use crate::Context;
use crate::doubles::member;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "import-guard-fake",
    family: Family::Mocking,
    severity: Severity::Error,
    why: "Where the library is missing the tests run against what was written here, and pass.",
    action: "declare the dependency, or skip with pytest.importorskip",
    source: include_str!("import_guard_fake.rs"),
    checks: &[Check::Handler(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, handler: &Handler) {
    let caught =
        |e: &str| matches!(e, "builtins.ImportError" | "builtins.ModuleNotFoundError" | "builtins.Exception");
    if !context.is_test_file()
        || handler.tried_imports.is_empty()
        || !(handler.is_bare || handler.exceptions.iter().any(|e| caught(e)))
    {
        return;
    }
    for bind in handler.binds.iter().filter(|bind| &*bind.name != "return") {
        let invented = match bind.value.as_deref() {
            None => bind.is_definition,
            Some(path) => {
                let last = path.trim_end_matches("()").rsplit('.').next().unwrap_or_default();
                // What is imported from elsewhere under such a name is no invention of this place.
                let is_made_here =
                    path.ends_with("()") || context.module().classes.iter().any(|class| *class.path == *path);
                is_made_here && double_word(last).is_some()
                    || member(context, &context.canonical(path)).is_some_and(|m| m.contains("Mock"))
            }
        };
        if invented {
            let message = format!("`{}` stands in for what could not be imported", bind.name);
            context.report_double(bind.span, handler.scope, message);
        }
    }
}
