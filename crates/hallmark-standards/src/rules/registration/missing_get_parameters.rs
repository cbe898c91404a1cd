//! ## What it does
//!
//! Finds a concrete class that derives directly from the SDK's `Node` or `AsyncNode` and neither defines nor inherits
//! `get_parameters`.
//!
//! ## Why
//!
//! `get_parameters` is abstract in the SDK: the class cannot be constructed, and nothing says what the node accepts.
//!
//! ## Example
//!
//! ```python
//! class PriceNode(Node):
//!     def run(self, **kwargs):
//!         return {"price": kwargs["net"]}
//! ```
//!
//! ## Use instead
//!
//! ```python
//! class PriceNode(Node):
//!     def get_parameters(self):
//!         return {"net": NodeParameter(name="net", type=float, required=True)}
//!
//!     def run(self, **kwargs):
//!         return {"price": kwargs["net"]}
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-002. 2025: custom node guide; 2026: `gold-custom-nodes` checklist, "implements get_parameters".
//!
//! ## How to mend
//!
//! Declare every parameter that `run` reads, each with its type.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Class;

use crate::Context;
use crate::rule::{Check, Family, Rule};
use crate::sdk;
use hallmark_python::index::Resolved;

pub(crate) static RULE: Rule = Rule {
    name: "missing-get-parameters",
    family: Family::Registration,
    severity: Severity::Error,
    why: "`get_parameters` is abstract in the SDK: the class cannot be constructed, and nothing says what the node accepts.",
    action: "declare what run reads in get_parameters",
    source: include_str!("missing_get_parameters.rs"),
    checks: &[Check::Class(check)],
    ..Rule::STABLE
};

fn check(context: &mut Context<'_>, class: &Class) {
    if class.bases.is_empty()
        || context.defines(class, &["get_parameters"])
        || !context.is_concrete_node(class)
    {
        return;
    }
    let plain = |path: &str| {
        let path = sdk::normalise(path);
        path == sdk::NODE || path == "kailash.nodes.base_async.AsyncNode"
    };
    let inherits = context.ancestors(class).iter().any(|ancestor| match ancestor {
        Resolved::Class(found) => {
            !plain(&found.class.path)
                && found.class.methods.iter().any(|m| {
                    found.module.functions.get(*m as usize).is_some_and(|f| &*f.name == "get_parameters")
                })
        }
        // A base that cannot be seen may well define it.
        Resolved::Path(path) => !plain(path) && !is_harmless(path),
    });
    if !inherits {
        context.report(class.span, class.scope, format!("node `{}` declares no parameters", class.name));
    }
}

fn is_harmless(path: &str) -> bool {
    matches!(path, "abc.ABC" | "builtins.object") || path.starts_with("typing.")
}
