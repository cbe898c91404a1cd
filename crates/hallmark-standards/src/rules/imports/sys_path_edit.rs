//! ## What it does
//!
//! Finds `sys.path.insert`, `sys.path.append` and `sys.path.extend`.
//!
//! ## Why
//!
//! A path edited at run time makes imports depend on which file ran first, and lets a module be loaded under two names.
//!
//! ## Example
//!
//! ```python
//! import sys
//! sys.path.insert(0, "..")
//! ```
//!
//! ## Use instead
//!
//! ```python
//! # pyproject.toml: declare the package, then: pip install -e .
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-001. 2025: ADR-005, "the package is installed, the path is not edited".
//!
//! ## How to mend
//!
//! Declare the package in `pyproject.toml`, install it with `pip install -e .`, and delete the edit.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "sys-path-edit",
    family: Family::Imports,
    severity: Severity::Warning,
    why: "A path edited at run time makes imports depend on which file ran first, and lets a module be loaded under two names.",
    action: "install the package instead (`pip install -e .`) and delete this line",
    source: include_str!("sys_path_edit.rs"),
    checks: &[Check::CallTo(&["insert", "append", "extend"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    if matches!(&*call.callee, "sys.path.insert" | "sys.path.append" | "sys.path.extend") {
        context.report(call.span, call.scope, "the import path is edited at run time");
    }
}
