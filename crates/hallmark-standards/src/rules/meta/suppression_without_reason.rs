//! ## What it does
//!
//! Finds a suppression comment that cannot be followed: it gives no reason, names a rule that does not exist, or a last day that
//! is none, or begins with a word that only looks like `allow`. Such a comment suppresses nothing.
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
//! # hallmark: allow[stub-library] no server can be given a skewed clock
//! cache = fakeredis.FakeRedis()
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
use hallmark_python::suppression::is_day;

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
    let directive = &suppression.directive;
    if let Some(word) = &directive.misspelt {
        let message = format!("`{word}` is no suppression");
        context.report(suppression.span, 0, message).action("write `hallmark: allow[rule] reason`");
        return;
    }
    if directive.is_blanket {
        return;
    }
    for name in directive.rules.iter().filter(|name| rules::find(name).is_none()) {
        let near = hallmark_core::nearest(name, rules::all().iter().map(|r| r.name));
        let raw = context.report(suppression.span, 0, format!("there is no rule `{name}`"));
        match near {
            Some(near) => raw.action(format!("did you mean `{near}`?")),
            None => raw.action("`hallmark rule` lists every rule"),
        };
    }
    if directive.reason.is_empty() {
        context.report(suppression.span, 0, "the suppression gives no reason");
    }
    if directive.lacks_day {
        let message = "`until=` is followed by no day";
        context.report(suppression.span, 0, message).action("write the last day as YYYY-MM-DD");
    }
    if !directive.until.is_empty() && !is_day(&directive.until) {
        let message = format!("`{}` is no day", directive.until);
        context.report(suppression.span, 0, message).action("write the last day as YYYY-MM-DD");
    }
}
