//! ## What it does
//!
//! Finds a method or attribute of an object that a test replaces by hand: a lambda, a function of the test, a mock or a
//! hand-written fake is assigned to it. Attributes of mocks are left to the rule on mocks.
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
use hallmark_python::facts::{Assign, Value};
use hallmark_python::names::double_word;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "rebound-attribute",
    family: Family::Mocking,
    severity: Severity::Error,
    why: "The object under test is no longer the product: what was assigned answers in its place.",
    action: "use the real method against the running stack (hallmark up), or move the test to the unit tier",
    source: include_str!("rebound_attribute.rs"),
    checks: &[Check::Assign(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, assign: &Assign) {
    let Some(target) = assign.target.as_deref().filter(|_| context.is_test_file()) else { return };
    if !is_object(target) || is_of_a_double(context, target) || !is_double(context, assign) {
        return;
    }
    // What a mock is told to give back is part of the mock.
    if matches!(&*assign.name, "return_value" | "side_effect" | "wraps") || assign.name.starts_with("__") {
        return;
    }
    let shown = target.trim_start_matches('$').trim_end_matches("()");
    let label = sdk::service_of(target).map(|service| format!("replaces {service}"));
    context
        .report_double(assign.span, assign.scope, format!("an assignment replaces `{shown}`"))
        .label(label.unwrap_or_default());
}

/// Whether a target is an attribute of an object, not of a module.
fn is_object(target: &str) -> bool {
    let holder = target.rsplit_once('.').map_or("", |(holder, _)| holder);
    (holder.contains("()") || holder.starts_with('$'))
        && !holder.starts_with("$self")
        && !holder.starts_with("$cls")
}

/// Whether the object is itself a double, or the tool that makes one.
fn is_of_a_double(context: &Context<'_>, target: &str) -> bool {
    let holder = target.rsplit_once('.').map_or("", |(holder, _)| holder);
    if context.canonical(holder).starts_with("unittest.mock.") {
        return true;
    }
    holder.split(['.', '$', '(']).any(|part| {
        let lower = part.to_ascii_lowercase();
        ["mock", "fake", "stub", "dummy", "spy", "patch"].iter().any(|word| lower.contains(word))
    })
}

fn is_double(context: &Context<'_>, assign: &Assign) -> bool {
    let path = match &assign.value {
        Value::Lambda => return true,
        Value::Path(path) => &**path,
        _ => return false,
    };
    let last = path.trim_end_matches("()").rsplit('.').next().unwrap_or_default();
    let module = context.module();
    let own = path.strip_prefix(&*module.name).and_then(|rest| rest.strip_prefix('.')).is_some_and(|name| {
        module.functions.iter().any(|f| f.class.is_none() && &*f.name == name && !f.name.starts_with("test"))
    });
    double_word(last).is_some()
        || own
        || context.canonical(path).strip_prefix("unittest.mock.").is_some_and(|rest| rest.contains("()"))
}
