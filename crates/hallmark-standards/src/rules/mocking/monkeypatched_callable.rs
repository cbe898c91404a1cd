//! ## What it does
//!
//! Finds `monkeypatch.setattr`, `delattr` and `setitem` that replace code: a function, a class, a module. Constants,
//! `setenv`, `delenv`, `chdir`, `syspath_prepend`, `os.environ` and `sys.argv` are left alone.
//!
//! ## Why
//!
//! Replacing a function by hand is a mock without the library. The test passes whatever the real service does, so it proves
//! nothing about it.
//!
//! ## Example
//!
//! ```python
//! monkeypatch.setattr("app.db.connect", lambda: connection)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! monkeypatch.setenv("DATABASE_URL", pg.url)
//! ```
//!
//! ## Gold standard
//!
//! NO-MOCKING. 2025: test creation guide, "no mocking in tiers 2 and 3"; 2026: `gold-mocking-policy` and `rules/testing`.
//! Under `--profile strict` the requirements' reading applies: no double in any tier.
//!
//! ## How to mend
//!
//! Point the code at the running stack by its configuration (`monkeypatch.setenv` is fine).

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Call, Value};

use crate::Context;
use crate::doubles::service_behind;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "monkeypatched-callable",
    family: Family::Mocking,
    severity: Severity::Error,
    why: "Replacing a function by hand is a mock without the library. The test passes whatever the real service does, so it proves nothing about it.",
    action: "point the code at the running stack by its configuration (setenv is fine)",
    source: include_str!("monkeypatched_callable.rs"),
    checks: &[Check::CallTo(&["setattr", "delattr", "setitem"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    let Some((receiver, method)) = call.callee.rsplit_once('.') else { return };
    let is_fixture = receiver.starts_with("$monkeypatch")
        || receiver.starts_with("pytest.MonkeyPatch")
        || receiver.starts_with("_pytest.monkeypatch.MonkeyPatch");
    if !is_fixture || !matches!(method, "setattr" | "delattr" | "setitem") {
        return;
    }
    let (target, place) = match call.positional(0).map(|a| &a.value) {
        Some(Value::Text(text)) => (Some(context.canonical(text)), 1),
        Some(Value::Path(path)) => (Some(context.canonical(path)), 2),
        _ => (None, 2),
    };
    let value = call.positional(place).or_else(|| call.keyword("value"));
    let constant = value.is_some_and(|a| a.value == Value::Nothing || a.value.is_literal());
    let attribute = call.positional(1).and_then(|a| a.value.text()).unwrap_or_default().to_owned();
    let what = target.map_or_else(|| "object".to_owned(), |target| target.to_string());
    // The name of a class: without it, the code under test takes another way.
    let hides = value.is_some_and(|a| a.value == Value::Nothing)
        && attribute.starts_with(|c: char| c.is_ascii_uppercase())
        && attribute.contains(|c: char| c.is_ascii_lowercase());
    let puts_back = value
        .and_then(|a| a.value.path())
        .is_some_and(|value| place == 2 && *context.canonical(value) == format!("{what}.{attribute}"));
    let environment =
        what == "os.environ" || what.starts_with("sys.argv") || what == "sys" && attribute == "argv";
    if environment || puts_back || (constant && !hides && what != "sys.modules") {
        return;
    }
    let named = place == 2 && !attribute.is_empty() && what != "sys.modules";
    let what = if named { format!("{what}.{attribute}") } else { what };
    let replaced = if what == "sys.modules" { attribute.as_str() } else { what.as_str() };
    let label = service_behind(context, replaced).map(|service| format!("replaces {service}"));
    let raw = context.report_double(
        call.span,
        call.scope,
        match named || !attribute.is_empty() && what == "sys.modules" {
            true if what == "sys.modules" => format!("monkeypatch replaces the module `{attribute}`"),
            _ => format!("monkeypatch replaces `{}`", what.trim_start_matches('$')),
        },
    );
    raw.label(label.unwrap_or_default());
}
