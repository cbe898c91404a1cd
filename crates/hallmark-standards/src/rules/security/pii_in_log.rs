//! ## What it does
//!
//! Finds personal data given to a log or printed as it is: values named like `email`, `phone`, `ssn`, `credit_card`,
//! `date_of_birth`.
//!
//! ## Why
//!
//! Logs are kept longer, copied further and read by more people than the data may be.
//!
//! ## Example
//!
//! ```python
//! logger.info("order of %s", customer.email)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! logger.info("order of customer %s", customer.id)
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `event-payload-classification`, masking.
//!
//! ## How to mend
//!
//! Log the key of the record, or pass the value through a masking function.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "pii-in-log",
    family: Family::Security,
    severity: Severity::Warning,
    why: "Logs are kept longer, copied further and read by more people than the data may be.",
    action: "log an identifier, or mask the value",
    source: include_str!("pii_in_log.rs"),
    checks: &[Check::Module(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, module: &Module) {
    for shown in &module.logged_persons {
        context.report_milder_in_tests(
            shown.span,
            shown.scope,
            format!("`{}` is logged as it is", shown.text),
        );
    }
}
