//! ## What it does
//!
//! Finds a bare or broad `except` whose body does nothing but go on: `pass`, `continue`, or the return of an empty
//! constant.
//!
//! ## Why
//!
//! The failure leaves no trace. Whoever looks for it later finds wrong data and no reason.
//!
//! ## Example
//!
//! ```python
//! try:
//!     save()
//! except Exception:
//!     pass
//! ```
//!
//! ## Use instead
//!
//! ```python
//! try:
//!     save()
//! except OSError as error:
//!     logger.warning("could not save: %s", error)
//! ```
//!
//! ## Gold standard
//!
//! 2026: `gold-error-handling` 4, `zero-tolerance`.
//!
//! ## How to mend
//!
//! Name the exception that may be ignored, or log it.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Handler;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "swallowed-exception",
    family: Family::Errors,
    severity: Severity::Warning,
    why: "The failure leaves no trace. Whoever looks for it later finds wrong data and no reason.",
    action: "handle it, log it with its cause, or let it through",
    source: include_str!("swallowed_exception.rs"),
    checks: &[Check::Handler(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, handler: &Handler) {
    // A failed import of something optional is another rule's business.
    if !handler.swallows || handler.tries_cleanup || in_destructor(context, handler) {
        return;
    }
    let broad =
        |e: &str| matches!(e, "builtins.Exception" | "builtins.BaseException" | "builtins.AssertionError");
    if handler.is_bare || handler.exceptions.iter().any(|e| broad(e)) {
        context.report(handler.span, handler.scope, "the exception is dropped without a trace");
    }
}

/// Whether nobody could be told: an object is going away.
fn in_destructor(context: &Context<'_>, handler: &Handler) -> bool {
    let function = context.module().function_of(handler.scope);
    function.is_some_and(|f| matches!(&*f.name, "__del__" | "__exit__" | "__aexit__"))
}
