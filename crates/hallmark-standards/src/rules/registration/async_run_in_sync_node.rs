//! ## What it does
//!
//! Finds `async def run` in a class that derives from the SDK's `Node`.
//!
//! ## Why
//!
//! The SDK calls `run` without awaiting it. The node then returns a coroutine that never runs, and the workflow gets no
//! result.
//!
//! ## Example
//!
//! ```python
//! class FetchNode(Node):
//!     async def run(self, **kwargs):
//!         ...
//! ```
//!
//! ## Use instead
//!
//! ```python
//! class FetchNode(AsyncNode):
//!     async def async_run(self, **kwargs):
//!         ...
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-002. 2025 and 2026: `gold-custom-nodes`; the SDK's `AsyncNode` awaits `async_run`.
//!
//! ## How to mend
//!
//! Derive from `AsyncNode` and name the method `async_run`.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use hallmark_python::index::Resolved;

pub(crate) static RULE: Rule = Rule {
    name: "async-run-in-sync-node",
    family: Family::Registration,
    severity: Severity::Error,
    why: "The SDK calls `run` without awaiting it. The node then returns a coroutine that never runs, and the workflow gets no result.",
    action: "derive from AsyncNode and name the method async_run",
    source: include_str!("async_run_in_sync_node.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    let module = context.module();
    let run = class
        .methods
        .iter()
        .filter_map(|m| module.functions.get(*m as usize))
        .find(|f| &*f.name == "run" && f.is_async);
    let Some(run) = run else { return };
    let is_async = context.ancestors(class).iter().any(|ancestor| match ancestor {
        Resolved::Class(found) => found.class.name.contains("Async"),
        Resolved::Path(path) => path.rsplit('.').next().is_some_and(|name| name.contains("Async")),
    });
    if !is_async && context.is_node(class) {
        let message = format!("`run` of node `{}` is a coroutine that nothing awaits", class.name);
        context.report(run.span, run.scope, message);
    }
}
