//! ## What it does
//!
//! Finds `os.system`, `os.popen`, `subprocess.getoutput` and calls of `subprocess` with `shell=True` whose command is not
//! written in the source, outside tests. A name that is bound once, to a literal, is.
//!
//! ## Why
//!
//! A shell splits, expands and chains what it is given: a file name with a semicolon in it is a second command.
//!
//! ## Example
//!
//! ```python
//! os.system(f"convert {path} out.png")
//! ```
//!
//! ## Use instead
//!
//! ```python
//! subprocess.run(["convert", path, "out.png"], check=True)
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. 2026: `rules/security`, must not.
//!
//! ## How to mend
//!
//! Give the command as a list of arguments, without a shell.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::{Call, Value};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "shell-injection",
    family: Family::Security,
    severity: Severity::Error,
    why: "A shell splits, expands and chains what it is given: a file name with a semicolon in it is a second command.",
    action: "give the command as a list of arguments, without a shell",
    source: include_str!("shell_injection.rs"),
    checks: &[Check::CallTo(NAMES, check)],
    ..Rule::STABLE
};

/// The last names of what may start a shell.
const NAMES: &[&str] = &[
    "Popen",
    "call",
    "check_call",
    "check_output",
    "create_subprocess_shell",
    "getoutput",
    "getstatusoutput",
    "popen",
    "run",
    "system",
];

/// Functions that always use a shell.
const SHELLS: &[&str] = &[
    "asyncio.create_subprocess_shell",
    "os.popen",
    "os.system",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
];

fn check(context: &mut Context<'_>, call: &Call) {
    let callee = &*call.callee;
    let asked = callee.starts_with("subprocess.")
        && call.keyword("shell").is_some_and(|a| a.value == Value::Bool(true));
    if context.is_test_file() || !(asked || SHELLS.contains(&callee)) {
        return;
    }
    let command = call.positional(0).or_else(|| call.keyword("args")).or_else(|| call.keyword("cmd"));
    let Some(command) = command else { return };
    if !matches!(command.value, Value::Text(_) | Value::Constant) {
        let message = format!("`{callee}` gives a shell a command that is not in the source");
        context.report(call.head, call.scope, message);
    } else if SHELLS.contains(&callee) {
        let message = format!("`{callee}` starts a shell for a command that needs none");
        context.report(call.head, call.scope, message).severity(Severity::Info);
    }
}
