//! ## What it does
//!
//! Finds `Nexus(...)` without `auto_discovery` in a file that uses DataFlow.
//!
//! ## Why
//!
//! Discovery imports every module that it finds; with DataFlow that opens connections and makes start-up take seconds.
//!
//! ## Example
//!
//! ```python
//! app = Nexus()
//! ```
//!
//! ## Use instead
//!
//! ```python
//! app = Nexus(auto_discovery=False)
//! ```
//!
//! ## Gold standard
//!
//! 2026: DataFlow with Nexus.
//!
//! ## How to mend
//!
//! Turn discovery off.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Call;

use crate::Context;
use crate::rule::{Check, Family, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "nexus-auto-discovery",
    family: Family::Channels,
    severity: Severity::Info,
    why: "Discovery imports every module that it finds; with DataFlow that opens connections and makes start-up take seconds.",
    action: "write auto_discovery=False and register the workflows",
    source: include_str!("nexus_auto_discovery.rs"),
    checks: &[Check::CallTo(&["Nexus"], check)],
    ..Rule::PREVIEW
};

fn check(context: &mut Context<'_>, call: &Call) {
    let with_dataflow =
        context.module().imports.iter().any(|i| i.module.split('.').next() == Some("dataflow"));
    let is_nexus = matches!(&*context.canonical(&call.callee), "nexus.Nexus" | "nexus.core.Nexus");
    if with_dataflow && is_nexus && call.keyword("auto_discovery").is_none() && !call.has_spread() {
        context.report(call.span, call.scope, "discovery imports every module it finds");
    }
}
