//! ## What it does
//!
//! Finds a node that declares a sensitive parameter (a password, token, key, or personal data) and neither derives from a
//! governed base nor validates its inputs.
//!
//! ## Why
//!
//! The value goes into logs, errors and stored runs as it is.
//!
//! ## Example
//!
//! ```python
//! class LoginNode(Node):
//!     def get_parameters(self):
//!         return {"password": NodeParameter(name="password", type=str)}
//! ```
//!
//! ## Use instead
//!
//! ```python
//! class LoginNode(SecureGovernedNode):
//!     ...
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-003. Masking of sensitive parameters.
//!
//! ## How to mend
//!
//! Use the governed base.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;
use hallmark_python::index::Resolved;
use hallmark_python::names::{is_personal, is_secret};

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "unvalidated-sensitive-parameter",
    family: Family::Parameters,
    severity: Severity::Warning,
    why: "The value goes into logs, errors and stored runs as it is.",
    action: "derive from SecureGovernedNode, or validate and mask it",
    source: include_str!("unvalidated_sensitive_parameter.rs"),
    checks: &[Check::Class(check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, class: &Class) {
    let module = context.module();
    let methods = || class.methods.iter().filter_map(|m| module.functions.get(*m as usize));
    let Some(declared) = methods().find_map(|f| f.declared.as_ref()) else { return };
    let sensitive =
        declared.entries.iter().find(|e| e.key.as_deref().is_some_and(|k| is_secret(k) || is_personal(k)));
    let Some(entry) = sensitive else { return };
    let governed = context.ancestors(class).iter().any(|ancestor| match ancestor {
        Resolved::Class(found) => found.class.name.contains("Governed"),
        Resolved::Path(path) => path.contains("Governed"),
    });
    let validates =
        methods().any(|f| f.name.contains("valid") || f.name.contains("mask") || f.name.contains("sanit"));
    if !governed && !validates && !context.is_test_file() && context.is_node(class) {
        let key = entry.key.as_deref().unwrap_or_default();
        context.report(entry.span, class.scope, format!("nothing validates or masks `{key}`"));
    }
}
