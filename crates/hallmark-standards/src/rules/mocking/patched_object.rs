//! ## What it does
//!
//! Finds `patch`, `patch.object`, `patch.dict` and `patch.multiple`: as a decorator, in a `with`, or started by hand. The
//! target is resolved through the project's imports to the code that it means, and that code's imports to the service behind
//! it, so that the message can say what is replaced. Overriding environment variables, `sys.argv`, `sys.path` or a constant in
//! capitals by a literal is left alone.
//!
//! ## Why
//!
//! A patch replaces code that the test is about. The test passes whatever the real service does, so it proves nothing about
//! it.
//!
//! ## Example
//!
//! ```python
//! @patch("app.db.asyncpg.connect")
//! def test_quotes(connect):
//!     ...
//! ```
//!
//! ## Use instead
//!
//! ```python
//! def test_quotes(pg):  # a fixture connected to the running stack
//!     ...
//! ```
//!
//! ## Gold standard
//!
//! NO-MOCKING. 2025: test creation guide, "no mocking in tiers 2 and 3"; 2026: `gold-mocking-policy` and `rules/testing`.
//! Under `--profile strict` the requirements' reading applies: no double in any tier.
//!
//! ## How to mend
//!
//! Use the running stack (`hallmark up`) and remove the patch, or move the test to the unit tier.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Call, Value};
use hallmark_python::fixtures::is_setting;

use crate::Context;
use crate::doubles::{PATCHES, member, service_behind};
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "patched-object",
    family: Family::Mocking,
    severity: Severity::Error,
    why: "A patch replaces code that the test is about. The test passes whatever the real service does, so it proves nothing about it.",
    action: "use the running stack (hallmark up) and remove the patch, or move the test to the unit tier",
    source: include_str!("patched_object.rs"),
    checks: &[Check::CallTo(&["patch", "object", "dict", "multiple"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    let callee = context.canonical(&call.callee);
    let form = member(context, &callee).unwrap_or_default();
    if !PATCHES.contains(&form) {
        return;
    }
    let argument = call.positional(0).or_else(|| call.keyword("target")).or_else(|| call.keyword("in_dict"));
    let mut target = argument.and_then(|a| target(context, &a.value));
    if form == "patch.object"
        && let Some(attribute) =
            call.positional(1).or_else(|| call.keyword("attribute")).and_then(|a| a.value.text())
    {
        target = Some(match target {
            Some(object) => format!("{}.{attribute}", object.trim_start_matches('$').trim_end_matches("()")),
            None => attribute.to_owned(),
        });
    }
    if matches!(target.as_deref(), Some("os.environ" | "sys.argv" | "sys.path")) {
        return;
    }
    let place = if form == "patch" { 1 } else { 2 };
    let new = call.positional(place).or_else(|| call.keyword("new")).map(|a| &a.value);
    if matches!(form, "patch" | "patch.object")
        && target.as_deref().is_some_and(|target| is_setting(target, new))
    {
        return;
    }
    if form == "patch.dict"
        && target.as_deref() == Some("sys.modules")
        && let Some(Value::Dict(modules)) =
            call.positional(1).or_else(|| call.keyword("values")).map(|a| &a.value)
        && let Some(module) = modules.first()
    {
        target = Some(module.to_string());
    }
    let label = target.as_deref().and_then(|target| service_behind(context, target));
    let label = label.map(|service| format!("replaces {service}"));
    let message = match (&target, &label) {
        (Some(target), Some(label)) => format!("the patch of `{target}` {label}"),
        (Some(target), None) => format!("the patch replaces `{}`", target.trim_start_matches('$')),
        (None, _) => "the patch replaces an object".to_owned(),
    };
    let raw = context.report_double(call.span, call.scope, message);
    raw.label(label.unwrap_or_default());
}

/// What is patched, followed to where the project imports it from.
fn target(context: &Context<'_>, value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(context.canonical(text).to_string()),
        Value::Path(path) => Some(context.canonical(path).to_string()),
        _ => None,
    }
}
