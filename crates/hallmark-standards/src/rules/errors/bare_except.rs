//! ## What it does
//!
//! Finds `except:` without an exception that does not raise again.
//!
//! ## Why
//!
//! It also catches `KeyboardInterrupt` and `SystemExit`: the program cannot be stopped there, and a defect looks like an
//! expected failure.
//!
//! ## Example
//!
//! ```python
//! try:
//!     load()
//! except:
//!     data = None
//! ```
//!
//! ## Use instead
//!
//! ```python
//! try:
//!     load()
//! except FileNotFoundError:
//!     data = None
//! ```
//!
//! ## Gold standard
//!
//! 2026: `SKILL.md` table, `gold-error-handling`.
//!
//! ## How to mend
//!
//! Name the exceptions that can be handled here.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Handler;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "bare-except",
    family: Family::Errors,
    severity: Severity::Error,
    why: "It also catches `KeyboardInterrupt` and `SystemExit`: the program cannot be stopped there, and a defect looks like an expected failure.",
    action: "name the exception, or write `except Exception` and handle it",
    source: include_str!("bare_except.rs"),
    checks: &[Check::Handler(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, handler: &Handler) {
    if handler.is_bare && !handler.reraises {
        context.report(handler.span, handler.scope, "a bare `except` catches even the request to stop");
    }
}
