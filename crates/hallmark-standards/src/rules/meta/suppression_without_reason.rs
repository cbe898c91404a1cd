//! ## What it does
//!
//! Finds a suppression comment without a reason, without a rule, or with the name of a rule that does not exist. Such a
//! comment suppresses nothing.
//!
//! ## Why
//!
//! A suppression is an exception to a standard. Without its reason nobody can tell later whether it still holds.
//!
//! ## Example
//!
//! ```python
//! cache = fakeredis.FakeRedis()  # hallmark: allow[stub-library]
//! ```
//!
//! ## Use instead
//!
//! ```python
//! cache = fakeredis.FakeRedis()  # hallmark: allow[stub-library] clock skew cannot be made on a real server
//! ```
//!
//! ## Gold standard
//!
//! Both editions: an exception is visible and has a reason.
//!
//! ## How to mend
//!
//! Write the reason behind the bracket, or remove the comment.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Suppression;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::rules;

pub(crate) static RULE: Rule = Rule {
    name: "suppression-without-reason",
    family: Family::Meta,
    severity: Severity::Error,
    why: "A suppression is an exception to a standard. Without its reason nobody can tell later whether it still holds.",
    action: "write the reason behind the bracket",
    source: include_str!("suppression_without_reason.rs"),
    checks: &[Check::Suppression(check)],
    suppressible: false,
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, suppression: &Suppression) {
    let unknown = suppression.rules.iter().find(|name| rules::find(name).is_none());
    let message = match unknown {
        Some(name) => format!("there is no rule `{name}`"),
        None if suppression.rules.is_empty() => "the suppression names no rule".to_owned(),
        None if suppression.reason.is_empty() => "the suppression gives no reason".to_owned(),
        None => return,
    };
    context.report(suppression.span, 0, message);
}
