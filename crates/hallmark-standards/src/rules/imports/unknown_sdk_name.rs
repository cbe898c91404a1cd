//! ## What it does
//!
//! Finds imports of names and modules that the SDK does not have but that are often written: `BaseNode`, `dataflow.Field`,
//! modules that moved to other packages, and names of distributions used as modules (`kailash_dataflow`).
//!
//! ## Why
//!
//! The import fails, and with it every test and every workflow that reaches the file.
//!
//! ## Example
//!
//! ```python
//! from kailash.nodes.base import BaseNode
//! ```
//!
//! ## Use instead
//!
//! ```python
//! from kailash.nodes.base import Node
//! ```
//!
//! ## Gold standard
//!
//! REQ-GS-001. Which names exist depends on the SDK's version: `kailash.nodes.ai`, `kailash.nodes.rag` and
//! `kailash.mcp_server` existed in the SDK of the edition 2025 (0.9) and do not in that of 2026 (2.65). Under 2025
//! `SecureGovernedNode` is a class of the project; under 2026 it is `kailash.nodes.governance.SecureGovernedNode`.
//!
//! ## How to mend
//!
//! Use the name that the finding gives, or the version of the SDK that has the one you use.

use hallmark_diagnostics::Severity;
use hallmark_python::facts::Import;

use crate::rule::{Check, Family, Rule};
use crate::{Context, Edition};

pub(crate) static RULE: Rule = Rule {
    name: "unknown-sdk-name",
    family: Family::Imports,
    severity: Severity::Error,
    why: "The import fails, and with it every test and every workflow that reaches the file.",
    action: "use a name that the SDK has",
    source: include_str!("unknown_sdk_name.rs"),
    checks: &[Check::Import(check)],
    ..Rule::STABLE
};

/// Names that no edition has, with what is meant.
const NAMES: &[(&str, &str, &str)] = &[
    ("dataflow", "Field", "annotate the field with its plain Python type; DataFlow has no `Field`"),
    ("kailash.nodes.base", "BaseNode", "write `from kailash.nodes.base import Node`"),
    ("kailash.nodes", "BaseNode", "write `from kailash.nodes.base import Node`"),
];

/// Modules that no edition has, with what is meant.
const MODULES: &[(&str, &str)] = &[
    ("kailash.core.nodes", "write `from kailash.nodes.base import Node`"),
    ("kailash.core.parameter", "write `from kailash.nodes.base import NodeParameter`"),
    ("kailash.dataflow", "write `from dataflow import DataFlow`"),
    ("kailash.nexus", "write `from nexus import Nexus`"),
    (
        "kailash_dataflow",
        "write `from dataflow import DataFlow`: `kailash-dataflow` is only the distribution's name",
    ),
    ("kailash_nexus", "write `from nexus import Nexus`: `kailash-nexus` is only the distribution's name"),
];

/// Modules that left the SDK between the editions.
const MOVED: &[(&str, &str)] = &[
    ("kailash.mcp_server", "install `kailash-mcp` and import from `kailash_mcp`"),
    ("kailash.nodes.ai", "install `kailash-kaizen` and import from `kaizen`"),
    ("kailash.nodes.rag", "install `kailash-kaizen` and import from `kaizen`"),
];

fn check(context: &mut Context<'_>, import: &Import) {
    let module = &*import.module;
    if import.level > 0 || context.index().is_own(module) {
        return;
    }
    let (edition, version) = (context.edition(), context.edition().sdk_version());
    if let Some(action) = unknown_module(module, edition) {
        if import.first || import.name.is_none() {
            let message = format!("there is no module `{module}` in the SDK {version}");
            context.report(import.span, import.scope, message).action(action);
        }
    } else if let Some(name) = import.name.as_deref()
        && let Some(action) = unknown_name(module, name, edition)
    {
        let message = format!("`{module}` has no `{name}` in the SDK {version}");
        context.report(import.span, import.scope, message).action(action);
    }
}

fn unknown_module(module: &str, edition: Edition) -> Option<&'static str> {
    let below =
        |known: &str| module.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let moved = if edition == Edition::E2026 { MOVED } else { &[] };
    MODULES.iter().chain(moved).find(|(known, _)| below(known)).map(|(_, action)| *action)
}

fn unknown_name(module: &str, name: &str, edition: Edition) -> Option<&'static str> {
    if (module, name) == ("kailash.nodes.base", "SecureGovernedNode") {
        return Some(match edition {
            Edition::E2025 => "define the governed base class in the project and import it from there",
            Edition::E2026 => "write `from kailash.nodes.governance import SecureGovernedNode`",
        });
    }
    NAMES.iter().find(|(m, n, _)| (*m, *n) == (module, name)).map(|(.., action)| *action)
}
