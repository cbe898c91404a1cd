//! ## What it does
//!
//! Finds a suppression comment for a rule that ran and found nothing where the comment speaks, and one for a rule that no comment
//! can suppress. A rule that did not run in this scan is not judged.
//!
//! ## Why
//!
//! A suppression that is left behind hides the next finding on its line. One for a rule that cannot be suppressed looks like an
//! exception and is none.
//!
//! ## Example
//!
//! ```python
//! import os  # hallmark: allow[star-import] kept as it came
//! ```
//!
//! ## Use instead
//!
//! ```python
//! import os
//! ```
//!
//! ## Gold standard
//!
//! Both editions: an exception is visible, and there is something that it is an exception to.
//!
//! ## How to mend
//!
//! Remove the comment, or the name of the rule from it.

use hallmark_diagnostics::{Edit, Fix, Severity};
use hallmark_python::facts::Suppression;

use crate::rule::{Check, Family, Rule};
use crate::{Context, Effect};

pub(crate) static RULE: Rule = Rule {
    name: "unused-suppression",
    family: Family::Meta,
    severity: Severity::Warning,
    why: "A suppression that is left behind hides the next finding on its line.",
    action: "remove it",
    source: include_str!("unused_suppression.rs"),
    checks: &[Check::Effect(check)],
    suppressible: false,
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, suppression: &Suppression, effect: &Effect) {
    if let Some(name) = effect.forbidden.first() {
        let message = format!("no comment can suppress `{name}`");
        context
            .report(suppression.span, 0, message)
            .severity(Severity::Error)
            .action("mend what it is about, and remove the comment");
        return;
    }
    if effect.unused.is_empty() {
        return;
    }
    let all = effect.unused.len() == suppression.directive.rules.len();
    let names: Vec<String> = effect.unused.iter().map(|name| format!("`{name}`")).collect();
    let raw = context.report(suppression.span, 0, format!("nothing here breaks {}", names.join(" or ")));
    if all {
        let (start, end) = (suppression.removal.start, suppression.removal.end);
        let edit = Edit { start, end, content: String::new() };
        raw.fix(Fix::safe("Remove the suppression", vec![edit]));
    } else {
        raw.action(format!("take {} out of the bracket", names.join(" and ")));
    }
}
