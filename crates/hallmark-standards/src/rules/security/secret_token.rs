//! ## What it does
//!
//! Finds a string literal of the shape of a real token or private key: the prefix of an issuer, its length, and
//! characters mixed as chance mixes them.
//!
//! ## Why
//!
//! Whoever reads the source, its history or a log of it can use the token. It must be taken back, not only deleted.
//!
//! ## Example
//!
//! ```python
//! TOKEN = "ghp_" "..."  # forty characters of a real token
//! ```
//!
//! ## Use instead
//!
//! ```python
//! import os
//!
//! TOKEN = os.environ["GITHUB_TOKEN"]
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `gold-security` 1.
//!
//! ## How to mend
//!
//! Revoke the token where it was issued; then remove it from the source and its history.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "secret-token",
    family: Family::Security,
    severity: Severity::Error,
    why: "Whoever reads the source, its history or a log of it can use the token. It must be taken back, not only deleted.",
    action: "revoke it, then read the new one from the environment",
    source: include_str!("secret_token.rs"),
    checks: &[Check::Module(check)],
    suppressible: false,
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, module: &Module) {
    for token in &module.tokens {
        context
            .report_milder_in_tests(token.span, token.scope, "a literal has the shape of a real token")
            .masked();
    }
}
