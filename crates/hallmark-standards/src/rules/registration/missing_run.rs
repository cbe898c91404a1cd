//! ## What it does
//!
//! Finds a concrete node that derives directly from `Node` or `AsyncNode` and defines neither `run` nor `async_run`.
//!
//! ## Why
//!
//! `run` is abstract: the node cannot be constructed.
//!
//! ## Example
//!
//! ```python
//! class PriceNode(Node):
//!     def get_parameters(self):
//!         return {}
//! ```
//!
//! ## Use instead
//!
//! ```python
//! class PriceNode(Node):
//!     def get_parameters(self):
//!         return {}
//!
//!     def run(self, **kwargs):
//!         return {}
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-002. 2025: custom node guide.
//!
//! ## How to mend
//!
//! Define it.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;
use hallmark_python::index::Resolved;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;

pub(crate) static RULE: Rule = Rule {
    name: "missing-run",
    family: Family::Registration,
    severity: Severity::Error,
    why: "`run` is abstract: the node cannot be constructed.",
    action: "define run, or async_run on an AsyncNode",
    source: include_str!("missing_run.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    const WORK: &[&str] = &["run", "async_run", "run_governed", "execute"];
    if class.bases.is_empty() || context.defines(class, WORK) || !context.is_concrete_node(class) {
        return;
    }
    let plain = |path: &str| {
        let path = sdk::normalise(path);
        path == sdk::NODE || path == "kailash.nodes.base_async.AsyncNode"
    };
    let inherits = context.ancestors(class).iter().any(|ancestor| match ancestor {
        Resolved::Class(found) => {
            !plain(&found.class.path) && found.module.methods(found.class).any(|m| WORK.contains(&&*m.name))
        }
        // A base that cannot be seen may well define it.
        Resolved::Path(path) => {
            !plain(path)
                && !path.starts_with("builtins.")
                && !path.starts_with("typing.")
                && !path.starts_with("abc.")
        }
    });
    if !inherits {
        let message = format!("node `{}` does nothing: it has no run", class.name);
        context.report_milder_in_tests(class.span, class.scope, message);
    }
}
