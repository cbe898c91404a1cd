//! ## What it does
//!
//! Finds certificate checks that are turned off: `verify=False`, `verify_ssl=False`, `ssl=False` of an HTTP client,
//! `CERT_NONE`, an unverified context.
//!
//! ## Why
//!
//! Anyone on the way can read and change what is sent, tokens included.
//!
//! ## Example
//!
//! ```python
//! import httpx
//!
//! httpx.get(url, verify=False)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! import httpx
//!
//! httpx.get(url, verify="/etc/ssl/own-ca.pem")
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `rules/security`.
//!
//! ## How to mend
//!
//! Trust the authority that signed the certificate.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Assign, Call, Setting, Value};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "tls-verification-off",
    family: Family::Security,
    severity: Severity::Error,
    why: "Anyone on the way can read and change what is sent, tokens included.",
    action: "leave the check on; name the certificate authority to trust with verify=PATH",
    source: include_str!("tls_verification_off.rs"),
    checks: &[
        Check::Setting(&["verify", "verify_ssl", "ssl"], check),
        Check::CallTo(&["_create_unverified_context", "_create_stdlib_context"], check_call),
        Check::Assign(check_assign),
    ],
    ..Rule::STABLE
};

const CLIENTS: &[&str] = &["requests", "httpx", "aiohttp", "urllib3", "session", "client", "http"];

fn check(context: &mut Context<'_>, setting: &Setting) {
    if setting.value != Value::Bool(false) {
        return;
    }
    let Some(method) = &setting.method else { return };
    let path = setting.of.as_deref().unwrap_or(method).to_ascii_lowercase();
    let http = CLIENTS.iter().any(|word| path.contains(word))
        || matches!(
            &**method,
            "get"
                | "post"
                | "put"
                | "patch"
                | "delete"
                | "head"
                | "request"
                | "stream"
                | "Client"
                | "AsyncClient"
                | "TCPConnector"
        );
    // A token's signature is another matter, and `ssl=False` of a database is a choice of the network.
    let other = path.contains("jwt")
        || (&*setting.name == "ssl" && !path.contains("aiohttp") && !path.contains("session"));
    if http && !other {
        context.report_milder_in_tests(
            setting.span,
            setting.scope,
            format!("`{}=False` accepts any certificate", setting.name),
        );
    }
}

fn check_call(context: &mut Context<'_>, call: &Call) {
    if call.callee.starts_with("ssl._create_") && &*call.callee == "ssl._create_unverified_context" {
        context.report_milder_in_tests(
            call.span,
            call.scope,
            "an unverified context accepts any certificate",
        );
    }
}

fn check_assign(context: &mut Context<'_>, assign: &Assign) {
    if &*assign.name == "verify_mode" && assign.value.path() == Some("ssl.CERT_NONE") {
        context.report_milder_in_tests(assign.span, assign.scope, "`CERT_NONE` accepts any certificate");
    }
}
