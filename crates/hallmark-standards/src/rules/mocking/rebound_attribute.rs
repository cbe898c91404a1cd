//! ## What it does
//!
//! Finds code that a test replaces by hand: a lambda, a function of the test, a mock or a hand-written fake is assigned, or
//! set by `setattr`, to an attribute of an object, a class or an imported module. Attributes of mocks are left to the rule on
//! mocks; putting back what was there and hooks such as `sys.excepthook` are left alone.
//!
//! ## Why
//!
//! The object under test is no longer the product: what was assigned answers in its place.
//!
//! ## Example
//!
//! ```python
//! client = Client(URL)
//! client.fetch = lambda key: {"key": key}
//! ```
//!
//! ## Use instead
//!
//! ```python
//! client = Client(URL)
//! assert client.fetch("a") == {"key": "a"}
//! ```
//!
//! ## Gold standard
//!
//! NO-MOCKING. 2025: test creation guide; 2026: `gold-mocking-policy` and `rules/testing`. Under `--profile strict` no
//! double is allowed in any tier.
//!
//! ## How to mend
//!
//! Let the real method run; arrange the data in the real service.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Assign, Call, ScopeId, Span, Value};

use crate::Context;
use crate::doubles::{is_double_value, member, service_behind};
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "rebound-attribute",
    family: Family::Mocking,
    severity: Severity::Error,
    why: "The object under test is no longer the product: what was assigned answers in its place.",
    action: "use the real method against the running stack (hallmark up), or move the test to the unit tier",
    source: include_str!("rebound_attribute.rs"),
    checks: &[Check::Assign(check), Check::CallTo(&["setattr"], check_call)],
    ..Rule::STABLE
};

/// Hooks that Python offers to be set.
const HOOKS: &[&str] = &[
    "sys.breakpointhook",
    "sys.displayhook",
    "sys.excepthook",
    "sys.unraisablehook",
    "threading.excepthook",
    "warnings.showwarning",
];

fn check(context: &mut Context<'_>, assign: &Assign) {
    let Some(target) = assign.target.as_deref().filter(|_| context.is_test_file()) else { return };
    if target != "sys.modules" {
        report(context, target, &assign.value, (assign.span, assign.scope));
    }
}

fn check_call(context: &mut Context<'_>, call: &Call) {
    if &*call.callee != "builtins.setattr" || !context.is_test_file() {
        return;
    }
    if let (Some(object), Some(name), Some(value)) =
        (call.positional(0), call.positional(1), call.positional(2))
        && let (Some(object), Some(name)) = (object.value.path(), name.value.text())
    {
        report(context, &format!("{object}.{name}"), &value.value, (call.span, call.scope));
    }
}

fn report(context: &mut Context<'_>, target: &str, value: &Value, (span, scope): (Span, ScopeId)) {
    let Some((holder, name)) = target.rsplit_once('.') else { return };
    // What a mock is told to give back is part of the mock.
    if matches!(name, "return_value" | "side_effect" | "wraps")
        // A module that the test makes is its own; where it is entered, another rule speaks.
        || matches!(holder, "types.ModuleType()" | "types.SimpleNamespace()")
        || name.starts_with("__")
        || !(is_object(holder) || is_foreign(context, target))
        || is_of_a_double(context, holder)
        || is_own(context, holder)
        || !is_replacement(context, value, is_object(holder))
    {
        return;
    }
    let shown = match context.canonical(holder) {
        made if is_object(holder) => format!("{made}.{name}"),
        _ => target.to_owned(),
    };
    let shown = shown.trim_start_matches('$').trim_end_matches("()");
    let label = service_behind(context, target).map(|service| format!("replaces {service}"));
    let whole = if is_object(holder) { "" } else { " for the whole process" };
    let message = format!("an assignment replaces `{shown}`{whole}");
    context.report_double(span, scope, message).label(label.unwrap_or_default());
}

/// Whether something is an object: one that was made, or a parameter.
fn is_object(holder: &str) -> bool {
    holder.contains("()")
        || (holder.starts_with('$') && !holder.starts_with("$self") && !holder.starts_with("$cls"))
}

/// Whether a target is an attribute of something that the file imports, and no hook.
fn is_foreign(context: &Context<'_>, target: &str) -> bool {
    !HOOKS.contains(&target)
        && context.module().imports.iter().any(|import| {
            let path = import.path();
            target.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('.'))
        })
}

fn is_replacement(context: &Context<'_>, value: &Value, of_object: bool) -> bool {
    is_double_value(context, value)
        || !of_object && matches!(value.path(), Some("types.ModuleType()" | "types.SimpleNamespace()"))
}

/// Whether the object is of a class of this file, or of something that this file alone knows.
fn is_own(context: &Context<'_>, holder: &str) -> bool {
    let name = &*context.module().name;
    holder.contains("()")
        && context.canonical(holder).strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
}

/// Whether the object is itself a double, or the tool that makes one.
fn is_of_a_double(context: &Context<'_>, holder: &str) -> bool {
    if member(context, &context.canonical(holder)).is_some() || was_replaced(context, holder) {
        return true;
    }
    holder.split(['.', '$', '(']).any(|part| {
        let lower = part.to_ascii_lowercase();
        ["mock", "fake", "stub", "dummy", "spy", "patch"].iter().any(|word| lower.contains(word))
    })
}

/// Whether the file itself puts a double where this attribute is, as a fixture does before the test: `node.raft = Mock()`.
fn was_replaced(context: &Context<'_>, holder: &str) -> bool {
    let Some((object, name)) = holder.rsplit_once('.').filter(|(object, _)| object.starts_with('$')) else {
        return false;
    };
    !object.contains('.')
        && context.module().assigns.iter().any(|assign| {
            let target = assign.target.as_deref().unwrap_or_default();
            target.rsplit('.').next() == Some(name)
                && target != holder
                && is_double_value(context, &assign.value)
        })
}
