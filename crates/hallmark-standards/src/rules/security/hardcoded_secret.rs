//! ## What it does
//!
//! Finds a text or bytes bound to a name, keyword, key or default of a parameter that says password, token, api_key and the
//! like. Placeholders, names of environment variables, and tests are left alone.
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
    family: Family::Security,
    severity: Severity::Error,
    why: "Whoever can read the source has the secret, in every copy and in the history, and it cannot be changed without a release.",
    action: "read it from os.environ, and change the secret: it is known",
    source: include_str!("hardcoded_secret.rs"),
    checks: &[Check::Assign(check)],
    ..Rule::STABLE
};

/// Shorter texts are words.
const MIN_BYTES: usize = 6;

/// Shorter texts of capitals and digits are names.
const CAPITAL_KEY_BYTES: usize = 16;

/// Passwords that everybody tries first.
const DEFAULTS: &[&str] = &["password", "secret", "admin", "postgres", "root"];

/// What secrets are called, without the separators.
const NAMES: &[&str] = &["apikey", "clientsecret", "secretkey", "userpassword", "newpassword", "oldpassword"];

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
    if !is_secret(&assign.name) || !looks_secret(text, &assign.name) {
        return;
    }
    // `PASSWORD = "password"` in a class is a member of an enumeration: a kind of secret, not one.
    let in_class = matches!(context.module().walk(assign.scope).next(), Some(ScopeKind::Class(_)));
    if in_class
        && text.eq_ignore_ascii_case(&assign.name)
        && assign.name.chars().any(|c| c.is_ascii_uppercase())
    {
        return;
    }
    context
        .report_milder_in_tests(
            assign.value_span,
            assign.scope,
            format!("`{}` holds a secret written in the source", assign.name),
        )
        .masked();
}

/// A value, not the name of one: a variable, a header, a path, a sentence or a placeholder is none.
fn looks_secret(text: &str, name: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    if text.len() < MIN_BYTES
        || text.contains(|c: char| matches!(c, ' ' | '{' | '$' | '%') || c.is_control())
        || text.contains("://")
        || PLACEHOLDERS.iter().any(|p| lower.contains(p))
    {
        return false;
    }
    // Its own name with a number behind it.
    let stem = lower.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '_' | '-'));
    if stem.contains(['_', '-']) && name.to_ascii_lowercase().ends_with(stem) {
        return false;
    }
    let has_digit = text.contains(|c: char| c.is_ascii_digit());
    let is_upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if text.chars().all(is_upper) && text.contains(|c: char| c.is_ascii_uppercase()) {
        // A variable is called so; a key is long, and digits are in its midst.
        return has_digit && !text.contains('_') && text.len() >= CAPITAL_KEY_BYTES;
    }
    has_digit || DEFAULTS.contains(&&*lower) || !is_words(text, name)
}

/// Whether a text without digits is words that speak of a secret: a header, a dotted name, the name that it is bound to. Words
/// that are bound to a password or a signing key are one all the same.
fn is_words(text: &str, name: &str) -> bool {
    let titled = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_uppercase())
            && part[1..].chars().all(|c| c.is_ascii_lowercase())
    };
    if text.split('-').all(titled) || text.contains(['.', ':', '/']) {
        return true;
    }
    if !text.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '_' | '-')) {
        return is_secret(text);
    }
    let bare = |s: &str| s.to_ascii_lowercase().replace(['_', '-'], "");
    let (name_bare, text_bare) = (bare(name), bare(text));
    let opens = ["password", "passwd", "pwd", "secret", "secretkey", "signingkey", "encryptionkey"];
    let is_its_name =
        name_bare.ends_with(&text_bare) || text_bare.ends_with(&name_bare) && NAMES.contains(&&*text_bare);
    // One word under the bare name is as often a setting: `"secret": "blocked"`.
    let is_setting = name_bare == "secret" && text == text_bare;
    !opens.iter().any(|end| name_bare.ends_with(end)) || is_its_name || is_setting
}

#[cfg(test)]
mod tests {
    use super::looks_secret;

    #[test]
    fn words_are_secrets_where_they_open_something() {
        for (name, text) in [
            ("jwt_secret", "mcp-server-secret-key"),
            ("password", "horme_password"),
            ("password", "123456"),
            ("neo4j_password", "password"),
            ("api_key", "9f8e7d6c5b4a"),
            ("access_key", "AKIA2QZ7MB4TRW9K1LXE"),
            ("token", "eyJhbGciOi9.JIUz1"),
        ] {
            assert!(looks_secret(text, name), "{name} = {text}");
        }
    }

    #[test]
    fn names_headers_and_placeholders_are_no_secrets() {
        for (name, text) in [
            ("token", "access_token"),
            ("api_key", "x-api-key"),
            ("SERVICE_API_KEY", "api_key_456"),
            ("api_key", "OPENAI_API_KEY_2"),
            ("token", "Authorization"),
            ("api_key", "X-Api-Key"),
            ("client_secret", "client_secret"),
            ("secret", "client_secret"),
            ("password", "auth.password_field"),
            ("password", "your-password"),
            ("secret", "arn:aws:secret"),
            ("token", "bearer"),
            ("secret", "blocked"),
        ] {
            assert!(!looks_secret(text, name), "{name} = {text}");
        }
    }
}
