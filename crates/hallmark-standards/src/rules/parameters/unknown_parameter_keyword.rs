//! ## What it does
//!
//! Finds a keyword that `NodeParameter` does not have, such as `validation_rules` or `min_value`.
//!
//! ## Why
//!
//! `NodeParameter` drops unknown keywords without a word. The check that the author believes in never runs.
//!
//! ## Example
//!
//! ```python
//! NodeParameter(name="age", type=int, validation_rules=["positive"])
//! ```
//!
//! ## Use instead
//!
//! ```python
//! NodeParameter(name="age", type=int)  # and check the range in run
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. The fields of `NodeParameter` as of SDK 2.65; the seed's own ADR-009 uses `validation_rules`, which never
//! did anything.
//!
//! ## How to mend
//!
//! Check the value in `run`, or use `choices` for a closed list.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "unknown-parameter-keyword",
    family: Family::Parameters,
    severity: Severity::Error,
    why: "`NodeParameter` drops unknown keywords without a word. The check that the author believes in never runs.",
    action: "check the value in run instead, and delete the keyword",
    source: include_str!("unknown_parameter_keyword.rs"),
    checks: &[Check::CallTo(&["NodeParameter"], check)],
    ..Rule::STABLE
};

const FIELDS: &[&str] = &[
    "auto_map_from",
    "auto_map_primary",
    "category",
    "choices",
    "default",
    "default_value",
    "description",
    "display_name",
    "enum",
    "icon",
    "input",
    "name",
    "output",
    "required",
    "type",
    "workflow_alias",
];

fn check(context: &mut Context<'_>, call: &Call) {
    let Some(arg) = call.args.iter().find(|a| a.keyword.as_deref().is_some_and(|k| !FIELDS.contains(&k)))
    else {
        return;
    };
    if context.is(&call.callee, sdk::PARAMETER) {
        let keyword = arg.keyword.as_deref().unwrap_or_default();
        context.report(
            arg.span,
            call.scope,
            format!("NodeParameter has no field `{keyword}`: it is dropped silently"),
        );
    }
}
