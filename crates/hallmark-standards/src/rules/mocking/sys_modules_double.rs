//! ## What it does
//!
//! Finds a test that puts something invented in the place of a module or of something in an imported module: an assignment
//! to `sys.modules[...]` or to an attribute of an import whose value is a lambda, a mock, a function of the test file, a new
//! `types.ModuleType` or `types.SimpleNamespace`, or a class named as a double. Putting back what was there, entering a
//! module that was really loaded, and setting hooks such as `sys.excepthook` are left alone.
//!
//! ## Why
//!
//! It replaces code for the whole process, and nothing takes it back. The test passes whatever the real service does, so it
//! proves nothing about it.
//!
//! ## Example
//!
//! ```python
//! sys.modules["neo4j"] = MagicMock()
//! ```
//!
//! ## Use instead
//!
//! ```python
//! import neo4j  # and the service of the running stack
//! ```
//!
//! ## Gold standard
//!
//! NO-MOCKING. 2025: test creation guide, "no mocking in tiers 2 and 3"; 2026: `gold-mocking-policy` and `rules/testing`.
//! Under `--profile strict` the requirements' reading applies: no double in any tier.
//!
//! ## How to mend
//!
//! Install the library that the code needs and use the running stack (`hallmark up`), or move the test to the unit tier.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Assign, Value};
use hallmark_python::names::double_word;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "sys-modules-double",
    family: Family::Mocking,
    severity: Severity::Error,
    why: "It replaces code for the whole process, and nothing takes it back.",
    action: "install the library and use the running stack (hallmark up), or move the test to the unit tier",
    source: include_str!("sys_modules_double.rs"),
    checks: &[Check::Assign(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, assign: &Assign) {
    let Some(target) = assign.target.as_deref().filter(|_| context.is_test_file()) else { return };
    let is_module = target == "sys.modules";
    if !(is_module || is_foreign(context, target)) || !is_double(context, assign) {
        return;
    }
    let replaced = if is_module { assign.name.to_string() } else { target.to_owned() };
    let label = sdk::service_of(&replaced).map(|service| format!("replaces {service}"));
    let message = if is_module {
        format!("something invented takes the place of the module `{replaced}`")
    } else {
        format!("an assignment replaces `{replaced}` for the whole process")
    };
    context.report_double(assign.span, assign.scope, message).label(label.unwrap_or_default());
}

/// Hooks that Python offers to be set.
const HOOKS: &[&str] = &[
    "sys.breakpointhook",
    "sys.displayhook",
    "sys.excepthook",
    "sys.unraisablehook",
    "threading.excepthook",
    "warnings.showwarning",
];

/// Whether a target is an attribute of something that the file imports, and no hook.
fn is_foreign(context: &Context<'_>, target: &str) -> bool {
    !HOOKS.contains(&target)
        && context.module().imports.iter().any(|import| {
            let path = import.path();
            target.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('.'))
        })
}

fn is_double(context: &Context<'_>, assign: &Assign) -> bool {
    let path = match &assign.value {
        Value::Lambda => return true,
        Value::Path(path) => &**path,
        _ => return false,
    };
    let last = path.trim_end_matches("()").rsplit('.').next().unwrap_or_default();
    matches!(path, "types.ModuleType()" | "types.SimpleNamespace()")
        || double_word(last).is_some()
        || is_own_function(context, path)
        || context.canonical(path).strip_prefix("unittest.mock.").is_some_and(|rest| rest.contains("()"))
}

/// Whether a path is a function of this very file.
fn is_own_function(context: &Context<'_>, path: &str) -> bool {
    let module = context.module();
    path.strip_prefix(&*module.name)
        .and_then(|rest| rest.strip_prefix('.'))
        .is_some_and(|name| module.functions.iter().any(|f| f.class.is_none() && &*f.name == name))
}
