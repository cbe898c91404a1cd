//! ## What it does
//!
//! Finds a URL in the source with a user and a password in it. Tests, placeholders and texts of more than one line are left
//! alone.
//!
//! ## Why
//!
//! The URL is a secret in the source, and URLs are logged by everything that opens them.
//!
//! ## Example
//!
//! ```python
//! DATABASE = "postgresql://catalog:hunter2@db.internal/catalog"
//! ```
//!
//! ## Use instead
//!
//! ```python
//! DATABASE = os.environ["DATABASE_URL"]
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `gold-security` 1.
//!
//! ## How to mend
//!
//! Read the URL from the environment, and change the password: it is known.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Literal;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "credential-url",
    family: Family::Security,
    severity: Severity::Error,
    why: "The URL is a secret in the source, and URLs are logged by everything that opens them.",
    action: "read the URL from os.environ, and change the password: it is known",
    source: include_str!("credential_url.rs"),
    checks: &[Check::Url(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, literal: &Literal) {
    // A text of more lines is a template or documentation. The message never shows what the rule forbids.
    let Some(scheme) = credentials(&literal.text).filter(|_| !literal.text.contains('\n')) else { return };
    context
        .report_milder_in_tests(
            literal.span,
            literal.scope,
            format!("a {scheme} URL holds a user and a password"),
        )
        .masked();
}

/// The scheme of a URL with a user and a password, if the password is a literal and no placeholder.
fn credentials(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme =
        scheme.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '+').next().filter(|s| !s.is_empty())?;
    let authority = rest.split(['/', '?', '#', ' ', '\n', '"', '\'']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    let (name, password) = user.split_once(':')?;
    let lower = password.to_ascii_lowercase();
    let is_placeholder = password.contains(['{', '$', '<', '*', '%', '[', '(', '\\'])
        || name.contains(['{', '$', '<', '[', '(', '\\'])
        || ["password", "pass", "pw", "pwd", "secret", "token", "p", "key"].contains(&lower.as_str())
        || (name == password && ["demo", "fake", "test", "user"].contains(&lower.as_str()))
        || ["your", "xxx", "..."].iter().any(|w| lower.contains(w));
    (!password.is_empty() && !is_placeholder).then_some(scheme)
}
