//! ## What it does
//!
//! Finds console output of literals that a console of code page 1252 cannot show: check marks, arrows, emoji.
//!
//! ## Why
//!
//! On such a console `print` raises `UnicodeEncodeError`, and the program ends where it meant to report success.
//!
//! ## Example
//!
//! ```python
//! print("\u2705 done".encode().decode())  # written as the character itself
//! ```
//!
//! ## Use instead
//!
//! ```python
//! print("[OK] done")
//! ```
//!
//! ## Gold standard
//!
//! Windows compatibility. 2025: R1 and R3 of the requirements.
//!
//! ## How to mend
//!
//! Write the mark in ASCII.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "non-ascii-console",
    family: Family::Platform,
    severity: Severity::Warning,
    why: "On such a console `print` raises `UnicodeEncodeError`, and the program ends where it meant to report success.",
    action: "print plain text such as [OK], or reconfigure stdout to UTF-8 at the start",
    source: include_str!("non_ascii_console.rs"),
    checks: &[Check::Module(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, module: &Module) {
    // A program that sets its output to UTF-8 can print anything.
    let reconfigured = module.calls.iter().any(|call| {
        matches!(&*call.callee, "sys.stdout.reconfigure" | "codecs.getwriter")
            || (&*call.callee == "io.TextIOWrapper" && call.keyword("encoding").is_some())
    });
    if reconfigured {
        return;
    }
    for text in &module.console {
        context.report_milder_in_tests(
            text.span,
            text.scope,
            "a console of code page 1252 cannot show this text",
        );
    }
}
