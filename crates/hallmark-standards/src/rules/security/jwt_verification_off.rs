//! ## What it does
//!
//! Finds a JSON Web Token that is decoded without its signature being checked, or with the algorithm `none`.
//!
//! ## Why
//!
//! Anyone can write such a token and be whoever they say.
//!
//! ## Example
//!
//! ```python
//! import jwt
//!
//! jwt.decode(token, options={"verify_signature": False})
//! ```
//!
//! ## Use instead
//!
//! ```python
//! import jwt
//!
//! jwt.decode(token, key, algorithms=["HS256"])
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `rules/security`.
//!
//! ## How to mend
//!
//! Pass the key and the algorithms.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Setting, Value};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "jwt-verification-off",
    family: Family::Security,
    severity: Severity::Error,
    why: "Anyone can write such a token and be whoever they say.",
    action: "check the signature with the key and a fixed list of algorithms",
    source: include_str!("jwt_verification_off.rs"),
    checks: &[Check::Setting(&["verify_signature", "verify", "algorithms"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, setting: &Setting) {
    let of = setting.of.as_deref().unwrap_or_default();
    let off = setting.value == Value::Bool(false);
    let found = match &*setting.name {
        "verify_signature" => off,
        "verify" => off && (of.starts_with("jwt.decode") || of.starts_with("jose.jwt.decode")),
        _ => of.contains("jwt") && setting.items.iter().any(|a| a.eq_ignore_ascii_case("none")),
    };
    if found {
        context.report_milder_in_tests(setting.span, setting.scope, "the token's signature is not checked");
    }
}
