//! ## What it does
//!
//! Finds MD5 and SHA-1 without `usedforsecurity=False`, and the ciphers DES, RC4 and ECB mode.
//!
//! ## Why
//!
//! They are broken: collisions are made in seconds, and ECB shows the pattern of what it hides.
//!
//! ## Example
//!
//! ```python
//! import hashlib
//!
//! hashlib.md5(password)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! import hashlib
//!
//! hashlib.sha256(data)
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `gold-security`.
//!
//! ## How to mend
//!
//! Use `hashlib.sha256`; for passwords a slow hash such as `argon2`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Call, Value};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "weak-hash",
    family: Family::Security,
    severity: Severity::Warning,
    why: "They are broken: collisions are made in seconds, and ECB shows the pattern of what it hides.",
    action: "use SHA-256 or BLAKE2; say usedforsecurity=False where it is only a checksum",
    source: include_str!("weak_hash.rs"),
    checks: &[Check::CallTo(&["md5", "sha1", "new", "TripleDES", "ARC4", "ECB", "Blowfish"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    let path = context.canonical(&call.callee);
    let named = || call.positional(0).and_then(|a| a.value.text()).map(str::to_ascii_lowercase);
    let weak = match &*path {
        "hashlib.md5" | "hashlib.sha1" => Some(path.trim_start_matches("hashlib.").to_owned()),
        "hashlib.new" => named().filter(|name| matches!(name.as_str(), "md5" | "sha1" | "md4")),
        _ if path.starts_with("Crypto.")
            || path.starts_with("Cryptodome.")
            || path.starts_with("cryptography.") =>
        {
            let broken = ["DES", "DES3", "ARC4", "ARC2", "TripleDES", "ECB", "Blowfish"];
            path.split('.').rev().take(2).find(|part| broken.contains(part)).map(str::to_owned)
        }
        _ => None,
    };
    let said = call.keyword("usedforsecurity").is_some_and(|a| a.value == Value::Bool(false));
    if let Some(weak) = weak.filter(|_| !said) {
        context.report_milder_in_tests(call.span, call.scope, format!("`{weak}` is broken"));
    }
}
