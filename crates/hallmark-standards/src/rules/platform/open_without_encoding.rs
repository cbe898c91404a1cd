//! ## What it does
//!
//! Finds `open` of a text file without an encoding.
//!
//! ## Why
//!
//! The encoding is then that of the machine: UTF-8 here, code page 1252 there, and the same file is read as other text.
//!
//! ## Example
//!
//! ```python
//! with open("prices.csv") as file:
//!     load(file)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! with open("prices.csv", encoding="utf-8") as file:
//!     load(file)
//! ```
//!
//! ## Gold standard
//!
//! Windows compatibility.
//!
//! ## How to mend
//!
//! Name the encoding.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "open-without-encoding",
    family: Family::Platform,
    severity: Severity::Warning,
    why: "The encoding is then that of the machine: UTF-8 here, code page 1252 there, and the same file is read as other text.",
    action: "write encoding=\"utf-8\"",
    source: include_str!("open_without_encoding.rs"),
    checks: &[Check::CallTo(&["open"], check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, call: &Call) {
    let plain = matches!(&*call.callee, "builtins.open" | "io.open");
    if !plain || call.has_spread() || call.keyword("encoding").is_some() || call.positional(3).is_some() {
        return;
    }
    let mode = call.positional(1).or_else(|| call.keyword("mode"));
    let text = mode.is_none_or(|mode| mode.value.text().is_some_and(|mode| !mode.contains('b')));
    if text {
        context.report(call.span, call.scope, "the encoding depends on the machine");
    }
}
