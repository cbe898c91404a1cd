//! ## What it does
//!
//! Finds `DataFlow.configure(...)`.
//!
//! ## Why
//!
//! `DataFlow` never had a method of this name: the first call raises an `AttributeError`, and every model behind it stays
//! undefined.
//!
//! ## Example
//!
//! ```python
//! db = DataFlow()
//! db.configure(url=URL)
//! ```
//!
//! ## Use instead
//!
//! ```python
//! db = DataFlow(URL)
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-004. Both editions: the constructor takes the settings. (Hallmark's own Rust API has `DataFlow::configure`.)
//!
//! ## How to mend
//!
//! Pass the settings to `DataFlow(...)`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "dataflow-configure",
    family: Family::Dataflow,
    severity: Severity::Error,
    why: "`DataFlow` never had a method of this name: the first call raises an `AttributeError`, and every model behind it stays undefined.",
    action: "pass the settings to DataFlow(...)",
    source: include_str!("dataflow_configure.rs"),
    checks: &[Check::CallTo(&["configure"], check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, call: &Call) {
    if call.callee.ends_with(".configure") {
        let callee = context.canonical(&call.callee);
        let receiver = callee.strip_suffix(".configure").unwrap_or_default();
        let receiver = receiver.strip_suffix("()").unwrap_or(receiver);
        if receiver.ends_with(".DataFlow") && receiver.contains("dataflow.") {
            context.report(call.head, call.scope, "DataFlow has no method `configure`");
        }
    }
}
