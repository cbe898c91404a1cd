//! ## What it does
//!
//! Finds a suppression comment whose last day (`until=2027-01-31`) is over. It suppresses nothing any longer: what it was about is
//! reported again.
//!
//! ## Why
//!
//! A last day is a promise to come back. When it is over, the exception needs a decision, not another day of silence.
//!
//! ## Example
//!
//! ```python
//! # hallmark: allow[sdk-mock-switch] until the sandbox is up; until=2024-06-30
//! client = Client(mock=True)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! client = Client(url=os.environ["SANDBOX_URL"])
//! ```
//!
//! ## Gold standard
//!
//! Both editions: an exception is visible and has an end.
//!
//! ## How to mend
//!
//! Mend what it is about and remove the comment, or give a later day with a reason that still holds.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Suppression;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::suppress;

pub(crate) static RULE: Rule = Rule {
    name: "expired-suppression",
    family: Family::Meta,
    severity: Severity::Error,
    why: "A last day is a promise to come back. When it is over, the exception needs a decision.",
    action: "mend what it is about and remove it, or give a later day with a reason that still holds",
    source: include_str!("expired_suppression.rs"),
    checks: &[Check::Suppression(check)],
    suppressible: false,
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, suppression: &Suppression) {
    if suppress::has_expired(suppression, context.today()) {
        let directive = &suppression.directive;
        let owner = if directive.owner.is_empty() {
            String::new()
        } else {
            format!("; {} answers for it", directive.owner)
        };
        context.report(suppression.span, 0, format!("the suppression held until {}{owner}", directive.until));
    }
}
