//! ## What it does
//!
//! Finds a text bound to a name, keyword or key that says password, token, api_key and the like. Placeholders, names of
//! environment variables, and tests are left alone.
//!
//! ## Why
//!
//! Whoever can read the source has the secret, in every copy and in the history, and it cannot be changed without a
//! release.
//!
//! ## Example
//!
//! ```python
//! DATABASE_PASSWORD = "hunter2-live"
//! ```
//!
//! ## Use instead
//!
//! ```python
//! DATABASE_PASSWORD = os.environ["DATABASE_PASSWORD"]
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `gold-security` 1, `SKILL.md` table (secrets from `os.environ`).
//!
//! ## How to mend
//!
//! Read it from the environment, and change the secret: it is known.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Assign, ScopeKind};

use crate::Context;
use crate::rule::{Check, Family, Rule};
use hallmark_python::names::is_secret;

pub(crate) static RULE: Rule = Rule {
    name: "hardcoded-secret",
    family: Family::Parameters,
    severity: Severity::Error,
    why: "Whoever can read the source has the secret, in every copy and in the history, and it cannot be changed without a release.",
    action: "read it from os.environ, and change the secret: it is known",
    source: include_str!("hardcoded_secret.rs"),
    checks: &[Check::Assign(check)],
};

const PLACEHOLDERS: &[&str] = &[
    "change",
    "dummy",
    "example",
    "fake",
    "here",
    "insert",
    "none",
    "placeholder",
    "redacted",
    "replace",
    "sample",
    "test",
    "todo",
    "your",
    "xxx",
    "***",
    "...",
    "<",
];

fn check(context: &mut Context<'_>, assign: &Assign) {
    let Some(text) = assign.value.text() else { return };
    if context.is_test_file() || !is_secret(&assign.name) || !looks_secret(text, &assign.name) {
        return;
    }
    // `PASSWORD = "password"` in a class is a member of an enumeration: a kind of secret, not one.
    let in_class = matches!(context.module().walk(assign.scope).next(), Some(ScopeKind::Class(_)));
    if in_class && text.eq_ignore_ascii_case(&assign.name) && assign.name.chars().any(|c| c.is_ascii_uppercase()) {
        return;
    }
    context.report(assign.value_span, assign.scope, format!("`{}` holds a secret written in the source", assign.name));
}

/// A value, not the name of one: a variable, a header, a path, a sentence or a placeholder is none.
fn looks_secret(text: &str, name: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let is_name = text.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit())
        || hallmark_python::names::is_secret(text)
        || lower == name.to_ascii_lowercase()
        || lower.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '_' | '-' | '.' | ':' | '/' | ' '));
    let weak = lower.contains(|c: char| c.is_ascii_digit())
        || matches!(&*lower, "password" | "secret" | "admin" | "postgres" | "root");
    text.len() >= 6
        && (weak || !is_name)
        && !text.contains(|c: char| matches!(c, ' ' | '{' | '$' | '%') || c.is_control())
        && !text.contains("://")
        && !PLACEHOLDERS.iter().any(|p| lower.contains(p))
        && !text.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit())
}
