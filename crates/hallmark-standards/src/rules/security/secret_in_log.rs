//! ## What it does
//!
//! Finds a value with a secret name (password, access_token, api_key, ...) that is logged or printed as it is, also inside
//! an f-string, `%` or `format`, outside tests. A logger is what `logging.getLogger` and its kind give, or is called so. What goes through a call (`mask(api_key)`, `len(api_key)`) or is cut is left alone.
//!
//! ## Why
//!
//! Logs are kept, shipped and read by more people than the secret is meant for.
//!
//! ## Example
//!
//! ```python
//! logger.info(f"connecting with {password}")
//! ```
//!
//! ## Use instead
//!
//! ```python
//! logger.info("connecting as %s", user)
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003: sensitive data is masked. 2026: `gold-security` and the classification of event payloads.
//!
//! ## How to mend
//!
//! Leave it out, or log only that it is set.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "secret-in-log",
    family: Family::Security,
    severity: Severity::Error,
    why: "Logs are kept, shipped and read by more people than the secret is meant for.",
    action: "leave it out, or log only that it is set",
    source: include_str!("secret_in_log.rs"),
    checks: &[Check::Module(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, module: &Module) {
    if context.is_test_file() {
        return;
    }
    for secret in &module.logged_secrets {
        context.report(secret.span, secret.scope, format!("`{}` is logged as it is", secret.text));
    }
}
