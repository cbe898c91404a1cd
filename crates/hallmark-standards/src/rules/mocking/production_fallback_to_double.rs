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
use hallmark_python::facts::{Bind, Handler};
use hallmark_python::names::double_word;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "production-fallback-to-double",
    family: Family::Mocking,
    severity: Severity::Error,
    why: "When the real thing is missing the program goes on with an imitation and reports success. Nobody notices until the data is asked for.",
    action: "let the error reach the caller",
    source: include_str!("production_fallback_to_double.rs"),
    checks: &[Check::Handler(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, handler: &Handler) {
    if context.is_test_file() {
        return;
    }
    // An error of any kind says nothing of the import: only a handler of failed imports does.
    let of_import =
        handler.exceptions.iter().any(|e| e.ends_with("ImportError") || e.ends_with("ModuleNotFoundError"));
    let cause = match handler.tried_imports.first().filter(|_| of_import) {
        Some(module) => format!("when `{module}` cannot be imported"),
        None => "when something fails".to_owned(),
    };
    let mut named: Vec<String> = Vec::new();
    for bind in &handler.binds {
        let Some(double) = double(context, bind).filter(|double| !named.contains(double)) else { continue };
        context.report(bind.span, handler.scope, format!("production code falls back to `{double}` {cause}"));
        named.push(double);
    }
}

/// The name of the double that a handler defines, imports, binds or returns.
fn double(context: &Context<'_>, bind: &Bind) -> Option<String> {
    if bind.is_class {
        return double_word(&bind.name).map(|_| bind.name.to_string());
    }
    let value = context.canonical(bind.value.as_deref()?);
    let last = value.trim_end_matches("()").rsplit('.').next().unwrap_or_default();
    // What gRPC calls a stub is the client of a real service.
    let is_double = double_word(last).is_some() && !value.contains("_pb2_grpc.");
    (is_double || value.starts_with("unittest.mock.")).then(|| last.to_owned())
}
