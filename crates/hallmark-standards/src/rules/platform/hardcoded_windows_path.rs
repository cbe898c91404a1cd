//! ## What it does
//!
//! Finds a string literal that begins with a drive letter.
//!
//! ## Why
//!
//! The path exists on one machine only.
//!
//! ## Example
//!
//! ```python
//! DATA = "C:/data/prices.csv"
//! ```
//!
//! ## Use instead
//!
//! ```python
//! from pathlib import Path
//!
//! DATA = Path(__file__).parent / "prices.csv"
//! ```
//!
//! ## Gold standard
//!
//! Windows compatibility.
//!
//! ## How to mend
//!
//! Use `pathlib` and configuration.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "hardcoded-windows-path",
    family: Family::Platform,
    severity: Severity::Warning,
    why: "The path exists on one machine only.",
    action: "build the path from the project, the home folder or the environment",
    source: include_str!("hardcoded_windows_path.rs"),
    checks: &[Check::Module(check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, module: &Module) {
    for path in &module.drive_paths {
        context.report_milder_in_tests(path.span, path.scope, "the path exists on one machine only");
    }
}
