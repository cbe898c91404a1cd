//! ## What it does
//!
//! Finds a test that enters something invented into `sys.modules`: a mock, a lambda, a function of the test file, a new
//! `types.ModuleType` or `types.SimpleNamespace`, or a class named as a double; by assignment, `setdefault` or `update`. A
//! module that was really loaded, under whatever name, is left alone.
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
use hallmark_python::facts::{Assign, Call, ScopeId, Span, Value};

use crate::Context;
use crate::doubles::{is_double_value, service_behind};
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "sys-modules-double",
    family: Family::Mocking,
    severity: Severity::Error,
    why: "It replaces code for the whole process, and nothing takes it back.",
    action: "install the library and use the running stack (hallmark up), or move the test to the unit tier",
    source: include_str!("sys_modules_double.rs"),
    checks: &[Check::Assign(check), Check::CallTo(&["setdefault", "update"], check_call)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, assign: &Assign) {
    if assign.target.as_deref() != Some("sys.modules") || !context.is_test_file() {
        return;
    }
    if assign.value == Value::Nothing {
        let what = if assign.name.is_empty() {
            "a module".to_owned()
        } else {
            format!("the module `{}`", assign.name)
        };
        let message = format!("{what} is hidden: importing it fails");
        context.report_double(assign.span, assign.scope, message);
    } else if is_invented(context, &assign.value) {
        report(context, &assign.name, assign.span, assign.scope);
    }
}

fn check_call(context: &mut Context<'_>, call: &Call) {
    if !context.is_test_file() || !call.callee.starts_with("sys.modules.") {
        return;
    }
    if call.callee.ends_with(".setdefault")
        && let (Some(name), Some(value)) = (call.positional(0), call.positional(1))
        && let Some(name) = name.value.text()
        && is_invented(context, &value.value)
    {
        report(context, name, call.span, call.scope);
    }
    // What a dictionary holds cannot be seen from here; a module that was loaded is entered by its own name elsewhere.
    if call.callee.ends_with(".update")
        && let Some(Value::Dict(names)) = call.positional(0).map(|a| &a.value)
        && let Some(name) = names.first()
    {
        report(context, name, call.span, call.scope);
    }
}

fn report(context: &mut Context<'_>, name: &str, span: Span, scope: ScopeId) {
    let label = service_behind(context, name).map(|service| format!("replaces {service}"));
    let what = if name.is_empty() { "a module".to_owned() } else { format!("the module `{name}`") };
    let message = format!("something invented takes the place of {what}");
    context.report_double(span, scope, message).label(label.unwrap_or_default());
}

/// Whether a value is no module that was loaded, but one that was made up.
fn is_invented(context: &Context<'_>, value: &Value) -> bool {
    matches!(value.path(), Some("types.ModuleType()" | "types.SimpleNamespace()"))
        || is_double_value(context, value)
        || value.path().and_then(|path| path.strip_suffix("()")).is_some_and(|path| {
            let own = path.strip_prefix(&*context.module().name).and_then(|rest| rest.strip_prefix('.'));
            own.is_some_and(|name| {
                context.module().classes.iter().any(|c| &*c.name == name || &*c.path == path)
            })
        })
}
