//! ## What it does
//!
//! Finds a suppression comment that names no rule, or all of them: `allow`, `allow[]`, `allow[*]`, `allow[all]`. Such a comment
//! suppresses nothing.
//!
//! ## Why
//!
//! It would accept what is found today and whatever is found there later, by rules that did not exist when it was written.
//!
//! ## Example
//!
//! ```python
//! run(query)  # hallmark: allow[*] reviewed
//! ```
//!
//! ## Use instead
//!
//! ```python
//! # hallmark: allow[sql-built-by-formatting] the table's name is one of ours
//! run(query)
//! ```
//!
//! ## Gold standard
//!
//! Both editions: an exception is visible, and says from what.
//!
//! ## How to mend
//!
//! Name the rules, as the findings on the line do.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Suppression;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "blanket-suppression",
    family: Family::Meta,
    severity: Severity::Error,
    why: "It would accept what is found today and whatever is found there later, by rules that did not exist when it was written.",
    action: "name the rules that it is about",
    source: include_str!("blanket_suppression.rs"),
    checks: &[Check::Suppression(check)],
    suppressible: false,
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, suppression: &Suppression) {
    let directive = &suppression.directive;
    if directive.is_blanket && directive.misspelt.is_none() {
        let message = if directive.rules.is_empty() {
            "the suppression names no rule"
        } else {
            "the suppression is meant for every rule"
        };
        context.report(suppression.span, 0, message);
    }
}
