//! ## What it does
//!
//! Finds `print` outside tests, scripts, examples and the `if __name__` part of a module.
//!
//! ## Why
//!
//! What is printed has no level, no place and no reader in a service.
//!
//! ## Example
//!
//! ```python
//! def save():
//!     print("saved")
//! ```
//!
//! ## Use instead
//!
//! ```python
//! def save():
//!     logger.info("saved")
//! ```
//!
//! ## Gold standard
//!
//! 2026: `SKILL.md`, logging.
//!
//! ## How to mend
//!
//! Use `logging.getLogger(__name__)`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "print-in-production",
    family: Family::Errors,
    severity: Severity::Info,
    why: "What is printed has no level, no place and no reader in a service.",
    action: "use a logger",
    source: include_str!("print_in_production.rs"),
    checks: &[Check::CallTo(&["print"], check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, call: &Call) {
    let path = &context.module().path;
    // Below `src` a folder `tools` holds what the package offers, not what a person runs.
    let mut outer = path.split('/').take_while(|s| *s != "src");
    let script = outer.any(|s| matches!(s, "scripts" | "examples" | "tools" | "bin" | "demo" | "docs"))
        || path.split('/').any(|s| s == "cli")
        || path.ends_with("__main__.py")
        || path.ends_with("cli.py");
    let outside = call.scope == 0;
    if &*call.callee == "builtins.print"
        && !script
        && !outside
        && !context.is_test_file()
        && call.keyword("file").is_none()
    {
        context.report(call.span, call.scope, "what is printed has no level and no reader");
    }
}
