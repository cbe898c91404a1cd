//! ## What it does
//!
//! Finds a `try` that imports names of the SDK and, when the import fails, binds those names to `None`, to a class or a
//! function of its own, or to anything that is not the SDK's.
//!
//! ## Why
//!
//! Without the SDK the program goes on with a stand-in: nodes that were never registered, workflows that were never run, and
//! tests that pass against nothing.
//!
//! ## Example
//!
//! ```python
//! try:
//!     from kailash.runtime.local import LocalRuntime
//! except ImportError:
//!     LocalRuntime = None
//! ```
//!
//! ## Use instead
//!
//! ```python
//! from kailash.runtime.local import LocalRuntime
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-001, both editions: a missing dependency fails loudly.
//!
//! ## How to mend
//!
//! Import without a fallback and declare the dependency. Where a feature is optional, raise an error that names the package
//! when the feature is used.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Bind, Handler, Module};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "silent-import-fallback",
    family: Family::Imports,
    severity: Severity::Warning,
    why: "Without the SDK the program goes on with a stand-in, and tests pass against nothing.",
    action: "import without a fallback and declare the dependency; raise an error where an optional feature is used",
    source: include_str!("silent_import_fallback.rs"),
    checks: &[Check::Handler(check)],
    ..Rule::STABLE
};

/// The packages that are the SDK.
const ROOTS: &[&str] = &["dataflow", "kailash", "kailash_mcp", "kaizen", "kaizen_agents", "nexus"];

fn check(context: &mut Context<'_>, handler: &Handler) {
    if !catches_import(handler) || !handler.tried_imports.iter().any(|m| is_sdk(m)) {
        return;
    }
    let module = context.module();
    let stand_ins = handler.binds.iter().filter(|bind| is_stand_in(module, handler, bind));
    let mut names: Vec<String> = stand_ins.map(|bind| format!("`{}`", bind.name)).collect();
    names.dedup();
    if !names.is_empty() {
        let list = names.join(", ");
        let message = format!("when the SDK cannot be imported, {list} silently becomes something else");
        context.report(handler.span, handler.scope, message);
    }
}

fn is_sdk(path: &str) -> bool {
    ROOTS.contains(&path.split('.').next().unwrap_or_default())
}

fn catches_import(handler: &Handler) -> bool {
    const CAUGHT: &[&str] = &["ImportError", "ModuleNotFoundError", "Exception", "BaseException"];
    let last = |path: &str| path.rsplit('.').next().is_some_and(|name| CAUGHT.contains(&name));
    handler.exceptions.is_empty() || handler.exceptions.iter().any(|e| last(e))
}

/// Whether a name that the `try` takes from the SDK is bound to something that is not the SDK's.
fn is_stand_in(module: &Module, handler: &Handler, bind: &Bind) -> bool {
    let from_sdk = module.imports.iter().any(|import| {
        import.guard.import_try
            && import.bound == bind.name
            && is_sdk(&import.module)
            && handler.tried_imports.contains(&import.module)
    });
    // A flag such as `HAS_X` says that the feature is absent: nothing stands in for it.
    let is_flag = bind.name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    from_sdk && !is_flag && !bind.value.as_deref().is_some_and(is_sdk)
}
