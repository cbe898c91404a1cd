//! ## What it does
//!
//! Finds imports of modules that patch the SDK for one operating system, by the names in `[standards] platform-shims`; without it
//! `windows_patch` and `windows_sdk_compatibility`.
//!
//! ## Why
//!
//! The SDK runs on every system without it. The shim hides what fails, must be imported before everything else, and is often
//! missing where the project is checked out anew.
//!
//! ## Example
//!
//! ```python
//! import windows_patch  # must be first
//! from kailash.workflow.builder import WorkflowBuilder
//! ```
//!
//! ## Use instead
//!
//! ```python
//! from kailash.workflow.builder import WorkflowBuilder
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-001. It is an error where the shim is nowhere to be found, and a warning where it is, or where the import may fail.
//!
//! ## How to mend
//!
//! Delete the import. Where the shim cannot be found and nothing of it is used, a fix does.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Import;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::unused;

pub(crate) static RULE: Rule = Rule {
    name: "platform-shim-import",
    family: Family::Imports,
    severity: Severity::Error,
    why: "The SDK runs on every system without it. The shim hides what fails, must be imported before everything else, and is often missing where the project is checked out anew.",
    action: "delete the import",
    source: include_str!("platform_shim_import.rs"),
    checks: &[Check::Import(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, import: &Import) {
    if !context.is_platform_shim(import) || !import.first {
        return;
    }
    let missing = is_missing(context, import);
    let guarded = import.guard.import_try || import.guard.handler;
    let is_needless =
        |other: &Import| !other.used && context.is_platform_shim(other) && is_missing(context, other);
    let fix = if is_needless(import) { unused::deletion(context, import, is_needless) } else { None };
    let module = &import.module;
    let message = if missing {
        format!("`{module}` patches the SDK for one operating system, and is nowhere to be found")
    } else {
        format!("`{module}` patches the SDK for one operating system")
    };
    let raw = context.report(import.span, import.scope, message);
    if !missing || guarded {
        raw.severity(Severity::Warning);
    }
    if let Some(fix) = fix {
        raw.fix(fix);
    }
}

/// Whether neither the project nor what it declares has the module.
fn is_missing(context: &Context<'_>, import: &Import) -> bool {
    let top = import.module.split('.').next().unwrap_or_default();
    let around = context.surroundings();
    !context.index().is_own(&import.module)
        && !around.has_name(top)
        && !around.dependencies().provide(top)
        && context.index().anywhere(top).next().is_none()
}
