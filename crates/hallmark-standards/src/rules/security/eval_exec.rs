//! ## What it does
//!
//! Finds a call of the builtin `eval` or `exec` with anything but a literal, outside tests.
//!
//! ## Why
//!
//! Whatever text reaches it is run with all the rights of the process.
//!
//! ## Example
//!
//! ```python
//! value = eval(expression)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! value = ast.literal_eval(expression)
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `rules/security`, must not.
//!
//! ## How to mend
//!
//! Use `ast.literal_eval` for data, a table of functions for a choice.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use hallmark_python::facts::Value;

pub(crate) static RULE: Rule = Rule {
    name: "eval-exec",
    family: Family::Security,
    severity: Severity::Error,
    why: "Whatever text reaches it is run with all the rights of the process.",
    action: "use ast.literal_eval for data, or a table of functions",
    source: include_str!("eval_exec.rs"),
    checks: &[Check::CallTo(&["eval", "exec"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    let name = match &*call.callee {
        "builtins.eval" => "eval",
        "builtins.exec" => "exec",
        _ => return,
    };
    let literal = call.positional(0).is_none_or(|a| matches!(a.value, Value::Text(_)));
    if !literal && !context.is_test_file() {
        context.report(call.span, call.scope, format!("{name} runs a text that is not in the source"));
    }
}
