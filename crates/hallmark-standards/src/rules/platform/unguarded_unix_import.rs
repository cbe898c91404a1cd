//! ## What it does
//!
//! Finds an import, at module level or in the body of a class and without a guard, of a standard module that exists on one
//! platform only (`resource`, `fcntl`, `pwd`, `grp`, `termios`, `tty`, `pty`, `syslog`, `winreg`, `msvcrt`, ...).
//!
//! ## Why
//!
//! The file cannot be imported at all on the other platform, whether or not the function that needs the module is ever
//! called.
//!
//! ## Example
//!
//! ```python
//! import resource
//! ```
//!
//! ## Use instead
//!
//! ```python
//! try:
//!     import resource
//! except ImportError:  # not on Windows
//!     resource = None
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-001. The requirements' platform clause: `No module named 'resource'` stopped every test on Windows.
//!
//! ## How to mend
//!
//! Guard the import with `try` / `except ImportError` or a platform test, or move it into the function that needs it.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Import, ScopeKind};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "unguarded-unix-import",
    family: Family::Platform,
    severity: Severity::Error,
    why: "The file cannot be imported at all on the other platform, whether or not the function that needs the module is ever called.",
    action: "guard it with try/except ImportError, or import it where it is used",
    source: include_str!("unguarded_unix_import.rs"),
    checks: &[Check::Import(check)],
    ..Rule::STABLE
};

const MODULES: &[&str] = &[
    "crypt",
    "fcntl",
    "grp",
    "msvcrt",
    "nis",
    "ossaudiodev",
    "posix",
    "pty",
    "pwd",
    "resource",
    "spwd",
    "syslog",
    "termios",
    "tty",
    "winreg",
    "winsound",
];

fn check(context: &mut Context<'_>, import: &Import) {
    let root = import.module.split('.').next().unwrap_or_default();
    if import.level > 0 || !MODULES.contains(&root) {
        return;
    }
    // The body of a class runs when the file is imported.
    let runs = |kind| matches!(kind, ScopeKind::Module | ScopeKind::Class(_));
    if !context.module().walk(import.scope).all(runs) {
        return;
    }
    let guard = import.guard;
    let guarded = guard.import_try || guard.handler || guard.conditional || guard.type_checking;
    if !guarded && !context.index().is_own(&import.module) {
        let message = format!("`{root}` exists on one platform only and is imported without a guard");
        context.report(import.span, import.scope, message);
    }
}
